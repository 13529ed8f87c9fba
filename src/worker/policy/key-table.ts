import { assert } from '../../shared/assert.js'

/** Chains of an empty table. They double when there are so many keys for each: with so few keys that takes no time. */
const CHAIN_COUNT_MIN = 2
const KEYS_PER_CHAIN_MAX = 4

/**
 * Keys and the sizes of their entries, a slot for each. Keys are their hashes.
 *
 *     chains   hash → first slot + 1          next   slot → next slot of its chain + 1, or of the free list
 */
export class KeyTable {
  /** What a slot costs beside its part of the chains. */
  static readonly BYTES_PER_SLOT = Uint16Array.BYTES_PER_ELEMENT + 2 * Int32Array.BYTES_PER_ELEMENT
  /** What a key costs of the chains at most, but for the first ones. */
  static readonly CHAIN_BYTES_PER_KEY = (2 * Uint16Array.BYTES_PER_ELEMENT) / KEYS_PER_CHAIN_MAX

  readonly #slotCountMax: number
  #chains = new Uint16Array(CHAIN_COUNT_MIN)
  readonly #next: Uint16Array
  readonly #hashes: Int32Array
  /** 0: the slot is free. */
  readonly #sizes: Uint32Array
  #freeSlot = 0
  #slotHigh = 0
  #count = 0

  /** @param slotCountMax at most 65,535 */
  constructor(slotCountMax: number) {
    this.#slotCountMax = slotCountMax
    this.#next = new Uint16Array(slotCountMax)
    this.#hashes = new Int32Array(slotCountMax)
    this.#sizes = new Uint32Array(slotCountMax)
  }

  get count(): number {
    return this.#count
  }

  get isFull(): boolean {
    return this.#count === this.#slotCountMax
  }

  /** Slots that were ever in use. */
  get slotHigh(): number {
    return this.#slotHigh
  }

  /** Bytes that it takes. */
  get bytes(): number {
    return this.#slotHigh * KeyTable.BYTES_PER_SLOT + this.#chains.length * Uint16Array.BYTES_PER_ELEMENT
  }

  hashOf(slot: number): number {
    return this.#hashes[slot]!
  }

  /** 0 when the slot is free. */
  sizeOf(slot: number): number {
    return this.#sizes[slot]!
  }

  /** Slot of a key; -1 when it is not here. */
  find(hash: number): number {
    let link = this.#chains[this.#chainOf(hash)]!
    while (link !== 0 && this.#hashes[link - 1] !== hash) link = this.#next[link - 1]!
    return link - 1
  }

  /** Adds a key that is not here, when there is a slot left; returns its slot. */
  add(hash: number, sizeBytes: number): number {
    assert(!this.isFull, 'There is no slot for a key')
    const isReused = this.#freeSlot !== 0
    const slot = isReused ? this.#freeSlot - 1 : this.#slotHigh++
    if (isReused) this.#freeSlot = this.#next[slot]!
    this.#hashes[slot] = hash
    this.#sizes[slot] = sizeBytes
    this.#count++
    if (this.#count > KEYS_PER_CHAIN_MAX * this.#chains.length) this.#double()
    else this.#link(slot)
    return slot
  }

  /** Frees the slot of a key. */
  remove(slot: number): void {
    const chain = this.#chainOf(this.#hashes[slot]!)
    let link = this.#chains[chain]!
    if (link === slot + 1) {
      this.#chains[chain] = this.#next[slot]!
    } else {
      while (this.#next[link - 1] !== slot + 1) link = this.#next[link - 1]!
      this.#next[link - 1] = this.#next[slot]!
    }
    this.#sizes[slot] = 0
    this.#next[slot] = this.#freeSlot
    this.#freeSlot = slot + 1
    this.#count--
  }

  /** Throws AssertionError when a key cannot be found. O(n): for tests. */
  check(): void {
    let count = 0
    for (let slot = 0; slot < this.#slotHigh; slot++) {
      if (this.#sizes[slot] === 0) continue
      count++
      assert(this.find(this.#hashes[slot]!) === slot, 'A key cannot be found')
    }
    assert(count === this.#count, 'The keys are miscounted')
  }

  #double(): void {
    this.#chains = new Uint16Array(2 * this.#chains.length)
    for (let slot = 0; slot < this.#slotHigh; slot++) if (this.#sizes[slot] !== 0) this.#link(slot)
  }

  #link(slot: number): void {
    const chain = this.#chainOf(this.#hashes[slot]!)
    this.#next[slot] = this.#chains[chain]!
    this.#chains[chain] = slot + 1
  }

  #chainOf(hash: number): number {
    return Math.imul(hash ^ (hash >>> 16), 0x9e3779b1) >>> (Math.clz32(this.#chains.length) + 1)
  }
}
