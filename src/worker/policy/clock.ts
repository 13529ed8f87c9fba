import type { EvictionPolicy } from './policy.js'
import { SlotLists } from './slot-list.js'
import { SlotStates } from './slot-states.js'

const QUEUE = 0

/**
 * CLOCK with one bit, in its form as FIFO with reinsertion (F. J. Corbató, "A Paging Experiment with the Multics
 * System", 1968): a hit sets the bit of the entry; the oldest entry is given up if its bit is clear, else the bit is
 * cleared and the entry becomes the newest.
 *
 * A step over a set bit is paid for by the hit that set it, so that evicting is O(1) amortised.
 */
export class ClockPolicy implements EvictionPolicy {
  readonly name = 'clock'
  private readonly queue: SlotLists
  private readonly referenced: SlotStates

  constructor(slotCountMax: number) {
    this.queue = new SlotLists(slotCountMax, 1)
    this.referenced = new SlotStates(slotCountMax, 1)
  }

  bytesFor(slotCount: number): number {
    return this.queue.bytesFor(slotCount) + this.referenced.bytesPerSlot * slotCount
  }

  onInsert(slot: number): void {
    this.queue.addHead(QUEUE, slot)
    this.referenced.set(slot, 0)
  }

  onHit(slot: number): void {
    // No need to ask whether an entry is there: an insert clears what a late hit has left.
    this.referenced.set(slot, 1)
  }

  onReplace(slot: number): void {
    this.onHit(slot)
  }

  onRemove(slot: number): void {
    this.queue.remove(slot)
  }

  evict(): number {
    const { queue, referenced } = this
    let slot = queue.tail(QUEUE)
    while (slot >= 0 && referenced.get(slot) !== 0) {
      referenced.set(slot, 0)
      queue.moveToHead(QUEUE, slot)
      slot = queue.tail(QUEUE)
    }
    if (slot >= 0) queue.remove(slot)
    return slot
  }

  setCapacity(): void {}

  check(): void {
    this.queue.check([QUEUE])
  }
}
