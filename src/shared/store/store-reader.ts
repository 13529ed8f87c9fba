import { assert } from '../assert.js'
import type { Clock } from '../clock.js'
import type { AccessLog } from './access-log.js'
import { BUCKET, firstMatch, matchTags, OVERFLOW, OVERFLOW_WORD_0_TAGS, spreadTag } from './bucket.js'
import {
  ageMs,
  copyStampAt,
  type EntryViews,
  isCopy,
  isNotFound,
  isRenewable,
  isTimed,
  keyEquals,
  slotAt,
  timeLeftMs,
  valueAt,
  valueLengthAt,
} from './entry.js'
import { bucketOf, geometryOf, Header, LAYOUT_VERSION, tagOf } from './layout.js'
import { ValueCopy } from './value-copy.js'

/**
 * Overflow buckets after which find() gives up. Few chains have more than three; longer walks are those that the owner
 * disturbed: a bucket that leaves its chain leads on to free ones, or, used again, to those of another chain.
 */
const HOPS_MAX = 64

/**
 * The read half of a store, for one thread. Every method may only be called while that thread is pinned
 * ({@link Epochs}); places are worth nothing after it unpinned.
 *
 * A reader may miss an entry that the owner moves between buckets at that moment. It never sees a torn or a wrong one:
 * whoever misses asks the owner, who looks again.
 */
export class StoreReader {
  readonly #bucketsAt: number
  readonly #overflowAt: number
  readonly #views: EntryViews
  readonly #log: AccessLog
  readonly #thread: number
  readonly #clock: Clock
  readonly #copy: ValueCopy

  constructor(memory: SharedArrayBuffer, log: AccessLog, thread: number, clock: Clock) {
    this.#views = { words: new Int32Array(memory), bytes: new Uint8Array(memory) }
    assert(this.#views.words[Header.VERSION] === LAYOUT_VERSION, 'A store of another layout version')
    const { bucketsAt, overflowAt } = geometryOf(this.#views.words[Header.BUDGET_BYTES]!)
    this.#bucketsAt = bucketsAt
    this.#overflowAt = overflowAt
    this.#copy = new ValueCopy(this.#views)
    this.#log = log
    this.#thread = thread
    this.#clock = clock
  }

  /**
   * The place of the fresh entry with key `key[start…end)`, 0 when there is none or only a copy. Leaves a hint for the
   * policy.
   *
   * @param hash of that key, by the seed of the node
   */
  find(key: Uint8Array, start: number, end: number, hash: number): number {
    const place = this.#locate(key, start, end, hash)
    if (place === 0) return 0
    const views = this.#views
    // Copies all have a time to live: an entry without one costs no look at the flag.
    if (isTimed(views, place) && (isCopy(views, place) || this.#timeLeftMs(place) <= 0)) return 0
    this.#log.record(this.#thread, slotAt(views, place))
    return place
  }

  /** As find(), but the fresh copy of a value of another node, if it has this stamp. */
  findCopy(key: Uint8Array, start: number, end: number, hash: number, stamp: number): number {
    const place = this.#locate(key, start, end, hash)
    const views = this.#views
    if (place === 0 || !isCopy(views, place) || copyStampAt(views, place) !== stamp) return 0
    if (this.#timeLeftMs(place) <= 0) return 0
    this.#log.record(this.#thread, slotAt(views, place))
    return place
  }

  /** As find(), but also an entry that has been stale for less than `staleMs`, if it may be served stale. No hint. */
  findStale(key: Uint8Array, start: number, end: number, hash: number, staleMs: number): number {
    const place = this.#locate(key, start, end, hash)
    if (place === 0 || !isTimed(this.#views, place)) return place
    if (isCopy(this.#views, place)) return 0
    const leftMs = this.#timeLeftMs(place)
    return leftMs > 0 || (isRenewable(this.#views, place) && leftMs > -staleMs) ? place : 0
  }

  #timeLeftMs(place: number): number {
    return timeLeftMs(this.#views, place, this.#clock.nowMs())
  }

  #locate(key: Uint8Array, start: number, end: number, hash: number): number {
    const { words } = this.#views
    const spread = spreadTag(tagOf(hash))
    // Atomically, for the sake of clear(): who sees the buckets of before it had pinned before it.
    let bucket = this.#bucketsAt + bucketOf(hash, Atomics.load(words, Header.BUCKET_COUNT)) * BUCKET.words
    for (let word = 0; word < BUCKET.tagWords; word++) {
      let matches = matchTags(words[bucket + word]!, spread)
      for (; matches !== 0; matches &= matches - 1) {
        // Reads from the owner's store of this word: the entry's bytes were written before it.
        const place = Atomics.load(words, bucket + BUCKET.placesWord + 4 * word + firstMatch(matches))
        if (place !== 0 && keyEquals(this.#views, place, key, start, end)) return place
      }
    }
    let link = Atomics.load(words, bucket + BUCKET.linkWord)
    for (let hops = 0; link !== 0 && hops < HOPS_MAX; hops++) {
      bucket = this.#overflowAt + link * OVERFLOW.words
      for (let word = 0; word < OVERFLOW.tagWords; word++) {
        let matches = matchTags(words[bucket + word]!, spread)
        if (word === 0) matches &= OVERFLOW_WORD_0_TAGS
        for (; matches !== 0; matches &= matches - 1) {
          // As above. The place that a tag is of lies in the word of its number.
          const place = Atomics.load(words, bucket + 4 * word + firstMatch(matches))
          if (place !== 0 && keyEquals(this.#views, place, key, start, end)) return place
        }
      }
      link = Atomics.load(words, bucket + OVERFLOW.linkWord)
    }
    return 0
  }

  /** True when the entry says that the source has no such key. */
  isNotFound(place: number): boolean {
    return isNotFound(this.#views, place)
  }

  /** Length of the value, in bytes. */
  valueLength(place: number): number {
    return valueLengthAt(this.#views, place)
  }

  /** Milliseconds that the entry is still fresh, 0 for a stale one; Infinity when it has no time to live. */
  ttlLeftMs(place: number): number {
    if (!isTimed(this.#views, place)) return Number.POSITIVE_INFINITY
    return Math.max(0, this.#timeLeftMs(place))
  }

  /** Milliseconds since the entry was stored; Infinity when it has no time to live, or is a copy: nobody noted it. */
  ageMs(place: number): number {
    if (!isTimed(this.#views, place) || isCopy(this.#views, place)) return Number.POSITIVE_INFINITY
    return Math.max(0, ageMs(this.#views, place, this.#clock.nowMs()))
  }

  /** The value where it lies in shared memory. */
  view(place: number): Uint8Array {
    const from = valueAt(this.#views, place)
    return this.#views.bytes.subarray(from, from + valueLengthAt(this.#views, place))
  }

  /** Copies the value into `target` from `at` on, which must have room for it. */
  copyValue(place: number, target: Uint8Array, at: number): void {
    this.#copy.copy(valueAt(this.#views, place), valueLengthAt(this.#views, place), target, at)
  }

  /** The value in memory of its own. */
  value(place: number): Uint8Array {
    return this.#copy.take(valueAt(this.#views, place), valueLengthAt(this.#views, place))
  }
}
