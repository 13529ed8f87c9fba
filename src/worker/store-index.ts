import { assert } from '../shared/assert.js'
import { type HashSeed, hashBytes } from '../shared/hash.js'
import { type EntryViews, keyAt, keyLengthAt, slotAt } from '../shared/store/entry.js'
import { Header, SLOT_BYTES, type StoreGeometry } from '../shared/store/layout.js'
import { BucketChains } from './bucket-chains.js'

/**
 * The write half of a store's index: which slot a key has, and where the entry of a slot is.
 *
 * Readers follow buckets only. A slot is a word of the owner's: the place of its entry; or, when it is free, the next
 * free slot as a negative number.
 */
export class StoreIndex {
  readonly #views: EntryViews
  readonly #geometry: StoreGeometry
  readonly #seed: HashSeed
  readonly #chains: BucketChains
  #freeSlot = 0
  #count = 0
  /** The hash that was asked for last, and of which place. Whatever is written becomes known here, so it is never stale. */
  #hash = 0
  #hashedPlace = 0

  constructor(views: EntryViews, geometry: StoreGeometry, seed: HashSeed) {
    this.#views = views
    this.#geometry = geometry
    this.#seed = seed
    this.#chains = new BucketChains(views, geometry, (place) => this.hashAt(place))
    for (let slot = this.slotHigh; slot > 0; slot--) {
      if (this.placeOf(slot) === 0) this.#free(slot)
      else this.#count++
    }
  }

  /** Number of entries. */
  get count(): number {
    return this.#count
  }

  /** Highest slot that was ever in use: slots beyond it cost nothing yet. */
  get slotHigh(): number {
    return this.#views.words[Header.SLOT_HIGH]!
  }

  get bucketCount(): number {
    return this.#chains.bucketCount
  }

  /** Bytes of buckets and slots in use. */
  get bytes(): number {
    return this.#chains.bytes + this.slotHigh * SLOT_BYTES
  }

  /** Bytes that the next insert() may need more. */
  get growthBytes(): number {
    return this.#chains.growthBytes(this.#count) + (this.#freeSlot === 0 ? SLOT_BYTES : 0)
  }

  /** Place of the entry in a slot; 0 when it is free. */
  placeOf(slot: number): number {
    // Hints name slots that were cleared.
    if (slot > this.slotHigh) return 0
    return Math.max(0, this.#views.words[this.#geometry.slotsAt + slot]!)
  }

  /** Hash of the key of the entry at `place`. Whoever asks for the same one again gets it for nothing. */
  hashAt(place: number): number {
    if (place !== this.#hashedPlace) {
      const start = keyAt(this.#views, place)
      const hash = hashBytes(this.#views.bytes, start, start + keyLengthAt(this.#views, place), this.#seed)
      this.#remember(place, hash)
    }
    return this.#hash
  }

  /** Where the key of the entry at `place` begins and ends. */
  keyRangeAt(place: number): [start: number, end: number] {
    const start = keyAt(this.#views, place)
    return [start, start + keyLengthAt(this.#views, place)]
  }

  /** Slot of the entry with key `key[start…end)`, expired or not; 0 when there is none. */
  find(key: Uint8Array, start: number, end: number, hash: number): number {
    const place = this.#chains.find(key, start, end, hash)
    return place === 0 ? 0 : slotAt(this.#views, place)
  }

  /** True while a slot can be had without removing an entry first. */
  get hasFreeSlot(): boolean {
    return this.#freeSlot !== 0 || this.slotHigh < this.#geometry.slotCountMax
  }

  /** The slot that insert() will use next. */
  get nextSlot(): number {
    assert(this.hasFreeSlot, 'All slots are in use')
    return this.#freeSlot !== 0 ? this.#freeSlot : this.slotHigh + 1
  }

  /** Makes the entry at `place`, written for slot {@link nextSlot}, visible to readers. */
  insert(hash: number, place: number): void {
    const { words } = this.#views
    const slot = this.nextSlot
    if (slot === this.#freeSlot) this.#freeSlot = -words[this.#geometry.slotsAt + slot]!
    else words[Header.SLOT_HIGH] = slot
    this.#count++
    words[this.#geometry.slotsAt + slot] = place
    this.#remember(place, hash)
    this.#chains.add(hash, place, this.#count)
  }

  /** Points a slot to another place: a new value of the key, or the same entry moved. */
  point(slot: number, place: number, hash = this.hashAt(this.placeOf(slot))): void {
    this.#remember(place, hash)
    this.#chains.move(hash, this.placeOf(slot), place)
    this.#views.words[this.#geometry.slotsAt + slot] = place
  }

  /** Takes the entry out of its chain and frees its slot. */
  remove(slot: number): void {
    const place = this.placeOf(slot)
    this.#chains.remove(this.hashAt(place), place)
    this.#free(slot)
    this.#count--
  }

  /** Removes all entries, and gives up all buckets and slots, in no time. */
  clear(): void {
    this.#chains.clear()
    this.#views.words[Header.SLOT_HIGH] = 0
    this.#freeSlot = 0
    this.#count = 0
  }

  /** Follows every chain and throws AssertionError when an entry is lost, doubled or in the wrong chain. For tests. */
  check(): void {
    const [place, hash] = [this.#hashedPlace, this.#hash]
    this.#hashedPlace = 0
    assert(place === 0 || this.hashAt(place) === hash, `The hash at ${place} is out of date`)
    let seen = 0
    this.#chains.check((place) => {
      seen++
      assert(this.placeOf(slotAt(this.#views, place)) === place, `The entry at ${place} is not in its slot`)
    })
    assert(seen === this.#count, `${this.#count} entries, ${seen} in chains`)
  }

  #remember(place: number, hash: number): void {
    this.#hashedPlace = place
    this.#hash = hash
  }

  #free(slot: number): void {
    this.#views.words[this.#geometry.slotsAt + slot] = -this.#freeSlot
    this.#freeSlot = slot
  }
}

/**
 * After a torn change neither index nor log positions can be trusted. Only what the first entries would lead to has to go:
 * buckets are emptied when they come into use, and slots are written before they are read.
 */
export function forgetStore(words: Int32Array, geometry: StoreGeometry): void {
  BucketChains.forget(words, geometry)
  words[Header.SLOT_HIGH] = 0
  words[Header.LOG_HEAD] = geometry.logAt
  words[Header.LOG_TAIL] = geometry.logAt
  words[Header.LOG_LAP_END] = 0
  Atomics.store(words, Header.CHANGING, 0)
}
