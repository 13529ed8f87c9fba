import { once } from 'node:events'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { BenchStore } from './bench-store.js'
import { median } from './distribution.js'
import { type Goal, ratio } from './goal.js'
import { type ReaderDone, type ReaderTask, THREAD_WORDS, Word } from './reader-task.js'
import { keyOf } from './requests.js'
import type { Run } from './suite.js'
import type { Table } from './table.js'

const READER_THREAD = new URL('./store-reader-thread.js', import.meta.url)
const VALUE = Buffer.alloc(64, 'x')
const BYTES_PER_ENTRY = 140
/** What an owner has to do on a busy node: 5,000 loads/s. */
const MODERATE_WRITES = 5000
const ROUNDS = 3

interface Reading {
  readonly hitsPerSecond: number
  /** CPU of all readers for one hit. */
  readonly cpuNs: number | undefined
  readonly hitShare: number
  /** Writes per second, as they were. */
  readonly wroteAt: number
}

/** A number of readers, and what they read. */
interface Case {
  readonly count: number
  /** Of the owner of the first store. */
  readonly writesPerSecond: number
  /** Each has a store to itself: what the machine alone makes of so many threads. */
  readonly isApart: boolean
}

/** Readers that start together and are counted over the same interval, while the owner replaces values. */
export async function scalingTable(run: Run): Promise<{ table: Table; goals: Goal[] }> {
  const entryCount = run.parameter('entries for several threads', 500, 100_000)
  const durationMs = run.parameter('milliseconds of each number of threads', 50, 1500)
  const counts = [1, 2].concat(availableParallelism() > 4 ? [availableParallelism() - 1] : [])
  const cases = [
    ...counts.map((count) => ({ count, writesPerSecond: MODERATE_WRITES, isApart: false })),
    { count: 2, writesPerSecond: MODERATE_WRITES, isApart: true },
    ...counts.map((count) => ({ count, writesPerSecond: Number.POSITIVE_INFINITY, isApart: false })),
  ].map((one) => ({ ...one, readings: [] as Reading[] }))
  const rounds = run.smoke ? 1 : ROUNDS
  for (let round = 0; round < rounds; round++) {
    for (const { readings, ...one } of cases) {
      run.progress(`${one.count} reader threads, ${one.writesPerSecond} writes/s`)
      readings.push(await read(one, entryCount, durationMs))
    }
  }
  const figures = cases.map(({ readings, ...one }) => ({ ...one, ...middle(readings) }))
  const at = (count: number, isApart = false) =>
    figures.find(
      (one) => one.count === count && one.isApart === isApart && one.writesPerSecond === MODERATE_WRITES,
    )!
  const columns = [
    'owner',
    'reader threads',
    'stores',
    'hits/s',
    'CPU ns per hit',
    'hits per 100',
    'writes/s',
  ]
  const table: Table = {
    title: `Readers, 50 hits under a pin, while the owner replaces values; ${availableParallelism()} cores for all`,
    columns: columns.map((name) => ({ name, digits: name.includes('100') ? 1 : 0 })),
    rows: figures.map(({ writesPerSecond, count, isApart, hitsPerSecond, cpuNs, hitShare, wroteAt }) => [
      Number.isFinite(writesPerSecond)
        ? `${writesPerSecond.toLocaleString('en-US')} writes/s`
        : 'as fast as it can',
      count,
      isApart ? count : 1,
      hitsPerSecond,
      cpuNs,
      100 * hitShare,
      wroteAt,
    ]),
  }
  const goals: Goal[] = [
    {
      what: `two reader threads against one, hits/s, owner at ${MODERATE_WRITES} writes/s`,
      measured: availableParallelism() < 2 ? undefined : ratio(at(2).hitsPerSecond, at(1).hitsPerSecond),
      atLeast: 1.7,
    },
    {
      what: 'two reader threads of one store against two with a store each: what sharing costs',
      measured: ratio(at(2).hitsPerSecond, at(2, true).hitsPerSecond),
      atLeast: 0.9,
    },
  ]
  return { table, goals }
}

function middle(readings: readonly Reading[]): Reading {
  const of = (field: (reading: Reading) => number) => median(readings.map(field))
  const cpuNs = of((reading) => reading.cpuNs ?? Number.NaN)
  return {
    hitsPerSecond: of((reading) => reading.hitsPerSecond),
    cpuNs: Number.isNaN(cpuNs) ? undefined : cpuNs,
    hitShare: of((reading) => reading.hitShare),
    wroteAt: of((reading) => reading.wroteAt),
  }
}

async function read(
  { count, writesPerSecond, isApart }: Case,
  entryCount: number,
  durationMs: number,
): Promise<Reading> {
  const keys = Array.from({ length: entryCount }, (_, index) => Buffer.from(keyOf(index)))
  const stores = Array.from({ length: isApart ? count : 1 }, () => {
    const store = new BenchStore(entryCount * BYTES_PER_ENTRY + 2 ** 16, 'lru', count + 1)
    for (const key of keys) store.put(key, VALUE)
    return store
  })
  const shared = new SharedArrayBuffer(4 * THREAD_WORDS * (count + 1))
  const words = new Int32Array(shared)
  const workers = Array.from({ length: count }, (_, index) => {
    const { memory } = stores[index % stores.length]!
    const task: ReaderTask = { memory, thread: index + 1, entryCount, shared }
    return new Worker(READER_THREAD, { workerData: task })
  })
  await Promise.all(workers.map((worker) => once(worker, 'message')))
  const results = Promise.all(workers.map((worker) => once(worker, 'message')))
  Atomics.store(words, Word.GO, 1)
  Atomics.notify(words, Word.GO)
  const sum = (word: number) =>
    workers.reduce((total, _, index) => total + Atomics.load(words, index * THREAD_WORDS + word), 0)
  const before = { atMs: performance.now(), reads: sum(Word.READS), hits: sum(Word.HITS) }
  const writeCount = write(stores[0]!, keys, writesPerSecond, durationMs)
  const elapsedMs = performance.now() - before.atMs
  const [reads, hits] = [sum(Word.READS) - before.reads, sum(Word.HITS) - before.hits]
  Atomics.store(words, Word.GO, 2)
  const cpuMs = (await results).map(([done]) => (done as ReaderDone).cpuMs ?? Number.NaN)
  const cpuMsTotal = cpuMs.reduce((total, ms) => total + ms, 0)
  const cpuNs = (cpuMsTotal * 1e6) / sum(Word.HITS)
  await Promise.all(workers.map((worker) => worker.terminate()))
  return {
    hitsPerSecond: hits / (elapsedMs / 1000),
    cpuNs: Number.isNaN(cpuNs) ? undefined : cpuNs,
    hitShare: hits / reads,
    wroteAt: writeCount / (elapsedMs / 1000),
  }
}

/** Replaces values at that rate, a few at a time, and sleeps in between. Returns how many. */
function write(
  store: BenchStore,
  keys: readonly Uint8Array[],
  writesPerSecond: number,
  durationMs: number,
): number {
  const sleeper = new Int32Array(new SharedArrayBuffer(4))
  const startedMs = performance.now()
  let writeCount = 0
  for (let nowMs = 0; nowMs < durationMs; nowMs = performance.now() - startedMs) {
    const due = Math.min((nowMs * writesPerSecond) / 1000, writeCount + 100)
    while (writeCount < due) store.put(keys[writeCount++ % keys.length]!, VALUE)
    if (Number.isFinite(writesPerSecond)) Atomics.wait(sleeper, 0, 0, 1)
  }
  return writeCount
}
