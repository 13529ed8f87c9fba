import {
  Flag,
  FrameType,
  readUint24,
  readUint31,
  writeFrameHeader,
  writeUint32,
} from '../../src/main/grpc/http2/frame.js'
import { HpackDecoder } from '../../src/main/grpc/http2/hpack-decoder.js'
import { HpackEncoder } from '../../src/main/grpc/http2/hpack-encoder.js'
import { BufferPool, OutputBuffer } from '../../src/main/sockets/output-buffer.js'
import type { Prng } from './prng.js'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
}

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

/** Cuts received bytes into frames; what is incomplete at the end is left out. */
export function parseFrames(bytes: Buffer): Frame[] {
  const frames: Frame[] = []
  let offset = 0
  while (bytes.length - offset >= 9) {
    const end = offset + 9 + readUint24(bytes, offset)
    if (end > bytes.length) break
    frames.push({
      type: bytes[offset + 3]!,
      flags: bytes[offset + 4]!,
      streamId: readUint31(bytes, offset + 5),
      payload: bytes.subarray(offset + 9, end),
    })
    offset = end
  }
  return frames
}

/** The header lists among frames, by stream, in order. */
export function headerLists(frames: readonly Frame[]): Map<number, Record<string, string>[]> {
  const decoder = new HpackDecoder(1 << 20)
  const lists = new Map<number, Record<string, string>[]>()
  for (const { type, streamId, payload } of frames) {
    if (type !== FrameType.HEADERS) continue
    const { fields } = decoder.decode(payload, 0, payload.length)
    const list: Record<string, string> = {}
    for (let index = 0; index < fields.length; index += 2) list[fields[index]!] = fields[index + 1]!
    lists.set(streamId, [...(lists.get(streamId) ?? []), list])
  }
  return lists
}

export function randomBytes(prng: Prng, count: number): Buffer {
  return Buffer.from(Array.from({ length: count }, () => prng.below(256)))
}
