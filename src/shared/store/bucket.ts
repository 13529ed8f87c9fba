import { assert } from '../assert.js'

/**
 * A bucket of the index: one line of 64 bytes, so that to look into it is one cache miss.
 *
 *     words 0 – 2     tags: 8 bits of the hash for each of the 12 entries, byte i % 4 of word i / 4
 *     word  3         number of the overflow bucket in which the chain goes on; 0 ends it
 *     words 4 – 15    places of the entries; 0: none. Those in use come first, and only the last bucket of a chain has
 *                     any free
 *
 * Places and links are published atomically: whoever loads a place has all bytes of its entry. Tags are plain: a reader
 * that sees them older or newer than the places compares a key in vain or misses, and never gets at a wrong entry.
 */
export const BUCKET_WORDS = 16
export const BUCKET_BYTES = BUCKET_WORDS * 4
export const BUCKET_ENTRIES_MAX = 12
export const TAG_WORDS = 3
export const LINK_WORD = 3
export const PLACES_WORD = 4

/** Buckets are added so that this many entries fall to each on average: one in eight or so then lies in overflow. */
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

assert(PLACES_WORD + BUCKET_ENTRIES_MAX === BUCKET_WORDS, 'A bucket fills one line')
assert(TAG_WORDS * 4 === BUCKET_ENTRIES_MAX, 'Every entry has a tag')
