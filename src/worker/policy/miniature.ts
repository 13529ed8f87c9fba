import { assert } from '../../shared/assert.js'
import type { EvictionPolicy, PolicyFactory } from './policy.js'

/**
 * A cache of keys alone, as small as one likes: what a policy would make of the requests that it is shown. Keys are
 * their hashes; bytes are bounded as those of a store are, and so are slots.
 *
 *     chains   hash → first slot + 1          next   slot → next slot of its chain + 1, or of the free list
 */
export class Miniature {
  /** What a slot costs beside what it costs the policy. */
  static readonly BYTES_PER_SLOT = 2 * Uint16Array.BYTES_PER_ELEMENT + 2 * Int32Array.BYTES_PER_ELEMENT

  readonly #policy: EvictionPolicy
  readonly #slotCountMax: number
  readonly #chains: Uint16Array
  readonly #next: Uint16Array
  readonly #hashes: Int32Array
  /** 0: the slot is free. */
  readonly #sizes: Uint32Array
  #freeSlot = 0
  #slotHigh = 0
  #usedBytes = 0
  #capacityBytes = 0

  /** @param slotCountMax a power of two, at most 32,768 */
  constructor(create: PolicyFactory, slotCountMax: number) {
    this.#policy = create(slotCountMax, {
      hashOf: (slot) => this.#hashes[slot]!,
      sizeOf: (slot) => this.#sizes[slot]!,
    })
    this.#slotCountMax = slotCountMax
    this.#chains = new Uint16Array(slotCountMax)
    this.#next = new Uint16Array(slotCountMax)
    this.#hashes = new Int32Array(slotCountMax)
    this.#sizes = new Uint32Array(slotCountMax)
  }

  /** Bytes of state per slot, the policy's own included. */
  get bytesPerSlot(): number {
    return this.#policy.bytesPerSlot + Miniature.BYTES_PER_SLOT
  }

  setCapacity(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes
    this.#policy.setCapacity(capacityBytes)
    this.#evictFor(0)
  }

  /** A request for a key: true for a hit; on a miss the key comes in. */
  request(hash: number, sizeBytes: number): boolean {
    const slot = this.#find(hash)
    if (slot >= 0) {
      this.#policy.onHit(slot)
      return true
    }
    if (sizeBytes > this.#capacityBytes) return false
    this.#evictFor(sizeBytes)
    this.#insert(hash, sizeBytes)
    return false
  }

  /** Forgets a key, if it is here: it was deleted, or has expired. */
  remove(hash: number): void {
    const slot = this.#find(hash)
    if (slot < 0) return
    this.#policy.onRemove(slot)
    this.#unlink(slot)
  }

  /** Forgets the keys for which `keep` is false. */
  retain(keep: (hash: number) => boolean): void {
    for (let slot = 0; slot < this.#slotHigh; slot++) {
      if (this.#sizes[slot] === 0 || keep(this.#hashes[slot]!)) continue
      this.#policy.onRemove(slot)
      this.#unlink(slot)
    }
  }

  /** Throws AssertionError when policy, chains and sums do not agree. O(n): for tests. */
  check(): void {
    this.#policy.check()
    let usedBytes = 0
    for (let slot = 0; slot < this.#slotHigh; slot++) {
      if (this.#sizes[slot] === 0) continue
      usedBytes += this.#sizes[slot]!
      assert(this.#find(this.#hashes[slot]!) === slot, 'A key of a miniature cannot be found')
    }
    assert(usedBytes === this.#usedBytes, 'The bytes of a miniature are wrong')
    assert(usedBytes <= this.#capacityBytes, 'A miniature holds more than it may')
  }

  /** Slot of a key; -1 when it is not here. */
  #find(hash: number): number {
    let link = this.#chains[this.#chainOf(hash)]!
    while (link !== 0 && this.#hashes[link - 1] !== hash) link = this.#next[link - 1]!
    return link - 1
  }

  #evictFor(sizeBytes: number): void {
    const needsSlot = sizeBytes > 0
    while (
      this.#usedBytes + sizeBytes > this.#capacityBytes ||
      (needsSlot && this.#freeSlot === 0 && this.#slotHigh === this.#slotCountMax)
    ) {
      const slot = this.#policy.evict()
      if (slot < 0) return
      this.#unlink(slot)
    }
  }

  #insert(hash: number, sizeBytes: number): void {
    const isReused = this.#freeSlot !== 0
    const slot = isReused ? this.#freeSlot - 1 : this.#slotHigh++
    if (isReused) this.#freeSlot = this.#next[slot]!
    const chain = this.#chainOf(hash)
    this.#next[slot] = this.#chains[chain]!
    this.#chains[chain] = slot + 1
    this.#hashes[slot] = hash
    this.#sizes[slot] = sizeBytes
    this.#usedBytes += sizeBytes
    this.#policy.onInsert(slot, hash, sizeBytes)
  }

  #unlink(slot: number): void {
    const chain = this.#chainOf(this.#hashes[slot]!)
    let link = this.#chains[chain]!
    if (link === slot + 1) {
      this.#chains[chain] = this.#next[slot]!
    } else {
      while (this.#next[link - 1] !== slot + 1) link = this.#next[link - 1]!
      this.#next[link - 1] = this.#next[slot]!
    }
    this.#usedBytes -= this.#sizes[slot]!
    this.#sizes[slot] = 0
    this.#next[slot] = this.#freeSlot
    this.#freeSlot = slot + 1
  }

  #chainOf(hash: number): number {
    return Math.imul(hash ^ (hash >>> 16), 0x9e3779b1) >>> (Math.clz32(this.#chains.length) + 1)
  }
}
