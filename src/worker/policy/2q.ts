import { assert } from '../../shared/assert.js'
import { GhostQueue } from './ghost-queue.js'
import type { EvictionPolicy, PolicyEntries } from './policy.js'
import { SlotLists } from './slot-list.js'
import { SlotStates } from './slot-states.js'

const IN = 0
const MAIN = 1

/** Kin and Kout of the paper, as shares of the capacity: its recommendation. */
const IN_SHARE = 0.25
const OUT_SHARE = 0.5

/**
 * 2Q, the full version (Johnson and Shasha, "2Q: A Low Overhead High Performance Buffer Management Replacement
 * Algorithm", VLDB'94). A new entry enters a FIFO (A1in), in which hits change nothing: a burst of hits on a new entry
 * counts as one. Whatever leaves it is remembered as a ghost (A1out), and a key that comes back while it is one enters
 * the LRU list of the main part (Am). Evicts from A1in while that is over its share, else from Am, without a ghost.
 *
 * Choices: shares are of bytes, ghosts counting as much as their entries did; a key that comes back leaves A1out before
 * room is made for it; when Am is empty, A1in is evicted from, whatever its share.
 */
export class TwoQueuePolicy implements EvictionPolicy {
  readonly name = '2q'
  private readonly entries: PolicyEntries
  private readonly lists: SlotLists
  /** By slot: IN or MAIN. */
  private readonly listOf: SlotStates
  private readonly ghosts: GhostQueue
  private capacityBytes = 0
  private inBytes = 0

  constructor(slotCountMax: number, entries: PolicyEntries) {
    this.entries = entries
    this.lists = new SlotLists(slotCountMax, 2)
    this.listOf = new SlotStates(slotCountMax, 1)
    this.ghosts = new GhostQueue(slotCountMax)
  }

  bytesFor(slotCount: number): number {
    const besideLists = this.listOf.bytesPerSlot + OUT_SHARE * GhostQueue.BYTES_PER_KEY
    return this.lists.bytesFor(slotCount) + besideLists * slotCount
  }

  onInsert(slot: number, hash: number, sizeBytes: number): void {
    const list = this.ghosts.take(hash) ? MAIN : IN
    // Only now, since room for this entry was made before its key was known: see EvictionPolicy.evict.
    this.ghosts.trim(OUT_SHARE * this.capacityBytes)
    this.lists.addHead(list, slot)
    this.listOf.set(slot, list)
    if (list === IN) this.inBytes += sizeBytes
  }

  onHit(slot: number): void {
    if (this.listOf.get(slot) === MAIN && this.lists.has(slot)) this.lists.moveToHead(MAIN, slot)
  }

  onReplace(slot: number, oldSizeBytes: number): void {
    if (this.listOf.get(slot) === IN) this.inBytes += this.entries.sizeOf(slot) - oldSizeBytes
    this.onHit(slot)
  }

  onRemove(slot: number): void {
    this.lists.remove(slot)
    if (this.listOf.get(slot) === IN) this.inBytes -= this.entries.sizeOf(slot)
  }

  evict(): number {
    const oldest = this.lists.tail(IN)
    const stale = this.lists.tail(MAIN)
    if (this.inBytes <= IN_SHARE * this.capacityBytes && stale >= 0) {
      this.onRemove(stale)
      return stale
    }
    if (oldest < 0) return -1
    this.onRemove(oldest)
    this.ghosts.add(this.entries.hashOf(oldest), this.entries.sizeOf(oldest))
    return oldest
  }

  setCapacity(capacityBytes: number): void {
    this.capacityBytes = capacityBytes
  }

  check(): void {
    this.lists.check([IN, MAIN])
    let inBytes = 0
    for (const list of [IN, MAIN]) {
      for (const slot of this.lists.slots(list)) {
        assert(this.listOf.get(slot) === list, 'An entry misses its list')
        if (list === IN) inBytes += this.entries.sizeOf(slot)
      }
    }
    assert(inBytes === this.inBytes, 'The bytes of A1in are wrong')
    this.ghosts.check()
  }
}
