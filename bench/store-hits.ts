import { BenchStore } from './bench-store.js'
import { median } from './distribution.js'
import type { Goal } from './goal.js'
import { ratio } from './goal.js'
import type { LruCacheModule } from './lru-cache.js'
import { keyOf, type Requests, randomOrder, requestsFor } from './requests.js'
import { StoreReads } from './store-reads.js'
import type { Run } from './suite.js'
import type { Table } from './table.js'

const VALUE = Buffer.alloc(64, 'x')
/** More than an entry of that size costs. */
const BYTES_PER_ENTRY = 140
const ROUNDS = 7
const STORE = 'geek-cache store'

/** One way to ask for all requests, and what of the work of a server it contains. */
interface Way {
  readonly cache: string
  readonly key: 'bytes of a request' | 'string that the caller holds'
  readonly value: 'copied out' | 'a reference'
  /** Answers the number of hits. */
  run(): number
}

/**
 * Hits in a cache that holds all keys, in random order. A server has a key as bytes in what a socket brought, and has to
 * write the value to another socket: caches of strings and references are measured with that work and without it. Their
 * strings are equal to those in the cache and are other objects, as they are for whoever got them from outside.
 */
export function hitTable(
  run: Run,
  LRUCache: LruCacheModule['LRUCache'] | undefined,
): { table: Table; goals: Goal[] } {
  const sizes = [run.parameter('entries', 500, 100_000), run.parameter('entries, many', 1000, 1_000_000)]
  const count = run.parameter('hits of a round', 500, 500_000)
  const columns = sizes.map((entryCount) => {
    run.progress(`hits among ${entryCount} entries`)
    return hitsNs(waysFor(entryCount, count, LRUCache), count)
  })
  const ways = [...columns[0]!.keys()]
  const [, many] = columns
  const table: Table = {
    title: 'A hit on one thread: ns of CPU; values of 64 B, keys of 13 B, random order over all keys',
    columns: [
      ...['cache', 'key', 'value'].map((name) => ({ name })),
      ...sizes.map((size) => ({ name: `${size.toLocaleString('en-US')} entries` })),
    ],
    rows: ways.map((way) => [...way.split('|'), ...columns.map((column) => column.get(way))]),
  }
  const ofStore = many!.get(`${STORE}, 50 a pin|bytes of a request|copied out`)
  const goals: Goal[] = [
    {
      what: 'hit against lru-cache, key as bytes for both',
      measured: ratio(ofStore, many!.get('lru-cache|bytes of a request|a reference')),
      atMost: 1,
    },
    {
      what: 'hit, key as bytes, against lru-cache with a string at hand',
      measured: ratio(ofStore, many!.get('lru-cache|string that the caller holds|a reference')),
      atMost: 1,
    },
  ]
  return { table, goals }
}

/** Of each way the middle one of some rounds, in which the ways take turns. */
function hitsNs(ways: readonly Way[], count: number): Map<string, number> {
  const samples = ways.map((): number[] => [])
  for (let round = 0; round < ROUNDS; round++) {
    for (const [index, way] of ways.entries()) {
      const before = process.cpuUsage()
      const hits = way.run()
      const { user, system } = process.cpuUsage(before)
      if (hits !== count) throw new Error(`${way.cache}: ${hits} hits of ${count}`)
      samples[index]!.push(((user + system) * 1000) / count)
    }
  }
  return new Map(
    ways.map(({ cache, key, value }, index) => [`${cache}|${key}|${value}`, median(samples[index]!)]),
  )
}

function waysFor(
  entryCount: number,
  count: number,
  LRUCache: LruCacheModule['LRUCache'] | undefined,
): readonly Way[] {
  const order = randomOrder(entryCount, count)
  const requests = requestsFor(order)
  const strings = Array.from(order, keyOf)
  const ways = storeWays(entryCount, requests, strings)
  if (LRUCache !== undefined) {
    const cache = new LRUCache<Uint8Array>({ max: entryCount })
    ways.push(...referenceWays('lru-cache', cache, entryCount, requests, strings))
  }
  ways.push(...referenceWays('Map', new Map<string, Uint8Array>(), entryCount, requests, strings))
  return ways
}

function storeWays(entryCount: number, requests: Requests, strings: readonly string[]): Way[] {
  const store = new BenchStore(entryCount * BYTES_PER_ENTRY + 2 ** 16)
  for (let entry = 0; entry < entryCount; entry++) store.put(Buffer.from(keyOf(entry)), VALUE)
  const reads = new StoreReads(store.memory, 0)
  const value = 'copied out'
  return [
    ...[1, 50].map((perPin): Way => {
      const run = () => reads.run(requests, 0, requests.count, perPin)
      return { cache: `${STORE}, ${perPin} a pin`, key: 'bytes of a request', value, run }
    }),
    {
      cache: `${STORE}, 50 a pin`,
      key: 'string that the caller holds',
      value,
      run: () => reads.runStrings(strings, 50),
    },
  ]
}

interface ReferenceCache {
  get(key: string): Uint8Array | undefined
  set(key: string, value: Uint8Array): unknown
}

function referenceWays(
  name: string,
  cache: ReferenceCache,
  entryCount: number,
  { bytes, keyBytes, stepBytes, count }: Requests,
  strings: readonly string[],
): Way[] {
  for (let entry = 0; entry < entryCount; entry++) cache.set(keyOf(entry), Buffer.from(VALUE))
  const target = Buffer.alloc(VALUE.length)
  // What toString('latin1') comes to in the end.
  const latin = bytes as Buffer & { latin1Slice(start: number, end: number): string }
  const find = (index: number) => {
    const start = index * stepBytes
    return cache.get(latin.latin1Slice(start, start + keyBytes))
  }
  const key = 'bytes of a request'
  return [
    {
      cache: name,
      key: 'string that the caller holds',
      value: 'a reference',
      run: () => {
        let hits = 0
        for (let index = 0; index < count; index++) if (cache.get(strings[index]!) !== undefined) hits++
        return hits
      },
    },
    {
      cache: name,
      key,
      value: 'a reference',
      run: () => {
        let hits = 0
        for (let index = 0; index < count; index++) if (find(index) !== undefined) hits++
        return hits
      },
    },
    {
      cache: name,
      key,
      value: 'copied out',
      run: () => {
        let hits = 0
        for (let index = 0; index < count; index++) {
          const found = find(index)
          if (found === undefined) continue
          target.set(found)
          hits++
        }
        return hits
      },
    },
  ]
}
