import { assert } from '../../shared/assert.js'

const BLOCK_BYTES = 64
/** Of a block: the number of the next one. */
const LINK_BYTES = 4
const PAYLOAD_BYTES = BLOCK_BYTES - LINK_BYTES
/** 256 KiB, which the system provides as they are written to. */
const BLOCKS_PER_CHUNK = 4096
/** What is held more is not held here: 64 MiB. */
const CHUNKS_MAX = 256
/** What stays for the next crowd when nothing is held any more: 4 MiB. */
const CHUNKS_KEPT = 16

/**
 * The bodies of all held requests of a server, outside of the heap: tens of thousands of strings are what a young
 * collection would have to copy.
 *
 *     block    next (int32, in the byte order of the machine) │ 60 bytes        numbered from 1; 0 is none
 *     body     block ──► block ──► block ──► 0                free blocks are linked likewise
 */
export class HeldBodies {
  readonly #chunks: Buffer[] = []
  readonly #links: Int32Array[] = []
  readonly #chunksMax: number
  #free = 0
  /** Blocks that were ever in use. */
  #blockHigh = 0
  #usedCount = 0

  constructor(chunksMax = CHUNKS_MAX) {
    this.#chunksMax = chunksMax
  }

  /** Blocks in use. */
  get usedCount(): number {
    return this.#usedCount
  }

  /** Memory of its own, at most. */
  get bytes(): number {
    return this.#chunks.length * BLOCKS_PER_CHUNK * BLOCK_BYTES
  }

  /** Keeps the bytes of buffer[start, end), one at least; their first block, or 0 when there is no room. */
  keep(buffer: Buffer, start: number, end: number): number {
    let first = 0
    // From the last block to the first, so that each knows the next.
    const lengthBytes = end - start
    const restBytes = lengthBytes % PAYLOAD_BYTES || PAYLOAD_BYTES
    let from = end - restBytes
    for (let to = end; to > start; to = from, from -= PAYLOAD_BYTES) {
      const block = this.#take()
      if (block === 0) {
        this.release(first)
        return 0
      }
      this.#setLink(block, first)
      buffer.copy(this.#chunkOf(block), offsetOf(block) + LINK_BYTES, from, to)
      first = block
    }
    return first
  }

  /** Copies a body to the beginning of `target`. */
  read(first: number, lengthBytes: number, target: Buffer): void {
    let at = 0
    for (let block = first; at < lengthBytes; block = this.#linkOf(block)) {
      assert(block !== 0, 'A body ends before its end')
      const offset = offsetOf(block) + LINK_BYTES
      const bytes = Math.min(PAYLOAD_BYTES, lengthBytes - at)
      this.#chunkOf(block).copy(target, at, offset, offset + bytes)
      at += bytes
    }
  }

  /** Frees the blocks of a body; of none, when `first` is 0. */
  release(first: number): void {
    for (let block = first; block !== 0; ) {
      const next = this.#linkOf(block)
      this.#setLink(block, this.#free)
      this.#free = block
      this.#usedCount--
      block = next
    }
    if (this.#usedCount === 0 && this.#chunks.length > CHUNKS_KEPT) this.#shrink()
  }

  #take(): number {
    const block = this.#free === 0 ? this.#extend() : this.#free
    if (block === 0) return 0
    if (block === this.#free) this.#free = this.#linkOf(block)
    this.#usedCount++
    return block
  }

  /** A block that was never used; 0 when there are no more. */
  #extend(): number {
    if (this.#blockHigh === this.#chunks.length * BLOCKS_PER_CHUNK) {
      if (this.#chunks.length === this.#chunksMax) return 0
      const chunk = Buffer.allocUnsafeSlow(BLOCKS_PER_CHUNK * BLOCK_BYTES)
      this.#chunks.push(chunk)
      this.#links.push(new Int32Array(chunk.buffer, chunk.byteOffset, chunk.length / LINK_BYTES))
    }
    return ++this.#blockHigh
  }

  #shrink(): void {
    this.#chunks.length = CHUNKS_KEPT
    this.#links.length = CHUNKS_KEPT
    this.#free = 0
    this.#blockHigh = 0
  }

  #chunkOf(block: number): Buffer {
    return this.#chunks[Math.floor((block - 1) / BLOCKS_PER_CHUNK)]!
  }

  #linkOf(block: number): number {
    return this.#links[Math.floor((block - 1) / BLOCKS_PER_CHUNK)]![offsetOf(block) / LINK_BYTES]!
  }

  #setLink(block: number, next: number): void {
    this.#links[Math.floor((block - 1) / BLOCKS_PER_CHUNK)]![offsetOf(block) / LINK_BYTES] = next
  }
}

/** Where a block begins in its chunk. */
function offsetOf(block: number): number {
  return ((block - 1) % BLOCKS_PER_CHUNK) * BLOCK_BYTES
}
