const NOTHING = Buffer.alloc(0)
const SIZE_BYTES_MIN = 512

/** What a client has sent and nobody has read: the beginning of a request, or requests that have to wait. */
export class QueryBuffer {
  bytes: Buffer = NOTHING
  /** The unread bytes are `bytes[start…end)`. */
  start = 0
  end = 0

  get length(): number {
    return this.end - this.start
  }

  append(chunk: Uint8Array): void {
    const { length } = this
    if (this.end + chunk.length > this.bytes.length) {
      const needed = length + chunk.length
      // Twice as much each time, so that a long request which comes in small parts is not copied over and over.
      const isRoomy = needed <= this.bytes.length / 2
      const grown = isRoomy
        ? this.bytes
        : Buffer.allocUnsafeSlow(Math.max(SIZE_BYTES_MIN, needed, Math.min(2 * needed, needed + (1 << 20))))
      grown.set(this.bytes.subarray(this.start, this.end), 0)
      this.bytes = grown
      this.start = 0
      this.end = length
    }
    this.bytes.set(chunk, this.end)
    this.end += chunk.length
  }

  /** All before `at` was read. */
  consumeTo(at: number): void {
    this.start = at
    if (this.start >= this.end) this.clear()
  }

  clear(): void {
    this.bytes = NOTHING
    this.start = 0
    this.end = 0
  }
}
