import { assert } from './assert.js'
import { THREAD_COUNT_MAX, VALUE_BYTES_MAX } from './limits.js'

/** One counter of a group. The table below is all there is: statistics, metrics and docs are derived from it. */
export interface CounterSpec {
  readonly name: string
  /** A counter only grows; a gauge is what is true now. */
  readonly kind: 'counter' | 'gauge'
  readonly help: string
}

const TABLE = [
  ['gets', 'counter', 'Calls for a key, from clients and from peers'],
  ['hits', 'counter', 'Calls answered from shared memory, a remembered "not found" among them'],
  ['misses', 'counter', 'Calls for a key of this node that was not in memory'],
  ['loads', 'counter', 'Loads from the source that were begun'],
  ['coalesced', 'counter', 'Calls that waited for a load or a peer call that was under way already'],
  ['load_errors', 'counter', 'Loads that failed: the getter threw, hung or returned no value'],
  ['not_found', 'counter', 'Loads that ended in "the source has no such key"'],
  ['evictions', 'counter', 'Entries given up to make room'],
  ['expirations', 'counter', 'Entries removed because their time to live was over'],
  ['oversize', 'counter', 'Values served but not kept: larger than a tenth of their shard'],
  ['refused', 'counter', 'Values served but not kept: readers held the memory that they needed'],
  ['deletes', 'counter', 'Deletes carried out on this node'],
  ['entries', 'gauge', 'Entries in memory'],
  ['bytes', 'gauge', 'Bytes in use, entry headers, index and policy state included'],
  ['max_bytes', 'gauge', 'Bytes that may be used'],
  ['peer_gets', 'counter', 'Calls sent to the owner of a key'],
  ['peer_errors', 'counter', 'Calls to a peer that brought no answer'],
  ['hot_hits', 'counter', 'Of the hits, those of keys of other nodes, answered from hot copies'],
  ['hot_kept', 'counter', 'Hot copies of values of other nodes that were kept'],
  ['hot_bytes', 'gauge', 'Bytes of hot copies, part of those in use'],
  ['fallbacks', 'counter', 'Keys of other nodes loaded here because their owners did not answer'],
  ['shard_restarts', 'counter', 'Owner threads that were replaced'],
  ['stale_served', 'counter', 'Calls answered with a value whose time to live was over'],
  ['refreshes', 'counter', 'Loads that the node began by itself: of entries in use, stale or about to be'],
  ['refresh_errors', 'counter', 'Refreshes that failed'],
  ['backoff_rejected', 'counter', 'Loads not begun because the last one of the key failed a moment ago'],
  ['loads_rejected', 'counter', 'Loads not begun because too many were waiting for their turn'],
  ['load_batches', 'counter', 'Calls of a getter that takes many keys at once'],
  ['loads_queued', 'gauge', 'Loads that wait for their turn'],
  ['source_calls', 'gauge', 'Calls of the getter under way'],
  ['load_seconds_sum', 'counter', 'Time spent in loads, in seconds'],
] as const satisfies readonly (readonly [string, CounterSpec['kind'], string])[]

/** Upper bounds of the load-time histogram, in ms; a last bucket takes what is above. */
export const LOAD_MS_BOUNDS = [
  0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000,
] as const

/** Upper bounds of the histogram of value sizes, in bytes: powers of two up to the largest value. */
export const VALUE_BYTES_BOUNDS = Array.from({ length: 23 }, (_, index) => 16 * 2 ** index)

export type CounterName = (typeof TABLE)[number][0]

/**
 * The counter table. Loads by duration are `load_ms_le_<bound>` and `load_ms_over`, entries by size of their value
 * `value_bytes_le_<bound>`, each counting its own bucket.
 */
export const COUNTERS: readonly CounterSpec[] = [
  ...TABLE.map(([name, kind, help]): CounterSpec => ({ name, kind, help })),
  ...LOAD_MS_BOUNDS.map(
    (bound): CounterSpec => ({
      name: `load_ms_le_${bound}`,
      kind: 'counter',
      help: `Loads that took up to ${bound} ms and longer than the bound before`,
    }),
  ),
  { name: 'load_ms_over', kind: 'counter', help: `Loads that took longer than ${LOAD_MS_BOUNDS.at(-1)} ms` },
  ...VALUE_BYTES_BOUNDS.map(
    (bound): CounterSpec => ({
      name: `value_bytes_le_${bound}`,
      kind: 'gauge',
      help: `Entries in memory with a value of up to ${bound} bytes and more than the bound before`,
    }),
  ),
]

/** Word of each counter in a row. */
export const Counter = Object.fromEntries(TABLE.map(([name], word) => [name, word])) as Record<
  CounterName,
  number
>

const LOAD_MS_FIRST = TABLE.length
const VALUE_BYTES_FIRST = LOAD_MS_FIRST + LOAD_MS_BOUNDS.length + 1

/** Index in {@link VALUE_BYTES_BOUNDS} of the bucket of a value. */
export function valueBucketOf(lengthBytes: number): number {
  return lengthBytes <= 16 ? 0 : 28 - Math.clz32(lengthBytes - 1)
}

/** Word of a row, after its counters, that is 1 once a thread took the row: rows of which it is 0 have counted nothing. */
const USED_WORD = COUNTERS.length

/** Whole lines of 64 bytes, so that no two threads write to the same one. */
const ROW_WORDS = Math.ceil((USED_WORD + 1) / 8) * 8

/** The counters that one thread keeps of one group in one shard. Nobody else writes to them. */
export class CounterRow {
  readonly #words: Float64Array
  readonly #at: number

  constructor(words: Float64Array, at: number) {
    this.#words = words
    this.#at = at
    words[at + USED_WORD] = 1
  }

  add(counter: number, count = 1): void {
    this.#words[this.#at + counter]! += count
  }

  set(counter: number, value: number): void {
    this.#words[this.#at + counter] = value
  }

  /** Sets the histogram of value sizes. */
  setValueSizes(counts: Uint32Array): void {
    counts.forEach((count, bucket) => {
      this.set(VALUE_BYTES_FIRST + bucket, count)
    })
  }

  /** Counts one load that took `durationMs`. */
  addLoad(durationMs: number): void {
    const bucket = LOAD_MS_BOUNDS.findIndex((bound) => durationMs <= bound)
    this.add(LOAD_MS_FIRST + (bucket < 0 ? LOAD_MS_BOUNDS.length : bucket))
    this.add(Counter.load_seconds_sum, durationMs / 1000)
  }
}

/**
 * All counters of one group: a row of 64-bit floats for every thread and shard, in shared memory.
 *
 *     [thread 0: [shard 0: gets hits …][shard 1: …]] [thread 1: …] …
 *
 * Every word has one writer, so counting needs no atomic operation; reading sums over the threads that ever
 * counted, ended ones among them, and sends no message. A sum is exact once the writers rest, and at worst a few counts behind while they run.
 */
export class GroupCounters {
  readonly memory: SharedArrayBuffer
  readonly #words: Float64Array
  readonly #shardCount: number

  constructor(
    shardCount: number,
    memory = new SharedArrayBuffer(THREAD_COUNT_MAX * shardCount * ROW_WORDS * 8),
  ) {
    this.memory = memory
    this.#words = new Float64Array(memory)
    this.#shardCount = shardCount
  }

  /** The row of a thread, for that thread alone. */
  row(thread: number, shard: number): CounterRow {
    return new CounterRow(this.#words, (thread * this.#shardCount + shard) * ROW_WORDS)
  }

  /** Sums of one shard over all threads, in the order of {@link COUNTERS}. */
  read(shard: number): number[] {
    const sums = COUNTERS.map(() => 0)
    for (let thread = 0; thread < THREAD_COUNT_MAX; thread++) {
      const at = (thread * this.#shardCount + shard) * ROW_WORDS
      if (this.#words[at + USED_WORD] !== 1) continue
      for (let counter = 0; counter < sums.length; counter++) sums[counter]! += this.#words[at + counter]!
    }
    return sums
  }
}

assert(VALUE_BYTES_BOUNDS.at(-1) === VALUE_BYTES_MAX, 'Every value has a bucket')
