import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { systemClock } from '../src/shared/clock.js'
import { type HashSeed, hashBytes } from '../src/shared/hash.js'
import type { PolicyName } from '../src/shared/policy-names.js'
import { AccessLog } from '../src/shared/store/access-log.js'
import { entryBytes } from '../src/shared/store/entry.js'
import { Epochs } from '../src/shared/store/epoch.js'
import { allocateStore, INDEX_BYTES_PER_ENTRY } from '../src/shared/store/layout.js'
import { POLICIES } from '../src/worker/policy/policies.js'
import { StoreWriter } from '../src/worker/store-writer.js'
import type { Trace } from './trace.js'

/** Of these seeds, by number: what sketches and samples decide depends on the hashes of the keys. */
export function ratioSeed(number: number): HashSeed {
  return { k0: 0x1234567 + number, k1: 0x89abcde }
}

/** Words that owner and readers tell each other by. */
export const Round = { NUMBER: 0, BEGIN: 1, END: 2, DONE: 3 } as const

/**
 * Requests that each reader reads before the owner takes up the misses: what is under way at the same time, a part of the
 * entries that makes no difference by itself.
 */
const REQUESTS_PER_READER_MIN = 1
const REQUESTS_PER_READER_MAX = 32
const ENTRIES_PER_REQUEST = 512

/** Key and value of every entry: they are all equally large, */
const PAYLOAD_BYTES = 1000
/** and cost so much. */
export const STORE_ENTRY_BYTES = entryBytes(0, PAYLOAD_BYTES, false) + INDEX_BYTES_PER_ENTRY
const VALUE = new Uint8Array(PAYLOAD_BYTES)

/** What a reader thread works on. */
export interface RatioReaderData {
  readonly store: SharedArrayBuffer
  readonly accessLog: SharedArrayBuffer
  readonly epochs: SharedArrayBuffer
  readonly thread: number
  readonly threadCount: number
  readonly seed: HashSeed
  /** The keys of the trace, 32 bits each. */
  readonly requests: SharedArrayBuffer
  /** By request of the round: 1 for a hit. */
  readonly found: SharedArrayBuffer
  readonly round: SharedArrayBuffer
}

export interface StoreRatioOptions {
  readonly policy: PolicyName
  /** Entries that the store is to hold. */
  readonly entryCount: number
  /** Default {@link ratioSeed}(0). */
  readonly seed?: HashSeed
}

/** The key of a number of a trace. */
export function keyOf(id: number): Uint8Array {
  return Buffer.from(`k:${id}`)
}

/** Requests of all readers together that look for their entries before the owner takes up what they missed. */
export function requestsUnderWay(readers: RatioReaders, entryCount: number): number {
  const fitting = Math.round(entryCount / ENTRIES_PER_REQUEST)
  return readers.count * Math.min(REQUESTS_PER_READER_MAX, Math.max(REQUESTS_PER_READER_MIN, fitting))
}

/** Hashes that the store has of the first keys, by their numbers. */
export function storeHashes(keyCount: number, seed: HashSeed): Int32Array {
  return Int32Array.from({ length: keyCount }, (_, id) => hashOf(keyOf(id), seed))
}

/**
 * Hits of a trace in a store as a node has it: reader threads look in shared memory and leave hints, an owner takes the
 * hints and inserts what they missed. Readers read in rounds, so that a run is nearly the same every time. All entries
 * are equally large, and the budget is such that `entryCount` of them fit.
 */
export function storeRatio(
  trace: Trace,
  readers: RatioReaders,
  { policy, entryCount, seed = ratioSeed(0) }: StoreRatioOptions,
): { hits: number; entryCount: number } {
  const parts = newStore(policy, budgetFor(policy, entryCount), seed)
  const requests = new SharedArrayBuffer(trace.keys.length * 4)
  new Int32Array(requests).set(trace.keys)
  const readerCount = readers.count
  const roundSize = requestsUnderWay(readers, entryCount)
  const found = new SharedArrayBuffer(roundSize)
  const round = new SharedArrayBuffer(16)
  for (let thread = 0; thread < readerCount; thread++) parts.epochs.admit(thread)
  readers.start({
    store: parts.memory,
    accessLog: parts.accessLog.memory,
    epochs: parts.epochs.memory,
    threadCount: readerCount,
    seed,
    requests,
    found,
    round,
  })
  const words = new Int32Array(round)
  let hits = 0
  for (let begin = 0; begin < trace.keys.length; begin += roundSize) {
    const end = Math.min(begin + roundSize, trace.keys.length)
    startRound(words, begin, end)
    awaitReaders(words, readerCount)
    const hitFlags = new Uint8Array(found)
    for (let request = begin; request < end; request++) {
      hits += hitFlags[request - begin] === 1 || !load(parts.writer, trace.keys[request]!, seed) ? 1 : 0
    }
  }
  startRound(words, 0, 0)
  return { hits, entryCount: parts.writer.count }
}

/** The reader threads, for one run after the other: a thread takes far longer to start than to read a short trace. */
export class RatioReaders {
  readonly count: number
  readonly #workers: readonly Worker[]

  private constructor(workers: readonly Worker[]) {
    this.count = workers.length
    this.#workers = workers
  }

  static async launch(count: number): Promise<RatioReaders> {
    const url = new URL('./ratio-reader.js', import.meta.url)
    const workers = Array.from({ length: count }, () => new Worker(url))
    await Promise.all(workers.map((worker) => once(worker, 'online')))
    return new RatioReaders(workers)
  }

  /** Gives each thread what it works on; it waits for the first round then. */
  start(data: Omit<RatioReaderData, 'thread'>): void {
    for (const [thread, worker] of this.#workers.entries()) worker.postMessage({ ...data, thread })
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()))
  }
}

function startRound(words: Int32Array, begin: number, end: number): void {
  words[Round.BEGIN] = begin
  words[Round.END] = end
  Atomics.store(words, Round.DONE, 0)
  Atomics.add(words, Round.NUMBER, 1)
  Atomics.notify(words, Round.NUMBER)
}

function awaitReaders(words: Int32Array, readerCount: number): void {
  for (let done = 0; done < readerCount; done = Atomics.load(words, Round.DONE)) {
    Atomics.wait(words, Round.DONE, done)
  }
}

/** Loads a key that a reader missed. False when it has come in since: then the owner answers from memory. */
function load(writer: StoreWriter, id: number, seed: HashSeed): boolean {
  const key = keyOf(id)
  const hash = hashOf(key, seed)
  if (writer.get(key, hash) !== undefined) return false
  const value = VALUE.subarray(key.length)
  writer.put({ key, hash, value, notFound: false, ttlMs: Number.POSITIVE_INFINITY })
  return true
}

function hashOf(key: Uint8Array, seed: HashSeed): number {
  return hashBytes(key, 0, key.length, seed)
}

function newStore(policy: PolicyName, budgetBytes: number, seed: HashSeed) {
  const memory = allocateStore(budgetBytes)
  const accessLog = new AccessLog()
  const epochs = new Epochs()
  const writer = new StoreWriter(memory, {
    epochs,
    accessLog,
    threadCount: () => 64,
    seed,
    clock: systemClock,
    policy: POLICIES[policy],
    events: { onEvict() {}, onExpire() {}, onHit() {} },
  })
  return { memory, accessLog, epochs, writer }
}

/** Bytes of a store in which `entryCount` entries stay: found by filling stores, each guess nearer than the last. */
function budgetFor(policy: PolicyName, entryCount: number): number {
  let budgetBytes = 4096 + STORE_ENTRY_BYTES * entryCount
  for (let guess = 0; guess < 12; guess++) {
    const { writer } = newStore(policy, budgetBytes, ratioSeed(0))
    for (let id = 0; id < 1.5 * entryCount + 100; id++) load(writer, id, ratioSeed(0))
    const excess = writer.count - entryCount
    if (Math.abs(excess) <= entryCount / 2000) break
    budgetBytes -= Math.round((excess * budgetBytes) / writer.count)
  }
  return budgetBytes
}
