import { Flag, FrameType, writeFrameHeader, writeUint32 } from '../../src/main/grpc/http2/frame.js'
import { HpackEncoder } from '../../src/main/grpc/http2/hpack-encoder.js'
import { BufferPool, OutputBuffer } from '../../src/main/sockets/output-buffer.js'

/** Any frame, right or wrong. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(9 + payload.length)
  writeFrameHeader(bytes, 0, payload.length, type, flags, streamId)
  bytes.set(payload, 9)
  return bytes
}

/** Settings as pairs of identifier and value. */
export function settingsFrame(...settings: readonly (readonly [number, number])[]): Buffer {
  const payload = Buffer.alloc(settings.length * 6)
  settings.forEach(([id, value], index) => {
    payload.writeUInt16BE(id, index * 6)
    payload.writeUInt32BE(value, index * 6 + 2)
  })
  return frame(FrameType.SETTINGS, 0, 0, payload)
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  writeUint32(bytes, 0, value)
  return bytes
}

/** A header block of literals, which changes no table. */
export function block(...fields: readonly string[]): Buffer {
  const output = new OutputBuffer(new BufferPool())
  new HpackEncoder(() => false).write(fields, output)
  return Buffer.from(output.view())
}

/** The head of a call of this method. */
export function callBlock(path: string, ...more: readonly string[]): Buffer {
  const fields = [':method', 'POST', ':scheme', 'http', ':path', path, ':authority', 'test']
  return block(...fields, 'content-type', 'application/grpc', 'te', 'trailers', ...more)
}

/** A header block in one frame. */
export function headersFrame(streamId: number, fields: Buffer, flags: number = Flag.END_HEADERS): Buffer {
  return frame(FrameType.HEADERS, flags, streamId, fields)
}

/** DATA with one message in it. */
export function messageFrame(streamId: number, message: Uint8Array, flags: number = Flag.END_STREAM): Buffer {
  return frame(
    FrameType.DATA,
    flags,
    streamId,
    Buffer.concat([Buffer.from([0]), uint32(message.length), message]),
  )
}
