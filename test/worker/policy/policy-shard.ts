import assert from 'node:assert/strict'
import { hashOfKey } from '../../../bench/simulate.js'
import type { EvictionPolicy, PolicyFactory } from '../../../src/worker/policy/policy.js'

interface Entry {
  slot: number
  sizeBytes: number
}

/**
 * What a shard does with its policy, without the bytes: keys, slots and sizes in Maps. Every answer of the policy is
 * held against them, so that a policy cannot lose an entry, give one up twice or invent one.
 */
export class PolicyShard {
  readonly policy: EvictionPolicy
  private readonly entries = new Map<number, Entry>()
  private readonly keys = new Map<number, number>()
  private readonly freeSlots: number[]
  private capacityBytes: number
  private usedBytes = 0

  constructor(create: PolicyFactory, slotCountMax: number, capacityBytes: number) {
    this.policy = create(slotCountMax, {
      hashOf: (slot) => hashOfKey(this.keys.get(slot)!),
      sizeOf: (slot) => this.entries.get(this.keys.get(slot)!)?.sizeBytes ?? 0,
    })
    this.freeSlots = Array.from({ length: slotCountMax }, (_, slot) => slot)
    this.capacityBytes = capacityBytes
    this.policy.setCapacity(capacityBytes)
  }

  get count(): number {
    return this.entries.size
  }

  has(key: number): boolean {
    return this.entries.has(key)
  }

  /** The slot of a key that is here. */
  slotOf(key: number): number {
    return this.entries.get(key)!.slot
  }

  /** A read; returns whether it was a hit. */
  hit(key: number): boolean {
    const entry = this.entries.get(key)
    if (entry !== undefined) this.policy.onHit(entry.slot)
    return entry !== undefined
  }

  /** Hits that come so late that their entries are gone. */
  hitFreeSlots(): void {
    for (const slot of this.freeSlots) this.policy.onHit(slot)
  }

  /** Inserts or replaces; returns the keys that had to go for it. Ignores what can never fit. */
  set(key: number, sizeBytes: number): number[] {
    if (sizeBytes > this.capacityBytes) return []
    const old = this.entries.get(key)
    if (old !== undefined) {
      const oldSizeBytes = old.sizeBytes
      this.usedBytes += sizeBytes - oldSizeBytes
      old.sizeBytes = sizeBytes
      this.policy.onReplace(old.slot, oldSizeBytes)
      return this.evictUntilFits(0)
    }
    const evicted = this.evictUntilFits(sizeBytes)
    // Last freed, first used: slots are reused as soon as they can be.
    const slot = this.freeSlots.pop()!
    this.entries.set(key, { slot, sizeBytes })
    this.keys.set(slot, key)
    this.usedBytes += sizeBytes
    this.policy.onInsert(slot, hashOfKey(key), sizeBytes)
    return evicted
  }

  delete(key: number): void {
    const entry = this.entries.get(key)
    if (entry === undefined) return
    this.policy.onRemove(entry.slot)
    this.forget(key, entry)
  }

  clear(): void {
    for (const key of [...this.entries.keys()]) this.delete(key)
  }

  setCapacity(capacityBytes: number): number[] {
    this.capacityBytes = capacityBytes
    this.policy.setCapacity(capacityBytes)
    return this.evictUntilFits(0)
  }

  /** One eviction; returns the key, or undefined when there was nothing to evict. */
  evict(): number | undefined {
    const slot = this.policy.evict()
    if (slot === -1) {
      assert.equal(this.entries.size, 0, 'The policy has lost entries')
      return undefined
    }
    const key = this.keys.get(slot)
    assert.ok(key !== undefined, `The policy gave up slot ${slot}, which holds no entry`)
    this.forget(key, this.entries.get(key)!)
    return key
  }

  private evictUntilFits(sizeBytes: number): number[] {
    const evicted: number[] = []
    while (
      this.usedBytes + sizeBytes > this.capacityBytes ||
      (sizeBytes > 0 && this.freeSlots.length === 0)
    ) {
      const key = this.evict()
      assert.ok(key !== undefined, 'Nothing is left, and still there is no room')
      evicted.push(key)
    }
    return evicted
  }

  private forget(key: number, entry: Entry): void {
    this.entries.delete(key)
    this.keys.delete(entry.slot)
    this.freeSlots.push(entry.slot)
    this.usedBytes -= entry.sizeBytes
  }
}
