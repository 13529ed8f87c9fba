import { ConnectionError } from './errors.js'
import { FRAME_HEADER_BYTES, readUint24, readUint31 } from './frame.js'

/** Who gets the frames. Payload bytes are valid only during the call: they lie in the buffer that was read into. */
export interface FrameSink {
  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void
  /** True while no more frames should be handed over: what was read stays with the reader until resume(). */
  readonly halted: boolean
}

/**
 * Cuts a byte stream into frames. A frame that lies whole in a chunk is handed over where it lies; only one that
 * is cut by the end of a chunk is copied. Holds at most one frame and the rest of one chunk.
 */
export class FrameReader {
  private readonly sink: FrameSink
  private readonly frameBytesMax: number
  /** The beginning of a frame whose end has not arrived. */
  private partial: Buffer | undefined
  private partialBytes = 0
  private partialCount = 0
  /** What was not handed over when the sink halted, in memory of its own. */
  private rest: Buffer | undefined

  /** @param frameBytesMax the SETTINGS_MAX_FRAME_SIZE that we advertise */
  constructor(sink: FrameSink, frameBytesMax: number) {
    this.sink = sink
    this.frameBytesMax = frameBytesMax
  }

  /** A number that identifies the frame of which a part is here and the rest is not; 0 when there is none. */
  get partialFrame(): number {
    return this.partialBytes > 0 ? this.partialCount : 0
  }

  /** True when the sink halted before the last frame. */
  get hasRest(): boolean {
    return this.rest !== undefined
  }

  /** @throws ConnectionError of an oversized frame, and whatever the sink throws. */
  read(chunk: Buffer, start: number): void {
    if (this.rest !== undefined) {
      this.rest = Buffer.concat([this.rest, chunk.subarray(start)])
      return
    }
    let offset = start
    if (this.partialBytes > 0) {
      offset = this.completePartial(chunk, offset)
      if (this.partialBytes > 0) return
    }
    this.readWhole(chunk, offset)
  }

  /** Hands over what was kept back when the sink halted. */
  resume(): void {
    const rest = this.rest
    if (rest === undefined) return
    this.rest = undefined
    this.readWhole(rest, 0, true)
  }

  /** @param isOwn whether the chunk is the reader's, to keep as it is */
  private readWhole(chunk: Buffer, start: number, isOwn = false): void {
    const sink = this.sink
    const available = chunk.length
    let offset = start
    while (available - offset >= FRAME_HEADER_BYTES) {
      if (sink.halted) {
        const rest = chunk.subarray(offset)
        this.rest = isOwn ? rest : Buffer.from(rest)
        return
      }
      const lengthBytes = readUint24(chunk, offset)
      this.checkLength(lengthBytes)
      const payload = offset + FRAME_HEADER_BYTES
      const end = payload + lengthBytes
      if (end > available) break
      sink.onFrame(chunk[offset + 3]!, chunk[offset + 4]!, readUint31(chunk, offset + 5), chunk, payload, end)
      offset = end
    }
    if (offset < available) this.keepPartial(chunk, offset)
  }

  private checkLength(lengthBytes: number): void {
    if (lengthBytes > this.frameBytesMax) {
      throw new ConnectionError(
        'FRAME_SIZE_ERROR',
        `frame of ${lengthBytes} bytes, at most ${this.frameBytesMax}`,
      )
    }
  }

  private keepPartial(chunk: Buffer, start: number): void {
    const lengthBytes = chunk.length - start
    const wantedBytes =
      lengthBytes >= FRAME_HEADER_BYTES ? FRAME_HEADER_BYTES + readUint24(chunk, start) : FRAME_HEADER_BYTES
    // Freed when the frame is complete: an idle connection owns no buffer.
    this.partial = Buffer.allocUnsafe(wantedBytes)
    chunk.copy(this.partial, 0, start)
    this.partialBytes = lengthBytes
    this.partialCount++
  }

  /** Takes from the chunk what the partial frame lacks; answers where the next frame begins. */
  private completePartial(chunk: Buffer, start: number): number {
    let offset = this.fill(chunk, start, FRAME_HEADER_BYTES)
    if (this.partialBytes < FRAME_HEADER_BYTES) return offset
    const lengthBytes = readUint24(this.partial!, 0)
    this.checkLength(lengthBytes)
    offset = this.fill(chunk, offset, FRAME_HEADER_BYTES + lengthBytes)
    const frame = this.partial!
    if (this.partialBytes < FRAME_HEADER_BYTES + lengthBytes) return offset
    this.partial = undefined
    this.partialBytes = 0
    this.sink.onFrame(
      frame[3]!,
      frame[4]!,
      readUint31(frame, 5),
      frame,
      FRAME_HEADER_BYTES,
      FRAME_HEADER_BYTES + lengthBytes,
    )
    return offset
  }

  private fill(chunk: Buffer, start: number, wantedBytes: number): number {
    const missing = wantedBytes - this.partialBytes
    if (missing <= 0) return start
    if (this.partial!.length < wantedBytes) {
      const grown = Buffer.allocUnsafe(wantedBytes)
      this.partial!.copy(grown, 0, 0, this.partialBytes)
      this.partial = grown
    }
    const end = Math.min(start + missing, chunk.length)
    chunk.copy(this.partial!, this.partialBytes, start, end)
    this.partialBytes += end - start
    return end
  }
}
