import { assert } from '../assert.js'

/**
 * A bucket of the index: one line of 64 bytes, so that to look into it is one cache miss.
 *
 *     words 0 – 2     tags: 8 bits of the hash for each of the 12 entries, byte i % 4 of word i / 4 for that in word i + 4
 *     word  3         number of the overflow bucket in which the chain goes on; 0 ends it
 *     words 4 – 15    places of the entries; 0: none. Those in use come first, and only the last bucket of a chain has
 *                     any free
 *
 * An overflow bucket is half a line, for few chains have more than a few entries in it:
 *
 *     words 0 – 1     tags of 5 entries: byte i % 4 of word i / 4 for that in word i; bytes 0 – 2 are free
 *     word  2         number of the next overflow bucket; 0 ends the chain
 *     words 3 – 7     places, as above
 *
 * Places and links are published atomically: whoever loads a place has all bytes of its entry. Tags are plain: a reader
 * that sees them older or newer than the places compares a key in vain or misses, and never gets at a wrong entry.
 */
export interface BucketShape {
  readonly words: number
  readonly bytes: number
  readonly linkWord: number
  readonly placesWord: number
  readonly entriesMax: number
  /** Words before the link: all of them tags. */
  readonly tagWords: number
  /** The first tag is this byte of them. */
  readonly firstTag: number
}

function shapeOf(words: number, tagWords: number, firstTag: number): BucketShape {
  const placesWord = tagWords + 1
  const entriesMax = words - placesWord
  assert(firstTag + entriesMax === 4 * tagWords, 'Every entry has a tag')
  return { words, bytes: 4 * words, linkWord: tagWords, placesWord, entriesMax, tagWords, firstTag }
}

export const BUCKET = shapeOf(16, 3, 0)
export const OVERFLOW = shapeOf(8, 2, 3)

/** What {@link matchTags} may report in word 0 of an overflow bucket: there is one tag in it. */
export const OVERFLOW_WORD_0_TAGS = 0x8000_0000 | 0

/**
 * Buckets are added so that this many entries fall to each on average: one in eight or so then lies in overflow, and an
 * entry costs 7.1 bytes of buckets. Ten would cost 0.3 bytes more. Twelve would save 0.2, and have a hit look into 0.21
 * overflow buckets on average, not into 0.16. (All by the Poisson distribution, over a doubling.)
 */
export const ENTRIES_PER_BUCKET = 11

/** `tag` in each byte of a word. */
export function spreadTag(tag: number): number {
  return Math.imul(tag, 0x01010101)
}

/**
 * The bytes of `tags` that are equal to those of `spread`, as the top bit of each. Above a byte that is equal, one that
 * differs in its lowest bit alone may be reported, too. (Warren, "Hacker's Delight", 2nd ed., §6-1.)
 */
export function matchTags(tags: number, spread: number): number {
  const differing = tags ^ spread
  return (differing - 0x01010101) & ~differing & 0x80808080
}

/** Index of the lowest byte that {@link matchTags} reported. */
export function firstMatch(matches: number): number {
  return (31 - Math.clz32(matches & -matches)) >> 3
}

assert(BUCKET.bytes === 64 && OVERFLOW.bytes === 32, 'No bucket lies across two lines')
