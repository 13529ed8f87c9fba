import { assert } from '../shared/assert.js'
import { type HashSeed, hashBytes } from '../shared/hash.js'
import { type EntryViews, keyAt, keyEquals, keyLengthAt } from '../shared/store/entry.js'
import {
  chainOf,
  HEAD_BYTES,
  HEAD_COUNT_MIN,
  Header,
  LINK_SLOT_MASK,
  SLOT_BYTES,
  type StoreGeometry,
  tagOf,
} from '../shared/store/layout.js'

/**
 * The write half of a store's index: chains of slots under linearly hashed heads (layout.ts draws it).
 *
 * Every word that readers follow is stored atomically, after everything that it leads to. Free slots hang in a list
 * through their chain word; a reader that strays into it finds empty places and gives up.
 */
export class StoreIndex {
  readonly #views: EntryViews
  readonly #geometry: StoreGeometry
  readonly #seed: HashSeed
  #freeSlot = 0
  #count = 0

  constructor(views: EntryViews, geometry: StoreGeometry, seed: HashSeed) {
    this.#views = views
    this.#geometry = geometry
    this.#seed = seed
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

  get headCount(): number {
    return this.#views.words[Header.HEAD_COUNT]!
  }

  /** Bytes of heads and slots in use. */
  get bytes(): number {
    return this.headCount * HEAD_BYTES + this.slotHigh * SLOT_BYTES
  }

  placeOf(slot: number): number {
    return this.#views.words[this.#geometry.slotsAt + 2 * slot]!
  }

  /** Hash of the key of the entry at `place`. */
  hashAt(place: number): number {
    const [start, end] = this.keyRangeAt(place)
    return hashBytes(this.#views.bytes, start, end, this.#seed)
  }

  /** Where the key of the entry at `place` begins and ends. */
  keyRangeAt(place: number): [start: number, end: number] {
    const start = keyAt(this.#views, place)
    return [start, start + keyLengthAt(this.#views, place)]
  }

  /** Slot of the entry with key `key[start…end)`, expired or not; 0 when there is none. */
  find(key: Uint8Array, start: number, end: number, hash: number): number {
    const tag = tagOf(hash)
    let link = this.#views.words[this.#headWord(hash)]!
    while (link !== 0) {
      const slot = link & LINK_SLOT_MASK
      if (link >>> 24 === tag && keyEquals(this.#views, this.placeOf(slot), key, start, end)) return slot
      link = this.#views.words[this.#nextWord(slot)]!
    }
    return 0
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
    if (slot === this.#freeSlot) this.#freeSlot = words[this.#nextWord(slot)]! & LINK_SLOT_MASK
    else words[Header.SLOT_HIGH] = slot
    this.#count++
    if (this.#count > this.headCount && this.headCount < this.#geometry.headCountMax) this.#split()
    this.point(slot, place)
    this.#push(slot, hash)
  }

  /** Points a slot to another place: a new value, or the same entry moved. */
  point(slot: number, place: number): void {
    Atomics.store(this.#views.words, this.#geometry.slotsAt + 2 * slot, place)
  }

  /** Takes the entry out of its chain and frees its slot. */
  remove(slot: number): void {
    const { words } = this.#views
    let word = this.#headWord(this.hashAt(this.placeOf(slot)))
    while ((words[word]! & LINK_SLOT_MASK) !== slot) {
      assert(words[word] !== 0, `Slot ${slot} is not in its chain`)
      word = this.#nextWord(words[word]! & LINK_SLOT_MASK)
    }
    Atomics.store(words, word, words[this.#nextWord(slot)]!)
    this.point(slot, 0)
    this.#free(slot)
    this.#count--
  }

  /** Removes all entries, and gives up all heads and slots. */
  clear(): void {
    const { words } = this.#views
    for (let chain = 0; chain < this.headCount; chain++)
      Atomics.store(words, this.#geometry.headsAt + chain, 0)
    for (let slot = this.slotHigh; slot > 0; slot--) this.point(slot, 0)
    words[Header.SLOT_HIGH] = 0
    Atomics.store(words, Header.HEAD_COUNT, HEAD_COUNT_MIN)
    this.#freeSlot = 0
    this.#count = 0
  }

  /** Follows every chain and throws AssertionError when an entry is lost, doubled or in the wrong chain. For tests. */
  check(): void {
    const { words } = this.#views
    let seen = 0
    for (let chain = 0; chain < this.headCount; chain++) {
      let link = words[this.#geometry.headsAt + chain]!
      for (; link !== 0; link = words[this.#nextWord(link & LINK_SLOT_MASK)]!) {
        const hash = this.hashAt(this.placeOf(link & LINK_SLOT_MASK))
        assert(chainOf(hash, this.headCount) === chain, `Slot ${link & LINK_SLOT_MASK} is in the wrong chain`)
        assert(link >>> 24 === tagOf(hash), `Slot ${link & LINK_SLOT_MASK} has a wrong tag`)
        assert(++seen <= this.#count, 'More links than entries: a chain runs in a circle')
      }
    }
    assert(seen === this.#count, `${this.#count} entries, ${seen} in chains`)
  }

  #headWord(hash: number): number {
    return this.#geometry.headsAt + chainOf(hash, this.headCount)
  }

  #nextWord(slot: number): number {
    return this.#geometry.slotsAt + 2 * slot + 1
  }

  #push(slot: number, hash: number): void {
    const { words } = this.#views
    const head = this.#headWord(hash)
    Atomics.store(words, this.#nextWord(slot), words[head]!)
    Atomics.store(words, head, slot | (tagOf(hash) << 24))
  }

  #free(slot: number): void {
    Atomics.store(this.#views.words, this.#nextWord(slot), this.#freeSlot)
    this.#freeSlot = slot
  }

  /** Adds one head and gives it its part of the one chain that it divides. */
  #split(): void {
    const { words } = this.#views
    const headCount = this.headCount + 1
    const divided = this.headCount - (1 << (31 - Math.clz32(this.headCount)))
    let link = words[this.#geometry.headsAt + divided]!
    Atomics.store(words, this.#geometry.headsAt + divided, 0)
    Atomics.store(words, this.#geometry.headsAt + headCount - 1, 0)
    Atomics.store(words, Header.HEAD_COUNT, headCount)
    while (link !== 0) {
      const slot = link & LINK_SLOT_MASK
      link = words[this.#nextWord(slot)]!
      this.#push(slot, this.hashAt(this.placeOf(slot)))
    }
  }
}

/** After a torn change neither index nor log positions can be trusted: they are wiped before anything reads them. */
export function forgetStore(words: Int32Array, geometry: StoreGeometry): void {
  const { headsAt, headCountMax, slotsAt, slotCountMax, logAt } = geometry
  const slotHigh = Math.min(words[Header.SLOT_HIGH]! + 1, slotCountMax)
  for (let head = 0; head < Math.min(words[Header.HEAD_COUNT]! + 1, headCountMax); head++) {
    Atomics.store(words, headsAt + head, 0)
  }
  for (let word = slotsAt + 2; word <= slotsAt + 2 * slotHigh + 1; word++) Atomics.store(words, word, 0)
  words[Header.LOG_HEAD] = logAt
  words[Header.LOG_TAIL] = logAt
  words[Header.LOG_LAP_END] = 0
  Atomics.store(words, Header.CHANGING, 0)
}
