import type { EvictionPolicy } from './policy.js'

/**
 * A policy whose entries are taken away one by one, in the order in which it would give them up, while they still live
 * in the store: of those that were taken it knows nothing any more.
 */
export class DrainingPolicy implements EvictionPolicy {
  readonly name: string
  readonly #policy: EvictionPolicy
  /** By slot: 1 when its entry was taken and still lives. */
  readonly #taken: Uint8Array

  constructor(policy: EvictionPolicy, slotCountMax: number) {
    this.name = policy.name
    this.#policy = policy
    this.#taken = new Uint8Array(slotCountMax)
  }

  bytesFor(slotCount: number): number {
    return this.#policy.bytesFor(slotCount)
  }

  /** The next slot; −1 at the end. */
  take(): number {
    const slot = this.#policy.evict()
    if (slot >= 0) this.#taken[slot] = 1
    return slot
  }

  onInsert(slot: number, hash: number, sizeBytes: number): void {
    this.#policy.onInsert(slot, hash, sizeBytes)
  }

  onHit(slot: number): void {
    if (this.#taken[slot] !== 1) this.#policy.onHit(slot)
  }

  onReplace(slot: number, oldSizeBytes: number): void {
    if (this.#taken[slot] !== 1) this.#policy.onReplace(slot, oldSizeBytes)
  }

  onRemove(slot: number): void {
    if (this.#taken[slot] !== 1) this.#policy.onRemove(slot)
    this.#taken[slot] = 0
  }

  /** What was taken cannot be given up: once all of it is, there is no room to be made. */
  evict(): number {
    return this.#policy.evict()
  }

  setCapacity(capacityBytes: number): void {
    this.#policy.setCapacity(capacityBytes)
  }

  check(): void {
    this.#policy.check()
  }
}
