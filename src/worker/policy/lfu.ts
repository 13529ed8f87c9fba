import { assert } from '../../shared/assert.js'
import type { EvictionPolicy } from './policy.js'
import { SlotLists } from './slot-list.js'

/** Lists of buckets: those in use, from the lowest count (head) to the highest (tail), and those that can be reused. */
const RANKED = 0
const FREE = 1

/** The counts are halved once per so many accesses for each entry. */
const AGEING_ACCESSES_PER_ENTRY = 10

/** Entries of buckets with equal counts that are put into one with each access: all of them, long before the next time. */
const JOIN_STEP = 4

/**
 * Least frequently used: gives up the entry with the lowest count of accesses while it was here; among equals, the one
 * whose count rose longest ago. The structure is that of Shah, Mitra and Matani ("An O(1) algorithm for implementing
 * the LFU cache eviction scheme", 2010): one bucket per count in use, the buckets in order of their counts, the entries
 * of a bucket in order of arrival.
 *
 *     RANKED   bucket {1}   →   bucket {2}   →   bucket {7}
 *                 ↓                ↓                ↓
 *              d, c, b          e, a              f              gives up b: the oldest of the first bucket
 *
 * Left alone, an entry that was famous once would never go. So all counts are halved from time to time (ageing, as in
 * Robinson and Devarakonda, "Data Cache Management Using Frequency-Based Replacement", SIGMETRICS'90). Buckets whose
 * counts become equal are joined, the one that was lower nearer to eviction: ageing by itself never changes who goes
 * before whom. They are joined an entry at a time, and until then lie side by side, two or three with one count. Halving
 * itself goes through the buckets: n entries have no more than a few times the root of n, since a count takes as many
 * accesses as it says.
 *
 * A bucket is a list of the entries' {@link SlotLists} and, at the same time, a "slot" of the buckets' own.
 */
export class LfuPolicy implements EvictionPolicy {
  readonly name = 'lfu'
  private readonly entries: SlotLists
  private readonly buckets: SlotLists
  /** By slot: its bucket. */
  private readonly bucketOf: Int32Array
  /** By bucket: the count of its entries. Doubles, since without ageing counts have no bound. */
  private readonly countOf: Float64Array
  private readonly ageing: boolean
  private entryCount = 0
  private bucketCount = 0
  private accessesSinceAgeing = 0
  /** The next bucket to be joined with those above it that have its count; -1 when all are. */
  private joining = -1

  /** @param ageing false for plain counts, which never fade */
  constructor(slotCountMax: number, { ageing = true }: { ageing?: boolean } = {}) {
    // There are never more buckets than entries, but for the one that an entry is about to leave.
    this.entries = new SlotLists(slotCountMax, slotCountMax + 1)
    this.buckets = new SlotLists(slotCountMax + 1, 2)
    this.bucketOf = new Int32Array(slotCountMax)
    this.countOf = new Float64Array(slotCountMax + 1)
    this.ageing = ageing
  }

  bytesFor(slotCount: number): number {
    return this.entries.bytesFor(slotCount) + Int32Array.BYTES_PER_ELEMENT * slotCount
  }

  onInsert(slot: number): void {
    const lowest = this.buckets.head(RANKED)
    const isFirst = lowest < 0 || this.countOf[lowest] !== 1
    const bucket = isFirst ? this.newBucket(1) : this.highestOf(lowest)
    if (isFirst) this.buckets.addHead(RANKED, bucket)
    this.entries.addHead(bucket, slot)
    this.bucketOf[slot] = bucket
    this.entryCount++
    this.countAccess()
  }

  onHit(slot: number): void {
    const { entries, buckets, countOf } = this
    if (!entries.has(slot)) return
    const bucket = this.bucketOf[slot]!
    const count = countOf[bucket]! + 1
    const highest = this.highestOf(bucket)
    const above = buckets.older(highest)
    if (above >= 0 && countOf[above] === count) {
      this.move(slot, this.highestOf(above))
    } else if (bucket === highest && entries.head(bucket) === entries.tail(bucket)) {
      countOf[bucket] = count
    } else {
      const between = this.newBucket(count)
      buckets.addOlder(highest, between)
      this.move(slot, between)
    }
    this.countAccess()
  }

  onReplace(slot: number): void {
    this.onHit(slot)
  }

  onRemove(slot: number): void {
    this.entries.remove(slot)
    this.releaseIfEmpty(this.bucketOf[slot]!)
    this.entryCount--
  }

  evict(): number {
    const lowest = this.buckets.head(RANKED)
    if (lowest < 0) return -1
    const slot = this.entries.tail(lowest)
    this.onRemove(slot)
    return slot
  }

  setCapacity(): void {}

  check(): void {
    const { entries, buckets, countOf } = this
    const ranked = [...buckets.slots(RANKED)].reverse()
    assert(buckets.check([RANKED, FREE]) === this.bucketCount, 'A bucket is lost')
    assert(entries.check(ranked) === this.entryCount, 'An entry is lost')
    let below = 0
    for (const bucket of ranked) {
      assert(countOf[bucket]! > below || this.joining >= 0, 'Buckets with one count were not joined')
      assert(countOf[bucket]! >= below, 'The buckets are not in the order of their counts')
      below = countOf[bucket]!
      assert(entries.tail(bucket) >= 0, 'An empty bucket was not released')
      for (const slot of entries.slots(bucket))
        assert(this.bucketOf[slot] === bucket, 'An entry misses its bucket')
    }
  }

  private newBucket(count: number): number {
    let bucket = this.buckets.head(FREE)
    if (bucket >= 0) this.buckets.remove(bucket)
    else bucket = this.bucketCount++
    this.countOf[bucket] = count
    return bucket
  }

  /** The highest of the buckets that have the count of this one: where whoever comes to have it belongs. */
  private highestOf(bucket: number): number {
    const { buckets, countOf } = this
    let highest = bucket
    for (let above = buckets.older(highest); above >= 0; above = buckets.older(highest)) {
      if (countOf[above] !== countOf[bucket]) break
      highest = above
    }
    return highest
  }

  private move(slot: number, to: number): void {
    const from = this.bucketOf[slot]!
    this.entries.moveToHead(to, slot)
    this.bucketOf[slot] = to
    this.releaseIfEmpty(from)
  }

  private releaseIfEmpty(bucket: number): void {
    if (this.entries.tail(bucket) >= 0) return
    if (bucket === this.joining) this.joining = this.buckets.older(bucket)
    this.buckets.moveToHead(FREE, bucket)
  }

  private countAccess(): void {
    this.join()
    this.accessesSinceAgeing++
    if (!this.ageing || this.accessesSinceAgeing < AGEING_ACCESSES_PER_ENTRY * this.entryCount) return
    this.accessesSinceAgeing = 0
    this.halveCounts()
  }

  private halveCounts(): void {
    const { buckets, countOf } = this
    this.joining = buckets.head(RANKED)
    for (let bucket = this.joining; bucket >= 0; bucket = buckets.older(bucket)) {
      countOf[bucket] = Math.max(1, Math.floor(countOf[bucket]! / 2))
    }
  }

  /** Moves a few entries to the heads of buckets below that have the same count. */
  private join(): void {
    const { entries, buckets, countOf } = this
    for (let step = 0; step < JOIN_STEP && this.joining >= 0; step++) {
      const above = buckets.older(this.joining)
      if (above >= 0 && countOf[above] === countOf[this.joining]) this.move(entries.tail(above), this.joining)
      else this.joining = above
    }
  }
}
