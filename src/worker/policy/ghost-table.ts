import { assert } from '../../shared/assert.js'
import { GhostEpochs } from './ghost-epochs.js'

const BUCKET_SHIFT = 3
const WORDS_PER_BUCKET = 2 ** BUCKET_SHIFT
/** The word of a ghost leaves these bits to the stamp; the number of its bucket must say at least as many of the hash. */
const STAMP_BITS = 10
const STAMP_MASK = 2 ** STAMP_BITS - 1
/** Fewest words of a table. */
const WORD_COUNT_MIN = WORDS_PER_BUCKET * 2 ** STAMP_BITS

/** The table doubles when so many of its words hold ghosts. */
const LOAD_MAX = 0.85

/** Buckets that are looked through for expired ghosts with each key that is added, */
const BUCKETS_SWEPT = 2
/** or moved into a larger table. */
const BUCKETS_MOVED = 8

/**
 * The keys that went most recently, without their values: what S3-FIFO remembers of evicted entries. A key is its
 * 32-bit hash; that two keys may share one costs a wrong guess and nothing more.
 *
 *     table    buckets of 8 words, a cache line holds two       chosen by the lower bits of the mixed hash
 *     word     22 upper bits of the mixed hash | stamp          0: empty
 *
 * The stamp says in which of the {@link GhostEpochs} the key was added. Ghosts expire by an epoch at a time, by
 * arithmetic alone; their words are found empty by whoever comes by, and swept before the stamp is used again. When a
 * bucket is full its oldest ghost gives way: at the highest load that is one in twelve.
 *
 * A larger table takes over bucket by bucket: until a bucket has moved, the old one serves. No call is ever slow.
 */
export class GhostTable {
  /** What one key costs while the table is full; after doubling, twice that. */
  static readonly BYTES_PER_KEY = Int32Array.BYTES_PER_ELEMENT / LOAD_MAX

  private readonly countMax: number
  private readonly epochs = new GhostEpochs()
  private table = new Int32Array(WORD_COUNT_MIN)
  /** The table before it was doubled, as long as buckets of it are to be moved. */
  private outgrown: Int32Array | undefined
  /** Words of the outgrown table that have moved. */
  private moved = 0
  /** Word that is swept next. */
  private swept = 0

  /** @param countMax at most so many keys are remembered, however small their entries were */
  constructor(countMax: number) {
    this.countMax = countMax
  }

  /** Remembers a key as the newest, and forgets the oldest when there are too many. */
  add(hash: number, sizeBytes: number): void {
    assert(sizeBytes > 0, 'An entry has a size')
    const { epochs } = this
    this.take(hash)
    while (epochs.count >= this.countMax && epochs.forgetOldest());
    if (this.outgrown !== undefined) this.move(BUCKETS_MOVED * WORDS_PER_BUCKET)
    else this.sweep(BUCKETS_SWEPT * WORDS_PER_BUCKET)
    if (epochs.count >= LOAD_MAX * this.table.length) this.grow()
    const stamp = epochs.add(sizeBytes, this.table.length / WORD_COUNT_MIN)
    const mixed = mix(hash)
    const table = this.tableOf(mixed)
    const at = this.vacate(table, bucketOf(table, mixed))
    table[at] = (mixed & ~STAMP_MASK) | stamp
  }

  /** Whether the key is remembered; forgets it. */
  take(hash: number): boolean {
    const mixed = mix(hash)
    const table = this.tableOf(mixed)
    const bucket = bucketOf(table, mixed)
    for (let at = bucket; at < bucket + WORDS_PER_BUCKET; at++) {
      const word = table[at]!
      if (((word ^ mixed) & ~STAMP_MASK) !== 0 || !this.epochs.has(word & STAMP_MASK)) continue
      this.epochs.remove(word & STAMP_MASK)
      table[at] = 0
      return true
    }
    return false
  }

  /**
   * Forgets the oldest keys until the entries of the others had no more than `bytesMax` together; those of the newest
   * epoch stay until it is over.
   */
  trim(bytesMax: number): void {
    while (this.epochs.bytes > bytesMax && this.epochs.forgetOldest());
  }

  /** Counts the ghosts of every epoch anew; O(n). */
  check(): void {
    const found = new Map<number, number>()
    const count = (table: Int32Array, from: number) => {
      for (let at = from; at < table.length; at++) {
        const stamp = table[at]! & STAMP_MASK
        if (this.epochs.has(stamp)) found.set(stamp, (found.get(stamp) ?? 0) + 1)
      }
    }
    count(this.table, 0)
    if (this.outgrown !== undefined) count(this.outgrown, this.moved)
    this.epochs.check(found)
    assert(this.epochs.count <= Math.max(1, this.countMax), 'There are too many ghosts')
  }

  /** The table that serves a key now. */
  private tableOf(mixed: number): Int32Array {
    const { outgrown } = this
    return outgrown !== undefined && bucketOf(outgrown, mixed) >= this.moved ? outgrown : this.table
  }

  /** A word of the bucket without a ghost: the oldest one has to go if there is none. */
  private vacate(table: Int32Array, bucket: number): number {
    let oldest = bucket
    let ageMax = -1
    for (let at = bucket; at < bucket + WORDS_PER_BUCKET; at++) {
      const stamp = table[at]! & STAMP_MASK
      if (!this.epochs.has(stamp)) return at
      const age = this.epochs.ageOf(stamp)
      if (age <= ageMax) continue
      ageMax = age
      oldest = at
    }
    this.epochs.remove(table[oldest]! & STAMP_MASK)
    return oldest
  }

  private sweep(wordCount: number): void {
    const { table } = this
    for (let at = this.swept; at < this.swept + wordCount; at++) {
      if (table[at] !== 0 && !this.epochs.has(table[at]! & STAMP_MASK)) table[at] = 0
    }
    this.swept = (this.swept + wordCount) & (table.length - 1)
  }

  private grow(): void {
    // A move that is still under way: tables double too far apart for that.
    if (this.outgrown !== undefined) this.move(this.outgrown.length)
    this.outgrown = this.table
    this.table = new Int32Array(2 * this.table.length)
    this.moved = 0
    this.swept = 0
  }

  /** Every bucket becomes two that nothing was put into yet. */
  private move(wordCount: number): void {
    const { outgrown, table } = this
    if (outgrown === undefined) return
    const end = Math.min(this.moved + wordCount, outgrown.length)
    for (let at = this.moved; at < end; at++) {
      const word = outgrown[at]!
      if (!this.epochs.has(word & STAMP_MASK)) continue
      // The bit of the hash that chooses between the two: above the stamp, since a table has so many buckets.
      const isUpper = (word & (outgrown.length / WORDS_PER_BUCKET)) !== 0
      table[isUpper ? at + outgrown.length : at] = word
    }
    this.moved = end
    if (end === outgrown.length) this.outgrown = undefined
  }
}

/** First word of the bucket of a key. */
function bucketOf(table: Int32Array, mixed: number): number {
  return (mixed << BUCKET_SHIFT) & (table.length - 1)
}

/** A bijection, so that bucket and word together tell all hashes apart; every lower bit depends on all bits. */
function mix(hash: number): number {
  let mixed = Math.imul(hash ^ (hash >>> 16), 0x7feb352d)
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b)
  return mixed ^ (mixed >>> 16)
}
