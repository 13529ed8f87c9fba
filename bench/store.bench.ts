import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { BenchStore } from './bench-store.js'
import { median, percentile } from './distribution.js'
import { findLruCache, LRU_CACHE_ADVICE, type LruCache } from './lru-cache.js'
import type { ReaderDone, ReaderTask } from './store-reader-thread.js'
import { StoreReads } from './store-reads.js'
import type { Findings, Run, Suite } from './suite.js'
import type { Table } from './table.js'

const READER_THREAD = new URL('./store-reader-thread.js', import.meta.url)
const VALUE = Buffer.alloc(100, 'x')
/** Budget that holds about half of the keys, with room for key, header and slots. */
const BYTES_PER_KEY = 76
const ROUNDS = 5

/** A cache as the table sees it: nanoseconds of each operation. */
interface Contestant {
  readonly name: string
  /** Asks for so many keys that are there. */
  hit(count: number): void
  miss(count: number): void
  /** Into a new cache with room for all; with `full`, into one that holds as much as it may. */
  insert(count: number, full: boolean): Float64Array
}

/** What the store costs in its own process: no network, no messages. */
export const suite: Suite = {
  name: 'store',
  summary: 'the shared-memory store alone: nanoseconds per operation, values of 100 B, keys of 4 to 9 B',
  async run(run: Run): Promise<Findings> {
    const keyCount = run.parameter('keys', 500, 100_000)
    const notes = [
      'A hit of the store copies the value out; Map and lru-cache hand out a reference, and live in one thread only.',
    ]
    const keys = Array.from({ length: keyCount }, (_, index) => `key${index}`)
    const contestants = [storeContestant(keys, 1), storeContestant(keys, 50), mapContestant(keys)]
    const LRUCache = await findLruCache()
    if (LRUCache === undefined) notes.push(LRU_CACHE_ADVICE)
    else contestants.push(lruContestant(keys, (max) => new LRUCache<Uint8Array>({ max })))
    const operations = operationsTable(run, contestants, keyCount)
    const threads = await threadsTable(run, keyCount)
    return { tables: [operations, threads], notes }
  },
}

function operationsTable(run: Run, contestants: readonly Contestant[], keyCount: number): Table {
  const rows = contestants.map((contestant) => {
    run.progress(contestant.name)
    const hit = nsPerCall(keyCount, () => contestant.hit(keyCount))
    const miss = nsPerCall(keyCount, () => contestant.miss(keyCount))
    contestant.insert(keyCount, false)
    const insert = median([...contestant.insert(keyCount, false)])
    const evicting = contestant.insert(2 * keyCount, true).sort()
    const [p50, p999] = [percentile(evicting, 0.5), percentile(evicting, 0.999)]
    return [contestant.name, hit, miss, insert, p50, p999, p999 / p50]
  })
  const columns = [
    'cache',
    'hit ns',
    'miss ns',
    'insert ns',
    'full insert ns',
    'its p99.9 ns',
    'p99.9 / median',
  ]
  return {
    title: 'One thread; a full insert evicts, and its timing includes about 40 ns of the clock',
    columns: columns.map((name) => ({ name, digits: name.includes('/') ? 1 : 0 })),
    rows,
  }
}

/** Of the middle one of some rounds. */
function nsPerCall(count: number, body: () => void): number {
  const rounds = Array.from({ length: ROUNDS }, () => {
    const startedMs = performance.now()
    body()
    return ((performance.now() - startedMs) * 1e6) / count
  })
  return median(rounds)
}

function eachNs(count: number, body: (index: number) => void): Float64Array {
  const durations = new Float64Array(count)
  for (let index = 0; index < count; index++) {
    const startedMs = performance.now()
    body(index)
    durations[index] = (performance.now() - startedMs) * 1e6
  }
  return durations
}

function storeContestant(keys: readonly string[], perPin: number): Contestant {
  const present = keys.map((key) => Buffer.from(key))
  const absent = keys.map((key) => Buffer.from(`no${key}`))
  const roomy = () => new BenchStore(4 * keys.length * BYTES_PER_KEY + 2 ** 16)
  const tight = () => new BenchStore(keys.length * BYTES_PER_KEY + 2 ** 12)
  const filled = roomy()
  for (const key of present) filled.put(key, VALUE)
  const reads = new StoreReads(filled.memory, 0)
  const expectHits = (asked: readonly Uint8Array[], count: number, hits: number) => {
    const seen = reads.run(asked, 0, count, perPin)
    if (seen !== hits) throw new Error(`${seen} hits of ${count}, not ${hits}`)
  }
  return {
    name: `geek-cache store, ${perPin} a pin`,
    hit: (count) => expectHits(present, count, count),
    miss: (count) => expectHits(absent, count, 0),
    insert: (count, full) => {
      const store = full ? tight() : roomy()
      if (full) for (const key of absent) store.put(key, VALUE)
      const durations = eachNs(count, (index) => store.put(present[index % present.length]!, VALUE))
      if (full && store.evictedCount === 0) throw new Error('Nothing was evicted')
      return durations
    },
  }
}

function mapContestant(keys: readonly string[]): Contestant {
  return referenceContestant('Map', keys, () => {
    const map = new Map<string, Uint8Array>()
    return {
      get: (key) => map.get(key),
      set: (key, value) => map.set(key, value),
      // Evicts what came first, as users of a Map do.
      evict: () => map.delete(map.keys().next().value!),
      size: () => map.size,
    }
  })
}

function lruContestant(keys: readonly string[], create: (max: number) => LruCache<Uint8Array>): Contestant {
  return referenceContestant('lru-cache', keys, (max) => {
    const cache = create(max)
    return {
      get: (key) => cache.get(key),
      set: (key, value) => cache.set(key, value),
      evict: () => {},
      size: () => cache.size,
    }
  })
}

interface ReferenceCache {
  get(key: string): Uint8Array | undefined
  set(key: string, value: Uint8Array): unknown
  evict(): unknown
  size(): number
}

function referenceContestant(
  name: string,
  keys: readonly string[],
  create: (max: number) => ReferenceCache,
): Contestant {
  const absent = keys.map((key) => `no${key}`)
  const filled = create(keys.length)
  for (const key of keys) filled.set(key, VALUE)
  const expectHits = (asked: readonly string[], count: number, hits: number) => {
    let seen = 0
    for (let index = 0; index < count; index++)
      if (filled.get(asked[index % asked.length]!) !== undefined) seen++
    if (seen !== hits) throw new Error(`${seen} hits of ${count}, not ${hits}`)
  }
  return {
    name,
    hit: (count) => expectHits(keys, count, count),
    miss: (count) => expectHits(absent, count, 0),
    insert: (count, full) => {
      const max = full ? keys.length >> 1 : keys.length
      const cache = create(max)
      if (full) for (let index = 0; index < max; index++) cache.set(absent[index]!, VALUE)
      return eachNs(count, (index) => {
        cache.set(keys[index % keys.length]!, VALUE)
        if (cache.size() > max) cache.evict()
      })
    },
  }
}

/** One to all cores reading, while the owner writes without a pause. */
async function threadsTable(run: Run, keyCount: number): Promise<Table> {
  const durationMs = run.parameter('milliseconds of each number of threads', 50, 2000)
  const rows: number[][] = []
  for (let count = 1; count <= Math.max(2, availableParallelism()); count *= 2) {
    run.progress(`${count} reader threads`)
    rows.push(await readWhileWriting(count, keyCount, durationMs))
  }
  const columns = ['reader threads', 'hits/s', 'ns per hit of a thread', 'hits per 100', 'writes/s']
  return {
    title: `Readers, 50 under a pin, while the owner replaces values; ${availableParallelism()} cores for all`,
    columns: columns.map((name) => ({ name, digits: name.includes('100') ? 1 : 0 })),
    rows,
  }
}

async function readWhileWriting(count: number, keyCount: number, durationMs: number): Promise<number[]> {
  const store = new BenchStore(4 * keyCount * BYTES_PER_KEY + 2 ** 16, 'lru', count + 1)
  const keys = Array.from({ length: keyCount }, (_, index) => Buffer.from(`key${index}`))
  for (const key of keys) store.put(key, VALUE)
  const workers = Array.from({ length: count }, (_, index) => {
    const task: ReaderTask = { memory: store.memory, thread: index + 1, keyCount, durationMs }
    return new Worker(READER_THREAD, { workerData: task })
  })
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const results = workers.map((worker) => once(worker, 'message'))
  for (const worker of workers) worker.postMessage('go')
  const startedMs = performance.now()
  let writeCount = 0
  while (performance.now() - startedMs < durationMs) {
    for (let index = 0; index < 100; index++) store.put(keys[writeCount++ % keyCount]!, VALUE)
  }
  const writtenMs = performance.now() - startedMs
  const done = (await Promise.all(results)).map(([message]) => message as ReaderDone)
  await Promise.all(workers.map((worker) => worker.terminate()))
  const sum = (of: (one: ReaderDone) => number) => done.reduce((total, one) => total + of(one), 0)
  const [reads, hits, elapsedMs] = [
    sum((one) => one.readCount),
    sum((one) => one.hitCount),
    sum((one) => one.elapsedMs),
  ]
  return [
    count,
    hits / (elapsedMs / count / 1000),
    (elapsedMs * 1e6) / reads,
    (100 * hits) / reads,
    writeCount / (writtenMs / 1000),
  ]
}
