import type { DynamicTable } from './http2/hpack-table.js'

/** Longer blocks are not worth comparing. */
const BLOCK_BYTES_MAX = 128

/**
 * The header block that was recognised last, byte for byte: while nothing enters or leaves the table, the same bytes mean
 * the same.
 */
export class BlockMemo {
  readonly #table: DynamicTable
  readonly #block = new Uint8Array(BLOCK_BYTES_MAX)
  #blockBytes = 0
  #insertCount = -1
  #count = 0

  constructor(table: DynamicTable) {
    this.#table = table
  }

  /** To be called after a block that has left the table as it was. */
  keep(buffer: Uint8Array, start: number, end: number): void {
    this.#blockBytes = 0
    if (end - start > BLOCK_BYTES_MAX) return
    this.#blockBytes = end - start
    for (let index = start; index < end; index++) this.#block[index - start] = buffer[index]!
    this.#insertCount = this.#table.insertCount
    this.#count = this.#table.count
  }

  drop(): void {
    this.#blockBytes = 0
  }

  /** True for the same block with the same meaning. */
  isAgain(buffer: Uint8Array, start: number, end: number): boolean {
    const lengthBytes = end - start
    if (lengthBytes !== this.#blockBytes || lengthBytes === 0) return false
    if (this.#insertCount !== this.#table.insertCount || this.#count !== this.#table.count) return false
    for (let index = 0; index < lengthBytes; index++)
      if (buffer[start + index] !== this.#block[index]) return false
    return true
  }
}
