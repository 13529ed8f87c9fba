import { assert } from '../../shared/assert.js'
import type { EvictionPolicy } from './policy.js'
import { SlotLists } from './slot-list.js'
import { SlotStates } from './slot-states.js'

const QUEUE = 0
const NONE = -1

/**
 * SIEVE (Zhang, Yang, Yue, Vigfusson, Rashmi, "SIEVE is Simpler than LRU", NSDI'24): entries stay in the order of
 * arrival; a hit sets the visited bit; a hand walks from the oldest entry to the newest and round again, clears the
 * bits that it finds set, gives up the first entry whose bit is clear and stays beside it. Entries are never moved.
 *
 *     head (newest)  ←  ←  ←  hand  ←  ←  tail (oldest)
 *                             where the next eviction starts; past the head, or without a hand, at the tail
 *
 * **Think twice before choosing it.** Every visited entry that the hand passes brings it one nearer to the head, and an
 * eviction that passes none leaves the distance as it is; new entries live only as many misses as that distance. Once
 * it is shorter than the time between two uses, no new entry is ever hit, the hand no longer wraps, and all that lies
 * behind it is kept for ever. A workload that changes after the cache has filled can end there, and no later workload
 * repairs it. The bits want to be set at once, too: hits that come late cost it far more than they cost LRU or S3-FIFO.
 */
export class SievePolicy implements EvictionPolicy {
  readonly name = 'sieve'
  private readonly queue: SlotLists
  private readonly visited: SlotStates
  /** The slot at which the next eviction starts; NONE for the tail. */
  private hand = NONE

  constructor(slotCountMax: number) {
    this.queue = new SlotLists(slotCountMax, 1)
    this.visited = new SlotStates(slotCountMax, 1)
  }

  bytesFor(slotCount: number): number {
    return this.queue.bytesFor(slotCount) + this.visited.bytesPerSlot * slotCount
  }

  onInsert(slot: number): void {
    this.queue.addHead(QUEUE, slot)
    this.visited.set(slot, 0)
  }

  onHit(slot: number): void {
    // No need to ask whether an entry is there: an insert clears what a late hit has left.
    this.visited.set(slot, 1)
  }

  onReplace(slot: number): void {
    this.onHit(slot)
  }

  onRemove(slot: number): void {
    if (slot === this.hand) this.hand = this.queue.newer(slot)
    this.queue.remove(slot)
  }

  evict(): number {
    const { queue, visited } = this
    let slot = this.hand === NONE ? queue.tail(QUEUE) : this.hand
    if (slot < 0) return -1
    // Ends within one round: every bit that is passed is clear afterwards.
    while (visited.get(slot) !== 0) {
      visited.set(slot, 0)
      slot = queue.newer(slot)
      if (slot < 0) slot = queue.tail(QUEUE)
    }
    this.hand = queue.newer(slot)
    queue.remove(slot)
    return slot
  }

  setCapacity(): void {}

  check(): void {
    this.queue.check([QUEUE])
    assert(this.hand === NONE || this.queue.has(this.hand), 'The hand points at a slot that holds no entry')
  }
}
