import { assert } from '../../shared/assert.js'
import type { PolicyEntries } from './policy.js'

const BITS_PER_WORD = 32

/** Which entries of a store belong to the sample of its keys, and what they take together. */
export class Sample {
  /** What one slot costs. */
  static readonly BYTES_PER_SLOT = 1 / 8

  /** By slot, a bit each. */
  readonly #marks: Int32Array
  /** Words that were ever in use. */
  #wordCount = 0
  #bytes = 0

  constructor(slotCountMax: number) {
    this.#marks = new Int32Array(Math.ceil(slotCountMax / BITS_PER_WORD))
  }

  get bytes(): number {
    return this.#bytes
  }

  /** The entry in a slot, which is not in the sample, belongs to it. */
  add(slot: number, sizeBytes: number): void {
    this.#marks[slot >>> 5]! |= 1 << slot
    this.#wordCount = Math.max(this.#wordCount, (slot >>> 5) + 1)
    this.#bytes += sizeBytes
  }

  has(slot: number): boolean {
    return (this.#marks[slot >>> 5]! & (1 << slot)) !== 0
  }

  /** The entry in a slot has grown. */
  resize(slot: number, grownBytes: number): void {
    if (this.has(slot)) this.#bytes += grownBytes
  }

  /** The entry in a slot is gone. */
  remove(slot: number, sizeBytes: number): void {
    if (!this.has(slot)) return
    this.#marks[slot >>> 5]! ^= 1 << slot
    this.#bytes -= sizeBytes
  }

  /** Drops the entries for which `keep` is false. It looks at a word for each 32 slots. */
  retain(entries: PolicyEntries, keep: (hash: number) => boolean): void {
    for (const slot of this.#slots()) {
      if (!keep(entries.hashOf(slot))) this.remove(slot, entries.sizeOf(slot))
    }
  }

  /** Throws AssertionError when the sum is not that of the sizes. O(n): for tests. */
  check(entries: PolicyEntries): void {
    let bytes = 0
    for (const slot of this.#slots()) bytes += entries.sizeOf(slot)
    assert(bytes === this.#bytes, 'The bytes of the sample are wrong')
  }

  *#slots(): Generator<number> {
    for (let word = 0; word < this.#wordCount; word++) {
      for (let marks = this.#marks[word]!; marks !== 0; marks &= marks - 1) {
        yield BITS_PER_WORD * word + 31 - Math.clz32(marks & -marks)
      }
    }
  }
}
