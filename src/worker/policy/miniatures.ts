import { assert } from '../../shared/assert.js'
import { KeyTable } from './key-table.js'
import type { EvictionPolicy, PolicyFactory } from './policy.js'

/** What a slot costs in the sets of those that hold its key: a bit for each. */
const HOLDERS_BYTES_PER_SLOT = Uint8Array.BYTES_PER_ELEMENT
const MINIATURE_COUNT_MAX = 8

/**
 * Caches of keys alone, as small as one likes, one for each of some policies: what these would make of the requests that
 * they are all shown. Each has room for as many bytes as the others, and none knows of the others; but most keys are in
 * several, so that there is one table of all the keys, and by its slots each policy knows them.
 *
 *     keys      slot → hash, size                      free when nobody holds the key any more
 *     holders   slot → a bit for each miniature        whether it holds the key
 *
 * While anyone holds a key its size is the one that it came with.
 */
export class Miniatures {
  /** What a key costs at most. */
  readonly bytesPerKey: number
  /** So many keys they hold together at most. */
  readonly keyCountMax: number
  readonly #keys: KeyTable
  readonly #holders: Uint8Array
  readonly #policies: readonly EvictionPolicy[]
  readonly #bytesBesideKeys: number
  /** By miniature. */
  readonly #usedBytes: Float64Array
  #capacityBytes = 0

  /** @param keyCountMax at most 65,535 */
  constructor(candidates: readonly PolicyFactory[], keyCountMax: number) {
    assert(candidates.length <= MINIATURE_COUNT_MAX, 'There are more miniatures than bits for them')
    this.keyCountMax = keyCountMax
    this.#keys = new KeyTable(keyCountMax)
    this.#holders = new Uint8Array(keyCountMax)
    this.#usedBytes = new Float64Array(candidates.length)
    const entries = {
      hashOf: (slot: number) => this.#keys.hashOf(slot),
      sizeOf: (slot: number) => this.#keys.sizeOf(slot),
    }
    this.#policies = candidates.map((create) => create(keyCountMax, entries))
    this.#bytesBesideKeys = this.#policies.reduce(
      (sum, policy) => sum + policy.bytesFor(1),
      HOLDERS_BYTES_PER_SLOT,
    )
    this.bytesPerKey = KeyTable.BYTES_PER_SLOT + KeyTable.CHAIN_BYTES_PER_KEY + this.#bytesBesideKeys
  }

  /** Keys that any of them holds. */
  get keyCount(): number {
    return this.#keys.count
  }

  /** Bytes that they take; never less than they took before. */
  get bytes(): number {
    return this.#keys.bytes + this.#keys.slotHigh * this.#bytesBesideKeys
  }

  /** What so many slots of a store cost whichever of the policies costs most. */
  policyBytesFor(slotCount: number): number {
    return this.#policies.reduce((most, policy) => Math.max(most, policy.bytesFor(slotCount)), 0)
  }

  setCapacity(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes
    for (let miniature = 0; miniature < this.#policies.length; miniature++) {
      this.#policies[miniature]!.setCapacity(capacityBytes)
      this.#evictFor(miniature, 0)
    }
  }

  /** A request for a key; on a miss the key comes in. Returns a bit for each miniature: 1 for a hit. */
  request(hash: number, sizeBytes: number): number {
    let slot = this.#keys.find(hash)
    const hits = slot < 0 ? 0 : this.#holders[slot]!
    const size = slot < 0 ? sizeBytes : this.#keys.sizeOf(slot)
    for (let miniature = 0; miniature < this.#policies.length; miniature++) {
      const policy = this.#policies[miniature]!
      if ((hits & (1 << miniature)) !== 0) {
        policy.onHit(slot)
      } else if (size <= this.#capacityBytes) {
        this.#evictFor(miniature, size)
        if (slot < 0 && this.#keys.isFull) continue
        if (slot < 0) slot = this.#keys.add(hash, size)
        this.#holders[slot]! |= 1 << miniature
        this.#usedBytes[miniature]! += size
        policy.onInsert(slot, hash, size)
      }
    }
    return hits
  }

  /** Forgets a key, if it is here: it was deleted, or has expired. */
  remove(hash: number): void {
    const slot = this.#keys.find(hash)
    if (slot >= 0) this.#drop(slot)
  }

  /** Forgets the keys for which `keep` is false. */
  retain(keep: (hash: number) => boolean): void {
    for (let slot = 0; slot < this.#keys.slotHigh; slot++) {
      if (this.#holders[slot] !== 0 && !keep(this.#keys.hashOf(slot))) this.#drop(slot)
    }
  }

  /** Throws AssertionError when policies, keys and sums do not agree. O(n): for tests. */
  check(): void {
    this.#keys.check()
    for (const policy of this.#policies) policy.check()
    const usedBytes = this.#usedBytes.map(() => 0)
    for (let slot = 0; slot < this.#keys.slotHigh; slot++) {
      const holders = this.#holders[slot]!
      assert(
        (holders !== 0) === this.#keys.sizeOf(slot) > 0,
        'A key is kept that nobody holds, or the reverse',
      )
      for (let miniature = 0; miniature < usedBytes.length; miniature++) {
        if ((holders & (1 << miniature)) !== 0) usedBytes[miniature]! += this.#keys.sizeOf(slot)
      }
    }
    for (const [miniature, bytes] of usedBytes.entries()) {
      assert(bytes === this.#usedBytes[miniature], 'The bytes of a miniature are wrong')
      assert(bytes <= this.#capacityBytes, 'A miniature holds more than it may')
    }
  }

  #evictFor(miniature: number, sizeBytes: number): void {
    while (this.#usedBytes[miniature]! + sizeBytes > this.#capacityBytes) {
      const slot = this.#policies[miniature]!.evict()
      if (slot < 0) return
      this.#letGo(miniature, slot)
    }
  }

  #drop(slot: number): void {
    const holders = this.#holders[slot]!
    for (let miniature = 0; miniature < this.#policies.length; miniature++) {
      if ((holders & (1 << miniature)) === 0) continue
      this.#policies[miniature]!.onRemove(slot)
      this.#letGo(miniature, slot)
    }
  }

  /** A policy has forgotten a key. */
  #letGo(miniature: number, slot: number): void {
    this.#usedBytes[miniature]! -= this.#keys.sizeOf(slot)
    this.#holders[slot]! &= ~(1 << miniature)
    if (this.#holders[slot] === 0) this.#keys.remove(slot)
  }
}
