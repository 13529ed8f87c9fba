import { DEFAULT_POLICY, type PolicyName } from '../src/shared/policy-names.js'
import { BenchStore } from './bench-store.js'
import { median, percentile } from './distribution.js'
import type { Goal } from './goal.js'
import { findLruCache, LRU_CACHE_ADVICE, type LruCache } from './lru-cache.js'
import { hitTable } from './store-hits.js'
import { scalingTable } from './store-scaling.js'
import type { Findings, Run, Suite } from './suite.js'
import type { Table } from './table.js'

const VALUE = Buffer.alloc(100, 'x')
/** Budget that holds about half of the keys, with room for key, header and slots. */
const BYTES_PER_KEY = 76
const ROUNDS = 5
const STORE = 'geek-cache store'

/** A cache as the table sees it. */
interface Contestant {
  readonly name: string
  /**
   * Puts so many keys, and tells how many ns each took: into a new cache with room for all; with `full`, into one that
   * holds as much as it may.
   */
  insert(count: number, full: boolean): Float64Array
}

/** What the store costs in its own process: no network, no messages. */
export const suite: Suite = {
  name: 'store',
  summary: 'the shared-memory store alone: nanoseconds per operation, reader threads, pauses of inserts',
  async run(run: Run): Promise<Findings> {
    const notes = [
      'A hit of the store hashes and compares the bytes of the key and copies the value out. Map and lru-cache live in one thread only.',
      'The strings that are held are equal to the keys in the cache, but other objects, as are those of a caller that got them from outside.',
    ]
    const LRUCache = await findLruCache()
    if (LRUCache === undefined) notes.push(LRU_CACHE_ADVICE)
    const hits = hitTable(run, LRUCache)
    const keyCount = run.parameter('keys to insert', 500, 100_000)
    const keys = Array.from({ length: keyCount }, (_, index) => `key${index}`)
    const stores = (['lru', DEFAULT_POLICY] as const).map((policy) => storeContestant(keys, policy))
    const contestants = [...stores, mapContestant(keys)]
    if (LRUCache !== undefined) {
      contestants.push(lruContestant(keys, (max) => new LRUCache<Uint8Array>({ max })))
    }
    const inserts = insertTable(run, contestants, keyCount)
    const scaling = await scalingTable(run)
    return {
      tables: [hits.table, scaling.table, inserts.table],
      goals: [...hits.goals, ...scaling.goals, ...inserts.goals],
      notes,
    }
  },
}

function insertTable(
  run: Run,
  contestants: readonly Contestant[],
  keyCount: number,
): { table: Table; goals: Goal[] } {
  const rows = contestants.map((contestant): [string, ...number[]] => {
    run.progress(`inserts into ${contestant.name}`)
    contestant.insert(keyCount, false)
    const insert = median([...contestant.insert(keyCount, false)])
    // The middle one of some rounds: a pause of the machine in one of them is not the cache's.
    const rounds = Array.from({ length: run.smoke ? 1 : ROUNDS }, () => {
      const evicting = contestant.insert(2 * keyCount, true).sort()
      return [0.5, 0.999, 1].map((share) => percentile(evicting, share))
    })
    const [p50, p999, most] = [0, 1, 2].map((index) => median(rounds.map((round) => round[index]!)))
    return [contestant.name, insert, p50!, p999!, most!, p999! / p50!]
  })
  const columns = ['cache', 'insert ns', 'full insert ns', 'its p99.9 ns', 'its longest ns', 'p99.9 / median']
  const table: Table = {
    title:
      'Inserts of 100 B on one thread; a full insert evicts, and its timing includes about 40 ns of the clock',
    columns: columns.map((name) => ({ name, digits: name.includes('/') ? 1 : 0 })),
    rows,
  }
  const goals = rows
    .filter(([name]) => name.startsWith(STORE))
    .map((row) => ({
      what: `p99.9 of a full insert against its median: ${row[0]}`,
      measured: row.at(-1) as number,
      atMost: 50,
    }))
  return { table, goals }
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

function storeContestant(keys: readonly string[], policy: PolicyName): Contestant {
  const present = keys.map((key) => Buffer.from(key))
  const absent = keys.map((key) => Buffer.from(`no${key}`))
  return {
    name: `${STORE}, ${policy}`,
    insert: (count, full) => {
      const budgetBytes = full
        ? keys.length * BYTES_PER_KEY + 2 ** 12
        : 4 * keys.length * BYTES_PER_KEY + 2 ** 16
      const store = new BenchStore(budgetBytes, policy)
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
      set: (key, value) => cache.set(key, value),
      evict: () => {},
      size: () => cache.size,
    }
  })
}

interface ReferenceCache {
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
  return {
    name,
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
