import { assert } from '../../shared/assert.js'
import type { EvictionPolicy, PolicyEntries } from './policy.js'

/** What a hand-over needs to know of the entries. */
export interface HandOverEntries extends PolicyEntries {
  readonly slotCountMax: number
  /** How many the old policy has. */
  readonly entryCount: number
}

/**
 * A change of policy under way: entries go from the old one to the new one in the order in which the old one would give
 * them up, a few at a time, so that a store of millions never stands still. What comes in meanwhile is the new one's.
 */
export class HandOver implements EvictionPolicy {
  readonly name: string
  readonly to: EvictionPolicy
  readonly #from: EvictionPolicy
  readonly #entries: HandOverEntries
  /** By slot: 1 when the new policy has it. */
  readonly #moved: Uint8Array
  #movedCount = 0
  #leftCount: number
  #movedShare = 0

  /** @param to knows its capacity, and no entries yet */
  constructor(from: EvictionPolicy, to: EvictionPolicy, entries: HandOverEntries) {
    this.name = to.name
    this.to = to
    this.#from = from
    this.#entries = entries
    this.#moved = new Uint8Array(entries.slotCountMax)
    this.#leftCount = entries.entryCount
  }

  /** Goes from the cost of the old policy to that of the new one, step by step. */
  bytesFor(slotCount: number): number {
    const fromBytes = this.#from.bytesFor(slotCount)
    return fromBytes + this.#movedShare * (this.to.bytesFor(slotCount) - fromBytes)
  }

  /** The old policy has no entry left: from now on {@link to} can be used by itself. */
  get isDone(): boolean {
    return this.#leftCount === 0
  }

  /** Moves at most `countMax` entries. */
  step(countMax: number): void {
    for (let count = 0; count < countMax && this.#leftCount > 0; count++) {
      const slot = this.#from.evict()
      assert(slot >= 0, 'The old policy has lost an entry')
      this.#leftCount--
      this.#enter(slot, this.#entries.hashOf(slot), this.#entries.sizeOf(slot))
    }
    this.#movedShare = this.isDone ? 1 : this.#movedCount / (this.#movedCount + this.#leftCount)
  }

  onInsert(slot: number, hash: number, sizeBytes: number): void {
    this.#enter(slot, hash, sizeBytes)
  }

  onHit(slot: number): void {
    this.#holderOf(slot).onHit(slot)
  }

  onReplace(slot: number, oldSizeBytes: number): void {
    this.#holderOf(slot).onReplace(slot, oldSizeBytes)
  }

  onRemove(slot: number): void {
    this.#holderOf(slot).onRemove(slot)
    this.#leave(slot)
  }

  /** The new policy has what would have gone next, and the newcomers: it decides between them. */
  evict(): number {
    let slot = this.to.evict()
    if (slot < 0) slot = this.#from.evict()
    if (slot >= 0) this.#leave(slot)
    return slot
  }

  setCapacity(capacityBytes: number): void {
    this.#from.setCapacity(capacityBytes)
    this.to.setCapacity(capacityBytes)
  }

  check(): void {
    this.#from.check()
    this.to.check()
    const movedCount = this.#moved.reduce((count, moved) => count + moved, 0)
    assert(movedCount === this.#movedCount, 'The entries that were handed over are miscounted')
  }

  #holderOf(slot: number): EvictionPolicy {
    return this.#moved[slot] === 1 ? this.to : this.#from
  }

  #enter(slot: number, hash: number, sizeBytes: number): void {
    this.to.onInsert(slot, hash, sizeBytes)
    this.#moved[slot] = 1
    this.#movedCount++
  }

  #leave(slot: number): void {
    if (this.#moved[slot] === 1) {
      this.#moved[slot] = 0
      this.#movedCount--
    } else {
      this.#leftCount--
    }
  }
}
