import { assert } from '../assert.js'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../limits.js'
import { ENTRY_ALIGN, LONG_ENTRY_ALIGN, LONG_ENTRY_BYTES } from './layout.js'

/**
 * An entry in the log, never changed once its slot points to it:
 *
 *     word 0   slot number, 24 bits        │ key length, 8 bits; 0: see the extension
 *     word 1   value length, 28 bits       │ flags, 4 bits
 *    [word 2   fresh until                    with TIMED: ms on the node's clock, modulo 2³²]
 *    [word 3   stored at                      with TIMED: likewise; of a COPY its stamp]
 *    [word     key length                     when it does not fit in word 0; a word of padding follows]
 *     value, which so starts at a multiple of 4, a long one of 8, and can be copied out word by word
 *     key
 *     padding to a multiple of 4, or of 8 when the entry is long (layout.ts)
 *
 * For readers an entry ends with its freshness, so they look at one word of time. Only the owner knows of the stale time
 * after it, one length for the whole group; which entries have it is told by a flag. When to refresh ahead follows from
 * the two times. So neither costs a byte of an entry, or a look of a reader.
 *
 * Word 0 is never 0, for slot 0 is never used: a word of 0 where an entry could begin is a gap ({@link entryStart}).
 */
export const Flag = {
  /** The entry has a time to live. */
  TIMED: 1 << 28,
  /** The source has no such key; the value is empty. */
  NOT_FOUND: 1 << 29,
  /** With TIMED: may be served stale and loaded again by the node itself. Not so for keys that other nodes own. */
  RENEWABLE: 1 << 30,
  /** With TIMED: a copy of a value that another node owns. Good while its stamp is ({@link CopyFence}). */
  COPY: 1 << 31,
} as const

const VALUE_LENGTH_MASK = (1 << 28) - 1
const SHORT_KEY_BYTES_MAX = 255

/** Views of one store's memory. Offsets are bytes from its start; entries are multiples of 4. */
export interface EntryViews {
  readonly words: Int32Array
  readonly bytes: Uint8Array
}

function headerBytes(isShort: boolean, timed: boolean): number {
  return 8 + (timed ? 8 : 0) + (isShort ? 0 : 8)
}

/** Bytes that an entry takes in the log. */
export function entryBytes(keyLength: number, valueLength: number, timed: boolean): number {
  const bytes = headerBytes(keyLength <= SHORT_KEY_BYTES_MAX, timed) + valueLength + keyLength
  return roundUp(bytes, bytes < LONG_ENTRY_BYTES ? ENTRY_ALIGN : LONG_ENTRY_ALIGN)
}

/** Where an entry of `sizeBytes` begins when everything before `at`, a multiple of 4, is taken. */
export function entryStart(at: number, sizeBytes: number): number {
  return sizeBytes < LONG_ENTRY_BYTES ? at : roundUp(at, LONG_ENTRY_ALIGN)
}

/** To a multiple of `align`, a power of two. Sizes and places have 31 bits. */
function roundUp(bytes: number, align: number): number {
  return (bytes + align - 1) & -align
}

export function slotAt(views: EntryViews, place: number): number {
  return views.words[place >> 2]! & 0xff_ffff
}

export function isTimed(views: EntryViews, place: number): boolean {
  return (views.words[(place >> 2) + 1]! & Flag.TIMED) !== 0
}

export function isNotFound(views: EntryViews, place: number): boolean {
  return (views.words[(place >> 2) + 1]! & Flag.NOT_FOUND) !== 0
}

export function isRenewable(views: EntryViews, place: number): boolean {
  return (views.words[(place >> 2) + 1]! & Flag.RENEWABLE) !== 0
}

export function isCopy(views: EntryViews, place: number): boolean {
  return (views.words[(place >> 2) + 1]! & Flag.COPY) !== 0
}

/** The stamp of a COPY. */
export function copyStampAt(views: EntryViews, place: number): number {
  return views.words[(place >> 2) + 3]!
}

/** Milliseconds that a TIMED entry is still fresh; 0 or less when it is not. Wraps around with the clock's 32 bits. */
export function timeLeftMs(views: EntryViews, place: number, nowMs: number): number {
  return (views.words[(place >> 2) + 2]! - nowMs) | 0
}

/** Milliseconds that a TIMED entry is fresh, from when it was stored. */
export function lifetimeMs(views: EntryViews, place: number): number {
  return (views.words[(place >> 2) + 2]! - views.words[(place >> 2) + 3]!) | 0
}

/** Milliseconds since a TIMED entry was stored. */
export function ageMs(views: EntryViews, place: number, nowMs: number): number {
  return (nowMs - views.words[(place >> 2) + 3]!) | 0
}

export function keyLengthAt(views: EntryViews, place: number): number {
  const short = views.words[place >> 2]! >>> 24
  return short !== 0 ? short : views.words[(place >> 2) + (isTimed(views, place) ? 4 : 2)]!
}

export function keyAt(views: EntryViews, place: number): number {
  return valueAt(views, place) + valueLengthAt(views, place)
}

export function valueLengthAt(views: EntryViews, place: number): number {
  return views.words[(place >> 2) + 1]! & VALUE_LENGTH_MASK
}

export function valueAt(views: EntryViews, place: number): number {
  return place + headerBytes(views.words[place >> 2]! >>> 24 !== 0, isTimed(views, place))
}

/** Bytes that the entry at `place` takes in the log. */
export function entryBytesAt(views: EntryViews, place: number): number {
  return entryBytes(keyLengthAt(views, place), valueLengthAt(views, place), isTimed(views, place))
}

/** True when the entry at `place` has the key `key[start…end)`. All of it is compared: a hash is not a key. */
export function keyEquals(
  views: EntryViews,
  place: number,
  key: Uint8Array,
  start: number,
  end: number,
): boolean {
  if (keyLengthAt(views, place) !== end - start) return false
  const { bytes } = views
  let at = keyAt(views, place)
  for (let i = start; i < end; i++, at++) if (bytes[at] !== key[i]) return false
  return true
}

/** What a new entry is made of. */
export interface NewEntry {
  readonly key: Uint8Array
  /** Empty when the source has no such key. */
  readonly value: Uint8Array
  readonly notFound: boolean
  /** Times on the node's clock, ms modulo 2³²; absent when the entry lives until it is evicted. */
  readonly times?: { readonly freshUntil: number; readonly storedAt: number } | undefined
  /** Only for entries with times. Default false. */
  readonly renewable?: boolean
  /** Makes it a copy; only for entries with times. */
  readonly copyStamp?: number | undefined
}

/**
 * Writes the header of an entry that no slot points to yet.
 *
 * @returns where its value begins
 */
export function writeHeader({ words }: EntryViews, place: number, slot: number, entry: NewEntry): number {
  const { key, value, times } = entry
  const short = key.length <= SHORT_KEY_BYTES_MAX
  let word = place >> 2
  words[word++] = slot | (short ? key.length << 24 : 0)
  words[word++] =
    value.length |
    (times ? Flag.TIMED : 0) |
    (entry.notFound ? Flag.NOT_FOUND : 0) |
    (entry.renewable ? Flag.RENEWABLE : 0) |
    (entry.copyStamp === undefined ? 0 : Flag.COPY)
  if (times) {
    words[word++] = times.freshUntil
    words[word++] = entry.copyStamp ?? times.storedAt
  }
  if (!short) {
    words[word] = key.length
    word += 2
  }
  return word << 2
}

assert(VALUE_BYTES_MAX <= VALUE_LENGTH_MASK, 'A value length fits its bits')
assert(KEY_BYTES_MAX > SHORT_KEY_BYTES_MAX, 'Long keys have an extension word')
