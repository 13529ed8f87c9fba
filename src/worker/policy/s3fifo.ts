import { assert } from '../../shared/assert.js'
import { GhostTable } from './ghost-table.js'
import type { EvictionPolicy, PolicyEntries } from './policy.js'
import { SlotLists } from './slot-list.js'
import { SlotStates } from './slot-states.js'

const SMALL = 0
const MAIN = 1

const SMALL_SHARE = 0.1
const GHOST_SHARE = 0.9

/** Hits are counted up to here, in two bits of the state of a slot, */
const HITS_MAX = 3
/** of which the next one says: in the main queue. */
const IN_MAIN = 4
/** An entry that has so many hits when it comes to the end of the small queue moves to the main one. */
const HITS_TO_PROMOTE = 2

export interface S3FifoOptions {
  /** Hits that take an entry from the small queue to the main one. Default 2. */
  readonly hitsToPromote?: number
  /** Ghosts, as a share of the bytes. Default 0.9. */
  readonly ghostShare?: number
}

/**
 * S3-FIFO (Yang, Zhang, Qiu, Yue, Rashmi, "FIFO Queues are All You Need for Cache Eviction", SOSP'23): three queues. A
 * new entry enters a small FIFO (10 % of the bytes), which most entries leave without having been wanted again; its key
 * is then remembered as a ghost. Entries that were hit there more than once, and keys that come back as ghosts, enter
 * the main FIFO (90 %). The oldest entry of the main queue is given up if it has no hits left, else it pays one and goes
 * round again. A hit only counts, up to 3.
 *
 *     new ──► small ──── 2 hits ────► main ◄─┐
 *               │                      │ └───┘ each round costs a hit
 *               ▼                      ▼
 *             ghosts ─ comes back ─►  (main)
 *
 * Choices, those of the authors' libCacheSim: the counter starts again at 0 in the main queue; ghosts of 90 % of the
 * bytes, each counting as much as its entry did; the main queue is evicted from when it is over its share or the small
 * one is empty; no limit on going round, which the hits have paid for. Ours: ghosts go by epochs, see {@link GhostTable}.
 */
export class S3FifoPolicy implements EvictionPolicy {
  readonly name = 's3fifo'
  private readonly entries: PolicyEntries
  private readonly queues: SlotLists
  /** Hits, and IN_MAIN. */
  private readonly states: SlotStates
  private readonly ghosts: GhostTable
  private readonly hitsToPromote: number
  private readonly ghostShare: number
  /** By queue. */
  private readonly bytes: [small: number, main: number] = [0, 0]
  private capacityBytes = 0

  constructor(
    slotCountMax: number,
    entries: PolicyEntries,
    { hitsToPromote = HITS_TO_PROMOTE, ghostShare = GHOST_SHARE }: S3FifoOptions = {},
  ) {
    this.entries = entries
    this.hitsToPromote = hitsToPromote
    this.ghostShare = ghostShare
    this.queues = new SlotLists(slotCountMax, 2)
    this.states = new SlotStates(slotCountMax, 4)
    this.ghosts = new GhostTable(slotCountMax)
  }

  bytesFor(slotCount: number): number {
    const besideLists = this.states.bytesPerSlot + this.ghostShare * GhostTable.BYTES_PER_KEY
    return this.queues.bytesFor(slotCount) + besideLists * slotCount
  }

  onInsert(slot: number, hash: number, sizeBytes: number): void {
    const queue = this.ghosts.take(hash) ? MAIN : SMALL
    // Only now, since room for this entry was made before its key was known: see EvictionPolicy.evict.
    this.ghosts.trim(this.ghostShare * this.capacityBytes)
    this.enter(queue, slot, sizeBytes)
  }

  onHit(slot: number): void {
    // No need to ask whether an entry is there: an insert clears what a late hit has left.
    const state = this.states.get(slot)
    if ((state & HITS_MAX) < HITS_MAX) this.states.set(slot, state + 1)
  }

  onReplace(slot: number, oldSizeBytes: number): void {
    this.bytes[this.queueOf(slot)] += this.entries.sizeOf(slot) - oldSizeBytes
    this.onHit(slot)
  }

  onRemove(slot: number): void {
    this.queues.remove(slot)
    this.bytes[this.queueOf(slot)] -= this.entries.sizeOf(slot)
  }

  evict(): number {
    const mainBytesMax = this.capacityBytes - Math.floor(SMALL_SHARE * this.capacityBytes)
    if (this.bytes[MAIN] <= mainBytesMax) {
      const slot = this.evictSmall()
      if (slot >= 0) return slot
    }
    return this.evictMain()
  }

  setCapacity(capacityBytes: number): void {
    this.capacityBytes = capacityBytes
  }

  check(): void {
    this.queues.check([SMALL, MAIN])
    for (const queue of [SMALL, MAIN] as const) {
      let bytes = 0
      for (const slot of this.queues.slots(queue)) {
        assert(this.queueOf(slot) === queue, 'An entry misses its queue')
        bytes += this.entries.sizeOf(slot)
      }
      assert(bytes === this.bytes[queue], 'The bytes of a queue are wrong')
    }
    this.ghosts.check()
  }

  private queueOf(slot: number): typeof SMALL | typeof MAIN {
    return (this.states.get(slot) & IN_MAIN) === 0 ? SMALL : MAIN
  }

  private enter(queue: 0 | 1, slot: number, sizeBytes: number): void {
    this.queues.addHead(queue, slot)
    this.states.set(slot, queue === MAIN ? IN_MAIN : 0)
    this.bytes[queue] += sizeBytes
  }

  /** -1 when all entries of the small queue have moved on, or there were none. */
  private evictSmall(): number {
    for (let slot = this.queues.tail(SMALL); slot >= 0; slot = this.queues.tail(SMALL)) {
      const promoted = (this.states.get(slot) & HITS_MAX) >= this.hitsToPromote
      this.onRemove(slot)
      if (promoted) {
        this.enter(MAIN, slot, this.entries.sizeOf(slot))
      } else {
        this.ghosts.add(this.entries.hashOf(slot), this.entries.sizeOf(slot))
        return slot
      }
    }
    return -1
  }

  private evictMain(): number {
    const { queues, states } = this
    let slot = queues.tail(MAIN)
    while (slot >= 0 && (states.get(slot) & HITS_MAX) !== 0) {
      states.set(slot, states.get(slot) - 1)
      queues.moveToHead(MAIN, slot)
      slot = queues.tail(MAIN)
    }
    if (slot >= 0) this.onRemove(slot)
    return slot
  }
}
