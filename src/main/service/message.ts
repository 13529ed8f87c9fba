import protobuf, { type Reader, type Writer } from 'protobufjs/minimal.js'

/** How one message type lies on the wire. `decode` throws on bytes that are no such message. */
export interface MessageCodec<Message> {
  encode(message: Message): Buffer
  decode(bytes: Uint8Array): Message
}

/**
 * Tags, as they stand on the wire: the field's number, then in the low three bits how its value is laid out (protobuf
 * encoding specification, "Message Structure").
 */
export const varintTag = (field: number): number => field << 3
export const fixed64Tag = (field: number): number => (field << 3) | 1
export const lengthTag = (field: number): number => (field << 3) | 2

/** Builds a codec from its two halves. `read` is called with the tag of each field and says whether it took the field. */
export function messageCodec<Message>(
  empty: () => Message,
  read: (message: Message, tag: number, reader: Reader) => boolean,
  write: (message: Message, writer: Writer) => void,
): MessageCodec<Message> {
  return {
    encode(message) {
      const writer = protobuf.Writer.create()
      write(message, writer)
      // On Node.js protobufjs writes into Buffers; its types promise the less.
      return writer.finish() as Buffer
    },
    decode(bytes) {
      const reader = protobuf.Reader.create(bytes)
      const message = empty()
      while (reader.pos < reader.len) {
        const tag = reader.uint32()
        if (tag >>> 3 === 0) throw new RangeError('Field number 0')
        // A known field in an unexpected layout counts as unknown, and unknown fields are skipped.
        if (!read(message, tag, reader)) reader.skipType(tag & 7)
      }
      return message
    },
  }
}

/** Reads a bytes field into memory of its own: a view would pin the whole buffer that the message came in. */
export function readBytes(reader: Reader): Uint8Array {
  return new Uint8Array(reader.bytes())
}

/** Reads a text field. Throws unless it is UTF-8, as proto3 has it. */
export function readText(reader: Reader): string {
  return utf8.decode(reader.bytes())
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What stands in for a request that could not be decoded, so that a service can answer INVALID_ARGUMENT. */
export class MalformedMessage {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** Decodes a request without ever throwing: servers would report an exception as INTERNAL, as if the fault were ours. */
export function decodeRequest<Message>(
  codec: MessageCodec<Message>,
  bytes: Uint8Array,
): Message | MalformedMessage {
  try {
    return codec.decode(bytes)
  } catch (thrown) {
    return new MalformedMessage(thrown instanceof Error ? thrown.message : String(thrown))
  }
}
