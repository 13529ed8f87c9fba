import { AssertionError, assert } from '../shared/assert.js'
import {
  BUCKET,
  type BucketShape,
  ENTRIES_PER_BUCKET,
  firstMatch,
  matchTags,
  OVERFLOW,
  OVERFLOW_WORD_0_TAGS,
  spreadTag,
} from '../shared/store/bucket.js'
import { type EntryViews, keyEquals } from '../shared/store/entry.js'
import { BUCKET_COUNT_MIN, bucketOf, Header, type StoreGeometry, tagOf } from '../shared/store/layout.js'

/**
 * The buckets of a store as its owner writes them (bucket.ts draws one): places of entries by the hashes of their keys.
 *
 * A chain has no holes: what is taken out makes room for the chain's last entry, and an overflow bucket that becomes
 * empty is free for another chain. Free ones are linked in a list; a reader that strays into it finds no places.
 */
export class BucketChains {
  readonly #views: EntryViews
  readonly #words: Int32Array
  readonly #geometry: StoreGeometry
  readonly #overflowAt: number
  readonly #hashAt: (place: number) => number
  #freeOverflow = 0
  /** Of the chain that is divided: its entries. */
  readonly #places: number[] = []

  /** @param hashAt hash of the key of the entry at a place */
  constructor(views: EntryViews, geometry: StoreGeometry, hashAt: (place: number) => number) {
    this.#views = views
    this.#words = views.words
    this.#geometry = geometry
    this.#overflowAt = geometry.overflowAt
    this.#hashAt = hashAt
    for (let bucket = this.#overflowHigh; bucket > 0; bucket--) {
      if (this.#words[this.#overflowWord(bucket) + OVERFLOW.placesWord] === 0) this.#release(bucket)
    }
  }

  get bucketCount(): number {
    return this.#words[Header.BUCKET_COUNT]!
  }

  /** Bytes of all buckets that were ever in use. */
  get bytes(): number {
    return this.bucketCount * BUCKET.bytes + this.#overflowHigh * OVERFLOW.bytes
  }

  /** Bytes that the next add() may need more, when there are `count` entries before it. */
  growthBytes(count: number): number {
    return (this.#freeOverflow === 0 ? OVERFLOW.bytes : 0) + (this.#needsSplit(count + 1) ? BUCKET.bytes : 0)
  }

  /** Place of the entry with key `key[start…end)`; 0 when there is none. */
  find(key: Uint8Array, start: number, end: number, hash: number): number {
    const words = this.#words
    const spread = spreadTag(tagOf(hash))
    for (let bucket = this.#firstOf(hash); bucket !== 0; bucket = this.#next(bucket)) {
      const { tagWords, placesWord, firstTag } = this.#shapeOf(bucket)
      for (let word = 0; word < tagWords; word++) {
        let matches = matchTags(words[bucket + word]!, spread)
        if (word === 0 && firstTag !== 0) matches &= OVERFLOW_WORD_0_TAGS
        for (; matches !== 0; matches &= matches - 1) {
          const place = words[bucket + placesWord + 4 * word + firstMatch(matches) - firstTag]!
          if (place !== 0 && keyEquals(this.#views, place, key, start, end)) return place
        }
      }
    }
    return 0
  }

  /** Makes the entry at `place`, the last of `count`, visible to readers. */
  add(hash: number, place: number, count: number): void {
    if (this.#needsSplit(count)) this.#split()
    this.#append(this.#firstOf(hash), hash, place)
  }

  /** Has readers find the entry that was at `from` at `to`. */
  move(hash: number, from: number, to: number): void {
    Atomics.store(this.#words, this.#wordOf(hash, from), to)
  }

  remove(hash: number, place: number): void {
    const words = this.#words
    const hole = this.#wordOf(hash, place)
    const first = this.#firstOf(hash)
    let [last, before] = [first, 0]
    for (let next = this.#next(last); next !== 0; next = this.#next(last)) [last, before] = [next, last]
    const lastWord = last + this.#shapeOf(last).placesWord + this.#countIn(last) - 1
    if (lastWord !== hole) {
      this.#setTag(this.#bucketAround(hole), hole, this.#tagIn(last, lastWord))
      Atomics.store(words, hole, words[lastWord]!)
    }
    Atomics.store(words, lastWord, 0)
    this.#setTag(last, lastWord, 0)
    if (before !== 0 && this.#countIn(last) === 0) this.#unlink(before)
  }

  /**
   * Removes all entries. Only the first bucket is written to: the others are emptied as they come into use again, and no
   * reader that pins from now on looks into them before.
   */
  clear(): void {
    BucketChains.forget(this.#words, this.#geometry)
    this.#freeOverflow = 0
  }

  /** As clear(), for buckets of which nothing is known, before anything is made of them. */
  static forget(words: Int32Array, { bucketsAt }: StoreGeometry): void {
    empty(words, bucketsAt, BUCKET)
    Atomics.store(words, Header.BUCKET_COUNT, BUCKET_COUNT_MIN)
    words[Header.OVERFLOW_HIGH] = 0
  }

  /** Hands every place to `see`, and throws AssertionError when one is in a wrong chain, or a chain has holes. For tests. */
  check(see: (place: number) => void): void {
    let linked = 0
    for (let chain = 0; chain < this.bucketCount; chain++) {
      let bucket = this.#geometry.bucketsAt + chain * BUCKET.words
      for (; bucket !== 0; bucket = this.#next(bucket)) {
        this.#checkBucket(bucket, chain, see)
        if (this.#next(bucket) === 0) continue
        assert(this.#countIn(this.#next(bucket)) > 0, `Chain ${chain} ends in an empty bucket`)
        assert(++linked <= this.#overflowHigh, 'A chain runs in a circle')
      }
    }
    for (let free = this.#freeOverflow; free !== 0; linked++) {
      const bucket = this.#overflowWord(free)
      assert(this.#countIn(bucket) === 0, `Free overflow bucket ${free} holds an entry`)
      free = this.#words[bucket + OVERFLOW.linkWord]!
    }
    assert(linked === this.#overflowHigh, `${this.#overflowHigh} overflow buckets, ${linked} found`)
  }

  #checkBucket(bucket: number, chain: number, see: (place: number) => void): void {
    const { entriesMax, placesWord } = this.#shapeOf(bucket)
    const count = this.#countIn(bucket)
    assert(count === entriesMax || this.#next(bucket) === 0, `Chain ${chain} has a hole`)
    for (let index = 0; index < count; index++) {
      const word = bucket + placesWord + index
      const place = this.#words[word]!
      assert(place !== 0, `Chain ${chain} has a hole`)
      assert(bucketOf(this.#hashAt(place), this.bucketCount) === chain, `${place} is in the wrong chain`)
      assert(this.#tagIn(bucket, word) === tagOf(this.#hashAt(place)), `${place} has a wrong tag`)
      see(place)
    }
  }

  get #overflowHigh(): number {
    return this.#words[Header.OVERFLOW_HIGH]!
  }

  #overflowWord(bucket: number): number {
    return this.#overflowAt + bucket * OVERFLOW.words
  }

  /** By where a bucket lies: overflow buckets follow the others. */
  #shapeOf(bucket: number): BucketShape {
    return bucket < this.#overflowAt ? BUCKET : OVERFLOW
  }

  /** Word index of the first bucket of a chain. */
  #firstOf(hash: number): number {
    return this.#geometry.bucketsAt + bucketOf(hash, this.bucketCount) * BUCKET.words
  }

  /** Word index of the bucket that follows; 0 at the end. */
  #next(bucket: number): number {
    const link = this.#words[bucket + this.#shapeOf(bucket).linkWord]!
    return link === 0 ? 0 : this.#overflowWord(link)
  }

  /** The bucket of a place word. */
  #bucketAround(word: number): number {
    const { bucketsAt, overflowAt } = this.#geometry
    return word < overflowAt
      ? word - ((word - bucketsAt) % BUCKET.words)
      : word - ((word - overflowAt) % OVERFLOW.words)
  }

  /** Word index of the place of an entry, which must be there. */
  #wordOf(hash: number, place: number): number {
    const words = this.#words
    for (let bucket = this.#firstOf(hash); bucket !== 0; bucket = this.#next(bucket)) {
      const shape = this.#shapeOf(bucket)
      for (let word = bucket + shape.placesWord; word < bucket + shape.words; word++) {
        if (words[word] === place) return word
      }
    }
    throw new AssertionError(`The entry at ${place} is not in its chain`)
  }

  #countIn(bucket: number): number {
    const { entriesMax, placesWord } = this.#shapeOf(bucket)
    let count = entriesMax
    while (count > 0 && this.#words[bucket + placesWord + count - 1] === 0) count--
    return count
  }

  /** Number, among the bytes of the tag words of a bucket, of the tag for the place in `word`. */
  #tagByte(bucket: number, word: number): number {
    const { placesWord, firstTag } = this.#shapeOf(bucket)
    return word - bucket - placesWord + firstTag
  }

  /** The tag for the place in `word` of a bucket. */
  #tagIn(bucket: number, word: number): number {
    const byte = this.#tagByte(bucket, word)
    return (this.#words[bucket + (byte >> 2)]! >>> (8 * (byte & 3))) & 0xff
  }

  #setTag(bucket: number, word: number, tag: number): void {
    const byte = this.#tagByte(bucket, word)
    const tags = bucket + (byte >> 2)
    const shift = 8 * (byte & 3)
    this.#words[tags] = (this.#words[tags]! & ~(0xff << shift)) | (tag << shift)
  }

  /** Adds an entry to the chain that `first` begins. */
  #append(first: number, hash: number, place: number): void {
    let bucket = first
    for (let next = this.#next(bucket); next !== 0; next = this.#next(bucket)) bucket = next
    const { entriesMax, linkWord, placesWord } = this.#shapeOf(bucket)
    const count = this.#countIn(bucket)
    let word = bucket + placesWord + count
    if (count === entriesMax) {
      const overflow = this.#takeOverflow()
      Atomics.store(this.#words, bucket + linkWord, overflow)
      bucket = this.#overflowWord(overflow)
      word = bucket + OVERFLOW.placesWord
    }
    this.#setTag(bucket, word, tagOf(hash))
    Atomics.store(this.#words, word, place)
  }

  /** An empty overflow bucket. There is one: each that is in use follows one that is full. */
  #takeOverflow(): number {
    const words = this.#words
    const bucket = this.#freeOverflow
    if (bucket !== 0) {
      const linkWord = this.#overflowWord(bucket) + OVERFLOW.linkWord
      this.#freeOverflow = words[linkWord]!
      Atomics.store(words, linkWord, 0)
      return bucket
    }
    assert(
      this.#overflowHigh < this.#geometry.overflowCountMax,
      'There are more overflow buckets than full ones',
    )
    const fresh = this.#overflowHigh + 1
    empty(words, this.#overflowWord(fresh), OVERFLOW)
    words[Header.OVERFLOW_HIGH] = fresh
    return fresh
  }

  /** Frees the empty bucket behind `before`. */
  #unlink(before: number): void {
    const linkWord = before + this.#shapeOf(before).linkWord
    const bucket = this.#words[linkWord]!
    Atomics.store(this.#words, linkWord, 0)
    this.#release(bucket)
  }

  #release(bucket: number): void {
    Atomics.store(this.#words, this.#overflowWord(bucket) + OVERFLOW.linkWord, this.#freeOverflow)
    this.#freeOverflow = bucket
  }

  #needsSplit(count: number): boolean {
    const { bucketCount } = this
    return count > bucketCount * ENTRIES_PER_BUCKET && bucketCount < this.#geometry.bucketCountMax
  }

  /** Adds one bucket and gives it its part of the one chain that it divides. */
  #split(): void {
    const words = this.#words
    const { bucketCount } = this
    const { bucketsAt } = this.#geometry
    const old = bucketsAt + (bucketCount - (1 << (31 - Math.clz32(bucketCount)))) * BUCKET.words
    const added = bucketsAt + bucketCount * BUCKET.words
    this.#takeAll(old)
    empty(words, added, BUCKET)
    for (const place of this.#places) {
      const hash = this.#hashAt(place)
      const isKept = bucketsAt + bucketOf(hash, bucketCount + 1) * BUCKET.words === old
      this.#append(isKept ? old : added, hash, place)
    }
    Atomics.store(words, Header.BUCKET_COUNT, bucketCount + 1)
  }

  /** Empties a chain into {@link #places}, and frees its overflow buckets: dividing it takes no more of them than it had. */
  #takeAll(first: number): void {
    const words = this.#words
    this.#places.length = 0
    for (let bucket = first; bucket !== 0; ) {
      const shape = this.#shapeOf(bucket)
      const next = this.#next(bucket)
      for (let word = bucket + shape.placesWord; word < bucket + shape.words; word++) {
        if (words[word] !== 0) this.#places.push(words[word]!)
      }
      empty(words, bucket, shape)
      if (bucket !== first) this.#release((bucket - this.#geometry.overflowAt) / OVERFLOW.words)
      bucket = next
    }
  }
}

function empty(words: Int32Array, bucket: number, shape: BucketShape): void {
  for (let word = bucket; word < bucket + shape.words; word++) Atomics.store(words, word, 0)
}
