import type { EvictionPolicy } from './policy.js'
import { SlotLists } from './slot-list.js'

const QUEUE = 0

/** First in, first out: gives up the entry that has been here longest. Hits and new values change nothing. */
export class FifoPolicy implements EvictionPolicy {
  readonly name = 'fifo'
  private readonly queue: SlotLists

  constructor(slotCountMax: number) {
    this.queue = new SlotLists(slotCountMax, 1)
  }

  bytesFor(slotCount: number): number {
    return this.queue.bytesFor(slotCount)
  }

  onInsert(slot: number): void {
    this.queue.addHead(QUEUE, slot)
  }

  onHit(): void {}

  onReplace(): void {}

  onRemove(slot: number): void {
    this.queue.remove(slot)
  }

  evict(): number {
    const slot = this.queue.tail(QUEUE)
    if (slot >= 0) this.queue.remove(slot)
    return slot
  }

  setCapacity(): void {}

  check(): void {
    this.queue.check([QUEUE])
  }
}
