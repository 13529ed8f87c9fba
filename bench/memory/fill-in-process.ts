/**
 * Fills a cache that lives in this process: `fill-in-process.js store-auto|store-lru|lru-cache-buffers|lru-cache-strings
 * BUDGET BYTES SIZES`, with --expose-gc. Prints a Filled as JSON.
 */

import { hashBytes } from '../../src/shared/hash.js'
import type { PolicyName } from '../../src/shared/policy-names.js'
import { BenchStore, HASH_SEED } from '../bench-store.js'
import { findLruCache } from '../lru-cache.js'
import { usageOf } from '../process-usage.js'
import { entriesOf, type SizesName } from './entries.js'
import type { Filled } from './filled.js'

const [name, budget, bytesTotal, sizes] = process.argv.slice(2)
const budgetBytes = Number(budget)
const WARM_UP_PARTS = 8
const SOURCE = Buffer.alloc(64 * 1024, 'x')

interface Cache {
  set(key: string, sizeBytes: number): void
  /** Bytes of the value; undefined when it is gone. */
  sizeOf(key: string): number | undefined
  chargedBytes?(): number
}

function store(budgetBytes: number, policy: PolicyName): Cache {
  const { writer } = new BenchStore(budgetBytes, policy)
  const found = (key: string) => {
    const bytes = Buffer.from(key)
    return writer.get(bytes, hashBytes(bytes, 0, bytes.length, HASH_SEED))
  }
  return {
    set: (key, sizeBytes) => {
      const bytes = Buffer.from(key)
      const hash = hashBytes(bytes, 0, bytes.length, HASH_SEED)
      const value = SOURCE.subarray(0, sizeBytes)
      writer.put({ key: bytes, hash, value, notFound: false, ttlMs: Number.POSITIVE_INFINITY })
    },
    sizeOf: (key) => found(key)?.value.length,
    chargedBytes: () => writer.usedBytes,
  }
}

/** With memory of its own for each value, as a value has that came from somewhere. */
async function lruCache(budgetBytes: number, newValue: (sizeBytes: number) => Sized): Promise<Cache> {
  const LRUCache = await findLruCache()
  if (LRUCache === undefined) throw new Error('lru-cache is gone')
  const cache = new LRUCache<Sized>({
    maxSize: budgetBytes,
    sizeCalculation: (value, key) => key.length + value.length,
  })
  return {
    set: (key, sizeBytes) => cache.set(key, newValue(sizeBytes)),
    sizeOf: (key) => cache.peek(key)?.length,
  }
}

interface Sized {
  readonly length: number
}

function create(budgetBytes: number): Cache | Promise<Cache> {
  if (name === 'store-auto') return store(budgetBytes, 'auto')
  if (name === 'store-lru') return store(budgetBytes, 'lru')
  return lruCache(budgetBytes, (sizeBytes) =>
    name === 'lru-cache-strings'
      ? SOURCE.toString('latin1', 0, sizeBytes)
      : Buffer.from(SOURCE.subarray(0, sizeBytes)),
  )
}

/** Without the part of V8's heap that is empty: garbage of this loop was there, which in a node nobody makes. */
function residentBytes(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  const { heapTotal, heapUsed } = process.memoryUsage()
  return usageOf(process.pid).residentBytes - (heapTotal - heapUsed)
}

function fill(cache: Cache, bytes: number): void {
  for (const { key, sizeBytes } of entriesOf(sizes as SizesName, bytes)) cache.set(key, sizeBytes)
}

// What compiled code, and garbage that comes and goes, take is not the cache's.
fill(await create(budgetBytes / WARM_UP_PARTS), Number(bytesTotal) / 2)
const cache = await create(budgetBytes)
const before = residentBytes()
fill(cache, Number(bytesTotal))
const after = residentBytes()
let entryCount = 0
let payloadBytes = 0
for (const { key } of entriesOf(sizes as SizesName, Number(bytesTotal))) {
  const sizeBytes = cache.sizeOf(key)
  if (sizeBytes === undefined) continue
  entryCount++
  payloadBytes += key.length + sizeBytes
}
const chargedBytes = cache.chargedBytes?.()
const filled: Filled = {
  residentBytes: after - before,
  entryCount,
  payloadBytes,
  ...(chargedBytes === undefined ? {} : { chargedBytes }),
}
process.stdout.write(JSON.stringify(filled))
