import { FrameType, readUint24, readUint31 } from '../../src/main/grpc/http2/frame.js'
import { HpackDecoder } from '../../src/main/grpc/http2/hpack-decoder.js'
import type { Prng } from './prng.js'

export {
  block,
  callBlock,
  frame,
  headersFrame,
  messageFrame,
  settingsFrame,
  uint32,
} from '../../bench/load/http2-frames.js'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly streamId: number
  readonly payload: Buffer
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
