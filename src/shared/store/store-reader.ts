import { assert } from '../assert.js'
import type { Clock } from '../clock.js'
import type { AccessLog } from './access-log.js'
import {
  ageMs,
  type EntryViews,
  isNotFound,
  isRenewable,
  isTimed,
  keyEquals,
  slotAt,
  timeLeftMs,
  valueAt,
  valueLengthAt,
} from './entry.js'
import {
  chainOf,
  geometryOf,
  Header,
  LAYOUT_VERSION,
  LINK_SLOT_MASK,
  type StoreGeometry,
  tagOf,
} from './layout.js'

/** Where find() gives up. Chains have 1.5 links on average; longer walks are those that the owner disturbed. */
const HOPS_MAX = 64

/** Shorter values are copied byte by byte: `Buffer#copy` and `set` cost about 50 ns before the first byte. */
const BYTE_LOOP_MAX = 16

/** From this length on it pays to copy to an aligned place first when `target` is not: see copyValue(). */
const STAGED_MIN = 512
const STAGE_BYTES = 8 * 1024

/**
 * The read half of a store, for one thread. Every method may only be called while that thread is pinned
 * ({@link Epochs}); places are worth nothing after it unpinned.
 *
 * A reader may miss an entry that the owner moves between chains at that moment. It never sees a torn or a wrong one:
 * whoever misses asks the owner, who looks again.
 */
export class StoreReader {
  readonly #geometry: StoreGeometry
  readonly #views: EntryViews
  readonly #log: AccessLog
  readonly #thread: number
  readonly #clock: Clock
  readonly #stage = new Uint8Array(STAGE_BYTES)

  constructor(memory: SharedArrayBuffer, log: AccessLog, thread: number, clock: Clock) {
    this.#views = { words: new Int32Array(memory), bytes: new Uint8Array(memory) }
    assert(this.#views.words[Header.VERSION] === LAYOUT_VERSION, 'A store of another layout version')
    this.#geometry = geometryOf(this.#views.words[Header.BUDGET_BYTES]!)
    this.#log = log
    this.#thread = thread
    this.#clock = clock
  }

  /**
   * The place of the fresh entry with key `key[start…end)`, 0 when there is none. Leaves a hint for the policy.
   *
   * @param hash of that key, by the seed of the node
   */
  find(key: Uint8Array, start: number, end: number, hash: number): number {
    const place = this.#locate(key, start, end, hash)
    if (place === 0) return 0
    const views = this.#views
    if (isTimed(views, place) && timeLeftMs(views, place, this.#clock.nowMs()) <= 0) return 0
    this.#log.record(this.#thread, slotAt(views, place))
    return place
  }

  /** As find(), but also an entry that has been stale for less than `staleMs`, if it may be served stale. No hint. */
  findStale(key: Uint8Array, start: number, end: number, hash: number, staleMs: number): number {
    const place = this.#locate(key, start, end, hash)
    if (place === 0 || !isTimed(this.#views, place)) return place
    const leftMs = timeLeftMs(this.#views, place, this.#clock.nowMs())
    return leftMs > 0 || (isRenewable(this.#views, place) && leftMs > -staleMs) ? place : 0
  }

  #locate(key: Uint8Array, start: number, end: number, hash: number): number {
    const { words } = this.#views
    const { headsAt, slotsAt } = this.#geometry
    const tag = tagOf(hash)
    // The head count may be older than the chains: that is one more way to miss.
    let link = Atomics.load(words, headsAt + chainOf(hash, words[Header.HEAD_COUNT]!))
    for (let hops = 0; link !== 0 && hops < HOPS_MAX; hops++) {
      const slotWord = slotsAt + 2 * (link & LINK_SLOT_MASK)
      if (link >>> 24 === tag) {
        // Reads from the owner's store of this word: the entry's bytes were written before it.
        const place = Atomics.load(words, slotWord)
        if (place !== 0 && keyEquals(this.#views, place, key, start, end)) return place
      }
      link = Atomics.load(words, slotWord + 1)
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
    return Math.max(0, timeLeftMs(this.#views, place, this.#clock.nowMs()))
  }

  /** Milliseconds since the entry was stored; Infinity when it has no time to live, for then nobody noted it. */
  ageMs(place: number): number {
    if (!isTimed(this.#views, place)) return Number.POSITIVE_INFINITY
    return Math.max(0, ageMs(this.#views, place, this.#clock.nowMs()))
  }

  /** The value where it lies in shared memory. */
  view(place: number): Uint8Array {
    const from = valueAt(this.#views, place)
    return this.#views.bytes.subarray(from, from + valueLengthAt(this.#views, place))
  }

  /**
   * Copies the value into `target` from `at` on, which must have room for it.
   *
   * Out of shared memory V8 copies byte by byte when the two places differ modulo 8: 40 µs for 64 KiB, not 5. Values that
   * are worth it start aligned, so for a target that does not, they go by way of private memory, between which and the
   * target any alignment is copied fast.
   */
  copyValue(place: number, target: Uint8Array, at: number): void {
    const { bytes } = this.#views
    const from = valueAt(this.#views, place)
    const length = valueLengthAt(this.#views, place)
    if (length <= BYTE_LOOP_MAX) {
      for (let i = 0; i < length; i++) target[at + i] = bytes[from + i]!
    } else if (length < STAGED_MIN || ((target.byteOffset + at - from) & 7) === 0) {
      target.set(bytes.subarray(from, from + length), at)
    } else {
      this.#copyStaged(from, length, target, at)
    }
  }

  #copyStaged(from: number, length: number, target: Uint8Array, at: number): void {
    for (let done = 0; done < length; done += STAGE_BYTES) {
      const end = Math.min(done + STAGE_BYTES, length)
      this.#stage.set(this.#views.bytes.subarray(from + done, from + end))
      target.set(end - done === STAGE_BYTES ? this.#stage : this.#stage.subarray(0, end - done), at + done)
    }
  }

  /** The value in memory of its own. */
  value(place: number): Uint8Array {
    const value = new Uint8Array(valueLengthAt(this.#views, place))
    this.copyValue(place, value, 0)
    return value
  }
}
