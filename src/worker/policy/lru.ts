import type { EvictionPolicy } from './policy.js'
import { SlotLists } from './slot-list.js'

const RECENCY = 0

/** Least recently used: gives up the entry whose last read or write is longest ago. */
export class LruPolicy implements EvictionPolicy {
  readonly name = 'lru'
  private readonly recency: SlotLists

  constructor(slotCountMax: number) {
    this.recency = new SlotLists(slotCountMax, 1)
  }

  bytesFor(slotCount: number): number {
    return this.recency.bytesFor(slotCount)
  }

  onInsert(slot: number): void {
    this.recency.addHead(RECENCY, slot)
  }

  onHit(slot: number): void {
    if (this.recency.has(slot)) this.recency.moveToHead(RECENCY, slot)
  }

  onReplace(slot: number): void {
    this.onHit(slot)
  }

  onRemove(slot: number): void {
    this.recency.remove(slot)
  }

  evict(): number {
    const slot = this.recency.tail(RECENCY)
    if (slot >= 0) this.recency.remove(slot)
    return slot
  }

  setCapacity(): void {}

  check(): void {
    this.recency.check([RECENCY])
  }
}
