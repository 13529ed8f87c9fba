import { assert } from '../shared/assert.js'
import { VALUE_BYTES_BOUNDS, valueBucketOf } from '../shared/counters.js'
import { type EntryViews, entryBytesAt, slotAt, valueLengthAt } from '../shared/store/entry.js'
import type { StoreIndex } from './store-index.js'

/** What a store holds, in figures: bytes of its live entries, and their number by size. */
export class StoreSums {
  /** Entries by size of their value, in the buckets of VALUE_BYTES_BOUNDS. */
  readonly valueSizes = new Uint32Array(VALUE_BYTES_BOUNDS.length)
  readonly #views: EntryViews
  #liveBytes = 0

  constructor(views: EntryViews) {
    this.#views = views
  }

  /** Bytes of the live entries in the log. */
  get liveBytes(): number {
    return this.#liveBytes
  }

  /** Counts the entry at `place` in. */
  add(place: number): void {
    this.#count(place, 1)
  }

  /** Counts the entry at `place` out. */
  remove(place: number): void {
    this.#count(place, -1)
  }

  clear(): void {
    this.#liveBytes = 0
    this.valueSizes.fill(0)
  }

  /** Derives the figures again and throws AssertionError when one differs. O(n): for tests. */
  check(index: StoreIndex): void {
    let live = 0
    for (let slot = 1; slot <= index.slotHigh; slot++) {
      const place = index.placeOf(slot)
      if (place === 0) continue
      assert(slotAt(this.#views, place) === slot, `The entry of slot ${slot} names another slot`)
      live += entryBytesAt(this.#views, place)
    }
    assert(live === this.#liveBytes, `${this.#liveBytes} live bytes counted, ${live} found`)
    const sizeCount = this.valueSizes.reduce((sum, count) => sum + count, 0)
    assert(sizeCount === index.count, `${sizeCount} values counted by size, ${index.count} entries`)
  }

  #count(place: number, change: number): void {
    this.#liveBytes += change * entryBytesAt(this.#views, place)
    this.valueSizes[valueBucketOf(valueLengthAt(this.#views, place))]! += change
  }
}
