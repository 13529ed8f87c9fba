import { ConnectionError } from './errors.js'

const NOTHING = Buffer.alloc(0)

/** CONTINUATION frames that a header block may have: a list within our limit needs none or one. */
const CONTINUATIONS_MAX = 8

/**
 * Joins the fragments of a header block that HEADERS began and CONTINUATION frames continue. Bounded in frames and bytes
 * before anything is decoded (CVE-2024-27316).
 */
export class HeaderBlock {
  streamId = 0
  endStream = false
  /** When it began, on the connection's clock. */
  startedAtMs = 0
  private readonly blockBytesMax: number
  /** The fragments, one after the other, and room for more. */
  private bytes = NOTHING
  private lengthBytes = 0
  private continuations = 0

  /** @param blockBytesMax encoded bytes of all fragments */
  constructor(blockBytesMax: number) {
    this.blockBytesMax = blockBytesMax
  }

  /** True between HEADERS and the frame with END_HEADERS: nothing else may come. */
  get open(): boolean {
    return this.streamId !== 0
  }

  begin(streamId: number, endStream: boolean, nowMs: number): void {
    this.streamId = streamId
    this.endStream = endStream
    this.startedAtMs = nowMs
    this.continuations = 0
  }

  /** @throws ConnectionError when the block is too long */
  add(buffer: Buffer, start: number, end: number): void {
    const { bytes, lengthBytes } = this
    const joinedBytes = lengthBytes + end - start
    if (joinedBytes > this.blockBytesMax) {
      throw new ConnectionError('ENHANCE_YOUR_CALM', `header block above ${this.blockBytesMax} bytes`)
    }
    if (joinedBytes > bytes.length) {
      this.bytes = Buffer.allocUnsafe(Math.max(joinedBytes, 2 * bytes.length))
      bytes.copy(this.bytes, 0, 0, lengthBytes)
    }
    buffer.copy(this.bytes, lengthBytes, start, end)
    this.lengthBytes = joinedBytes
  }

  /** @throws ConnectionError when it does not continue the open block, or is one too many */
  continue(streamId: number, buffer: Buffer, start: number, end: number): void {
    if (streamId !== this.streamId || streamId === 0) {
      throw new ConnectionError('PROTOCOL_ERROR', 'CONTINUATION of no open header block')
    }
    this.continuations++
    if (this.continuations > CONTINUATIONS_MAX) {
      throw new ConnectionError('ENHANCE_YOUR_CALM', `more than ${CONTINUATIONS_MAX} CONTINUATION frames`)
    }
    this.add(buffer, start, end)
  }

  /** The whole block; the assembler is free for the next. */
  finish(): Buffer {
    const block = this.bytes.subarray(0, this.lengthBytes)
    this.streamId = 0
    this.bytes = NOTHING
    this.lengthBytes = 0
    return block
  }
}
