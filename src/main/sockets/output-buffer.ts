/** A piece of output and on top of it the largest reply that is written in one go; pages that nobody uses cost nothing. */
const BUFFER_BYTES = 160 * 1024

/** Where output buffers come from and go back to, so that a connection with nothing to send owns none. */
export class BufferPool {
  private readonly free: Buffer[] = []
  private readonly bufferBytes: number
  private readonly countMax: number

  constructor(bufferBytes = BUFFER_BYTES, countMax = 64) {
    this.bufferBytes = bufferBytes
    this.countMax = countMax
  }

  /** A buffer of at least `sizeBytes`, with whatever was in it before. */
  acquire(sizeBytes: number): Buffer {
    if (sizeBytes > this.bufferBytes) return Buffer.allocUnsafeSlow(sizeBytes)
    return this.free.pop() ?? Buffer.allocUnsafeSlow(this.bufferBytes)
  }

  release(buffer: Buffer): void {
    if (buffer.length === this.bufferBytes && this.free.length < this.countMax) this.free.push(buffer)
  }
}

const NOTHING = Buffer.alloc(0)

/**
 * The bytes that a connection will write next, in one growing buffer. Writers reserve room, then fill it in place;
 * an offset stays good until the next reserve().
 */
export class OutputBuffer {
  bytes: Buffer = NOTHING
  length = 0
  private readonly pool: BufferPool

  constructor(pool: BufferPool) {
    this.pool = pool
  }

  /** Room for `lengthBytes` more bytes; answers the offset at which they begin. */
  reserve(lengthBytes: number): number {
    const offset = this.length
    const end = offset + lengthBytes
    if (end > this.bytes.length) this.grow(end)
    this.length = end
    return offset
  }

  append(source: Uint8Array): void {
    // Reserved first: growing replaces `bytes`.
    const offset = this.reserve(source.length)
    this.bytes.set(source, offset)
  }

  appendByte(byte: number): void {
    const offset = this.reserve(1)
    this.bytes[offset] = byte
  }

  /** What was written, as a view that later writes overwrite. */
  view(): Buffer {
    return this.bytes.subarray(0, this.length)
  }

  /** Hands the buffer over and begins an empty one; the taker releases it to the pool. */
  take(): Buffer {
    const taken = this.bytes
    this.bytes = NOTHING
    this.length = 0
    return taken
  }

  /** Forgets what was written, and gives the buffer back. */
  discard(): void {
    if (this.bytes.length > 0) this.pool.release(this.take())
    this.length = 0
  }

  private grow(lengthBytes: number): void {
    const grown = this.pool.acquire(Math.max(lengthBytes, this.bytes.length * 2))
    this.bytes.copy(grown, 0, 0, this.length)
    if (this.bytes.length > 0) this.pool.release(this.bytes)
    this.bytes = grown
  }
}
