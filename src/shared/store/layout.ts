import { assert } from '../assert.js'
import { SLOT_COUNT_MAX, STORE_BYTES_MAX } from '../limits.js'
import { BUCKET, ENTRIES_PER_BUCKET, OVERFLOW } from './bucket.js'

/** Raised with every change of what lies where: threads of another version are refused. */
export const LAYOUT_VERSION = 4

/**
 * A store: the entries of one group in one shard, in one SharedArrayBuffer. The owner writes, any thread reads.
 *
 *     0            header        32 words; line 0 is read by everybody, line 1 is the owner's
 *     bucketsAt    buckets       one line of 64 bytes each (bucket.ts draws it); linear hashing, `bucketCount` in use
 *     overflowAt   overflow      buckets of half a line each, for chains that need them
 *     slotsAt      slots         1 word each, the owner's own: place (byte offset) of the entry; 0 or less: free
 *     logAt        log           entries, one after the other, round and round
 *
 *          tail ─────────► head                  the log after some laps: the owner appends at `head`; what lies
 *      ┌────┬──────────────┬─────────────┐       between `tail` and `head` is live or dead entries. To make room it
 *      │free│ live and dead│    free     │       takes the entry at `tail`: dead, it is passed over; live, it is
 *      └────┴──────────────┴─────────────┘       copied to `head` and its slot pointed there. So there are no holes
 *        head          tail       lapEnd         and no size classes, and memory cannot fragment.
 *      ┌──────────┬────┬────────────┬────┐
 *      │  newest  │free│  oldest    │ –  │       A lap ends where the next entry does not fit: `lapEnd`.
 *      └──────────┴────┴────────────┴────┘
 *
 * A reader goes from the bucket straight to the entry, and nowhere else: two cache misses when nothing is cached. A slot
 * number stays with its entry for life, wherever the entry moves, so policies and timers know entries by slot.
 *
 * All regions are as large as they can ever get, and the operating system gives memory only to pages that were
 * touched. The owner sees to it that buckets + slots + log in use never exceed the budget of the store.
 */
export interface StoreGeometry {
  /** Bytes that the store may use: header, buckets and slots in use, policy state, log. */
  readonly budgetBytes: number
  readonly bucketCountMax: number
  readonly overflowCountMax: number
  readonly slotCountMax: number
  /** Word index of the bucket numbered 0. */
  readonly bucketsAt: number
  /** Word index of the overflow bucket numbered 0, which is never used. */
  readonly overflowAt: number
  /** Word index of the slot numbered 0, which is never used. */
  readonly slotsAt: number
  /** Byte offset of the log. */
  readonly logAt: number
  /** Bytes of the SharedArrayBuffer, most of them never touched. The log may not go beyond them. */
  readonly memoryBytes: number
}

export const HEADER_WORDS = 32
export const HEADER_BYTES = HEADER_WORDS * 4

/** Word indexes in the header. */
export const Header = {
  // Line 0: written rarely, read by everybody.
  VERSION: 0,
  BUDGET_BYTES: 1,
  BUCKET_COUNT: 2,
  // Line 1: the owner's own, in shared memory so that a new owner can take over.
  /** 1 while a change is under way: an owner that finds it set took over from one that died in the middle. */
  CHANGING: 16,
  LOG_HEAD: 17,
  LOG_TAIL: 18,
  /** Where the lap that the tail is in ends; 0 while head and tail are in the same lap. */
  LOG_LAP_END: 19,
  /** Highest slot ever used. */
  SLOT_HIGH: 20,
  /** Highest overflow bucket ever used. */
  OVERFLOW_HIGH: 21,
} as const

/** Entries start at multiples of this. */
export const ENTRY_ALIGN = 4

/**
 * Entries of so many bytes or more start and end at multiples of {@link LONG_ENTRY_ALIGN}: V8 copies by words of 8 bytes
 * within and out of shared memory when both places are equal modulo 8, else byte by byte, six times slower. Shorter ones
 * are copied in loops of ours, by words of 4. One that follows a short one may have to leave a word free before it.
 */
export const LONG_ENTRY_BYTES = 512
export const LONG_ENTRY_ALIGN = 8

/** Bytes of a slot. */
export const SLOT_BYTES = 4

/** Places are positive numbers of 32 bits: of the largest stores, those with few entries leave some of their budget unused. */
const PLACES_END = 2 ** 31 - LONG_ENTRY_ALIGN

/** What the index costs an entry, on average: its slot and its share of the buckets. */
export const INDEX_BYTES_PER_ENTRY = 11

/** What the smallest entry costs, of header and a one-byte key, with its slot and its share of the buckets. */
const COST_BYTES_MIN = 12 + SLOT_BYTES + Math.floor(BUCKET.bytes / ENTRIES_PER_BUCKET)

/** Buckets of an empty store. */
export const BUCKET_COUNT_MIN = 1

/** The bits of a hash that a bucket keeps of it: neither the low ones, which choose the bucket, nor the top ones (shard). */
export function tagOf(hash: number): number {
  return (hash >>> 20) & 0xff
}

/** Bucket of a hash among `bucketCount`: linear hashing (Litwin, VLDB 1980), which grows by one bucket at a time. */
export function bucketOf(hash: number, bucketCount: number): number {
  const mask = (2 << (31 - Math.clz32(bucketCount))) - 1
  const doubled = hash & mask
  return doubled < bucketCount ? doubled : hash & (mask >> 1)
}

/** Where everything lies in a store of `budgetBytes`; the budget is rounded down to whole entries' alignment. */
export function geometryOf(budgetBytes: number): StoreGeometry {
  const budget = Math.floor(budgetBytes / ENTRY_ALIGN) * ENTRY_ALIGN
  assert(budget > HEADER_BYTES && budget <= STORE_BYTES_MAX, `A store cannot have ${budgetBytes} bytes`)
  const slotCountMax = Math.min(SLOT_COUNT_MAX, Math.ceil(budget / COST_BYTES_MIN))
  const bucketCountMax = Math.ceil(slotCountMax / ENTRIES_PER_BUCKET) + BUCKET_COUNT_MIN
  // One is begun only when the bucket before it in its chain is full: there are not even so many in a single long chain.
  const overflowCountMax = Math.ceil(slotCountMax / OVERFLOW.entriesMax)
  const bucketsAt = HEADER_WORDS
  const overflowAt = bucketsAt + bucketCountMax * BUCKET.words
  const slotsAt = overflowAt + (overflowCountMax + 1) * OVERFLOW.words
  const logWord = slotsAt + slotCountMax + 1
  const logAt = Math.ceil((logWord * 4) / LONG_ENTRY_ALIGN) * LONG_ENTRY_ALIGN
  return {
    budgetBytes: budget,
    bucketCountMax,
    overflowCountMax,
    slotCountMax,
    bucketsAt,
    overflowAt,
    slotsAt,
    logAt,
    memoryBytes: Math.min(logAt + budget - HEADER_BYTES, PLACES_END),
  }
}

/** A new, empty store of `budgetBytes`. */
export function allocateStore(budgetBytes: number): SharedArrayBuffer {
  const geometry = geometryOf(budgetBytes)
  const memory = new SharedArrayBuffer(geometry.memoryBytes)
  const words = new Int32Array(memory, 0, HEADER_WORDS)
  words[Header.VERSION] = LAYOUT_VERSION
  words[Header.BUDGET_BYTES] = geometry.budgetBytes
  words[Header.BUCKET_COUNT] = BUCKET_COUNT_MIN
  words[Header.LOG_HEAD] = geometry.logAt
  words[Header.LOG_TAIL] = geometry.logAt
  return memory
}

assert(HEADER_WORDS === 32, 'The header fills two lines of 64 bytes')
assert(HEADER_BYTES % LONG_ENTRY_ALIGN === 0, 'What follows the header is aligned')
assert(LONG_ENTRY_ALIGN === 2 * ENTRY_ALIGN, 'The gap before a long entry is one word')
assert(SLOT_COUNT_MAX === 0xff_ffff, 'The first word of an entry holds every slot number')
