import { type EntryViews, entryBytesAt, slotAt } from '../shared/store/entry.js'
import { INDEX_BYTES_PER_ENTRY } from '../shared/store/layout.js'
import type { EntryWriter } from './entry-writer.js'
import type { StoreIndex } from './store-index.js'
import type { StoreLog } from './store-log.js'

/** How long a write waits for a pinned reader before it gives up. Pins last for one synchronous stretch of code. */
const PIN_WAIT_MS = 50

/** Share of the log that holds no live entries, so that the cleaner finds something to clean. */
const SLACK_SHARE = 1 / 16

/** At most this share of the log is kept free for moving one entry. */
const RESERVE_SHARE_MAX = 1 / 8

/** At most this share is made free for the next insert: far less than the slack. */
const NEXT_SHARE_MAX = 1 / 64

/** What making room needs of the store. */
export interface SpaceNeeds {
  /** Bytes that the log may use now. */
  logBytes(): number
  /** Bytes of the live entries in it. */
  liveBytes(): number
  /** Bytes that the next insert may need beside its place in the log. */
  growthBytes(): number
  /** Bytes of a slot that are not the index's. */
  bytesPerSlot(): number
  /** Evicts what the policy picks; false when there is nothing left. */
  evictOne(): boolean
  /** Evicts the entry of a slot, whatever the policy thinks of it. */
  giveUp(slot: number): void
}

/**
 * Makes room in the log of a store: evicts until the live entries leave some slack, then cleans the oldest end of the
 * log, dead entries passed over and live ones moved to the head, until there is a place. With a sixteenth of slack,
 * about seven entries are moved for each one that comes in, whatever the sizes, and it never gets worse than that.
 */
export class StoreSpace {
  readonly #views: EntryViews
  readonly #entries: EntryWriter
  readonly #index: StoreIndex
  readonly #log: StoreLog
  readonly #needs: SpaceNeeds
  /** Largest entry so far, in bytes: twice that is kept free, to move entries into and for what the end of a lap wastes. */
  #largestBytes = 0
  // As #measure() left them.
  #logBytes = 0
  /** Bytes of the log when the next entry is in the index. */
  #logBytesForNext = 0
  /** Room that is kept for moving entries. */
  #reserveBytes = 0
  #liveBytesMax = 0

  constructor(views: EntryViews, entries: EntryWriter, index: StoreIndex, log: StoreLog, needs: SpaceNeeds) {
    this.#views = views
    this.#entries = entries
    this.#index = index
    this.#log = log
    this.#needs = needs
  }

  /**
   * How many entries there will be when the store is full, if they stay as large as they are on average, and what they
   * will take together with their part of the index. There must be one.
   */
  whenFull(): { entryCount: number; usedBytes: number } {
    this.#measure()
    const { count } = this.#index
    const meanBytes = this.#needs.liveBytes() / count
    // Each further entry takes its place in the log, and what it costs beside that from the log.
    const besideBytes = (INDEX_BYTES_PER_ENTRY + this.#needs.bytesPerSlot()) * (1 - SLACK_SHARE)
    const entryCount = (this.#liveBytesMax + besideBytes * count) / (meanBytes + besideBytes)
    return { entryCount, usedBytes: entryCount * (meanBytes + INDEX_BYTES_PER_ENTRY) }
  }

  /** Takes note of the size of an entry. */
  note(sizeBytes: number): void {
    this.#largestBytes = Math.max(this.#largestBytes, sizeBytes)
  }

  /** A place for a new entry of `sizeBytes`; 0 when pinned readers hold back what there is. */
  make(sizeBytes: number): number {
    this.note(sizeBytes)
    this.#evictFor(sizeBytes)
    let cleanedBytes = 0
    for (;;) {
      if (this.#isFree(sizeBytes)) {
        const place = this.#log.placeFor(sizeBytes, this.#logBytesForNext)
        if (place !== 0) return place
      }
      if (this.#log.reclaim()) continue
      const cleaned = this.#cleanOldest()
      cleanedBytes += cleaned
      if (cleaned > 0 && cleanedBytes <= this.#logBytes) continue
      // Nothing more can be moved, or a whole lap was and did not help: then without the reserve, or one entry fewer.
      const place = this.#log.placeFor(sizeBytes, this.#logBytesForNext)
      if (place !== 0) return place
      if (cleaned === 0 ? !this.#log.reclaim(PIN_WAIT_MS) : !this.#evictOne()) return 0
      cleanedBytes = 0
    }
  }

  /** Evicts and cleans after the log was given less room. */
  shrink(): void {
    this.#evictFor(0)
    this.prepare(0)
  }

  /**
   * Makes some of the room that the next insert will need, so that readers have until then to unpin; and cleans ahead of
   * need, in proportion to the `sizeBytes` that came in. Policies that give up young entries leave the dead together at
   * the head of the log, a whole lap of live ones before them: cleaned only when there is no room left, that lap would
   * be one long pause. It begins when half of the slack is free, and is through with the lap before none is.
   */
  prepare(sizeBytes: number): void {
    this.#log.reclaim()
    this.#measure()
    const logBytes = this.#logBytes
    const goalBytes = this.#logBytesForNext - this.#reserveBytes
    const freeShare = Math.min(1, Math.max(0, (goalBytes - this.#log.usedBytes) / (SLACK_SHARE * logBytes)))
    const aheadBytes = (8 * sizeBytes * Math.max(0, 1 / 2 - freeShare)) / SLACK_SHARE
    const nextBytes = Math.min(sizeBytes, logBytes * NEXT_SHARE_MAX)
    let cleanedBytes = 0
    while (cleanedBytes < aheadBytes || (!this.#isFree(nextBytes) && cleanedBytes < logBytes)) {
      if (!this.#isFree(nextBytes) && this.#log.reclaim()) continue
      const cleaned = this.#cleanOldest()
      if (cleaned === 0) return
      cleanedBytes += cleaned
    }
  }

  /** True when `sizeBytes` can be written and the room for moving entries remains. */
  #isFree(sizeBytes: number): boolean {
    return this.#log.usedBytes + sizeBytes + this.#reserveBytes <= this.#logBytesForNext
  }

  /** Takes the figures of the store, whenever an entry came or went: they cost too much to be asked for at every step. */
  #measure(): void {
    this.#logBytes = this.#needs.logBytes()
    this.#logBytesForNext = this.#logBytes - this.#needs.growthBytes()
    this.#reserveBytes = Math.min(2 * this.#largestBytes, this.#logBytes * RESERVE_SHARE_MAX)
    this.#liveBytesMax = this.#logBytes * (1 - SLACK_SHARE) - this.#reserveBytes
  }

  #evictOne(): boolean {
    const evicted = this.#needs.evictOne()
    this.#measure()
    return evicted
  }

  #evictFor(sizeBytes: number): void {
    this.#measure()
    while (!this.#index.hasFreeSlot || this.#needs.liveBytes() + sizeBytes > this.#liveBytesMax) {
      if (!this.#evictOne()) return
    }
  }

  /** Takes the oldest entry of the log out of the way. Returns its size; 0 when there is none, or no room to move it. */
  #cleanOldest(): number {
    const place = this.#log.oldest()
    if (place === 0) return 0
    const sizeBytes = entryBytesAt(this.#views, place)
    const slot = slotAt(this.#views, place)
    if (this.#index.placeOf(slot) === place && !this.#move(slot, place, sizeBytes)) return 0
    this.#log.release(sizeBytes)
    return sizeBytes
  }

  #move(slot: number, from: number, sizeBytes: number): boolean {
    let to = this.#log.placeFor(sizeBytes, this.#logBytes)
    if (to === 0 && this.#log.reclaim()) to = this.#log.placeFor(sizeBytes, this.#logBytes)
    if (to === 0) {
      // Either readers hold the room back, then wait; or there is none, then this entry must make some.
      if (!this.#log.isReclaimed) return false
      this.#needs.giveUp(slot)
      this.#measure()
      return true
    }
    this.#entries.move(from, to, sizeBytes)
    this.#log.append(to, sizeBytes)
    this.#index.point(slot, to)
    return true
  }
}
