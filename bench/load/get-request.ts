/** A gRPC message `pb.Request { group = 1; key = 2 }` with its prefix: not compressed, length. */
export function getRequest(group: string, key: string): Buffer {
  const fields = [group, key].flatMap((text, index) => {
    const bytes = Buffer.from(text)
    return [Buffer.from([((index + 1) << 3) | 2]), varint(bytes.length), bytes]
  })
  const message = Buffer.concat(fields)
  const prefix = Buffer.alloc(5)
  prefix.writeUInt32BE(message.length, 1)
  return Buffer.concat([prefix, message])
}

/** Bytes of a gRPC message `pb.ResponseForGet { value = 1 }` with a value of so many bytes. */
export function getAnswerBytes(valueBytes: number): number {
  return 5 + 1 + varint(valueBytes).length + valueBytes
}

function varint(value: number): Buffer {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest >>>= 7) bytes.push((rest & 127) | 128)
  return Buffer.from([...bytes, rest])
}
