/**
 * Fills a cache that lives in this process: `fill-in-process.js store|lru-cache BUDGET BYTES SIZES`, with --expose-gc.
 * Prints a Filled as JSON.
 */

import { hashBytes } from '../../src/shared/hash.js'
import { BenchStore, HASH_SEED } from '../bench-store.js'
import { findLruCache } from '../lru-cache.js'
import { usageOf } from '../process-usage.js'
import { entriesOf, type SizesName } from './entries.js'
import type { Filled } from './filled.js'

const [name, budget, bytesTotal, sizes] = process.argv.slice(2)
const budgetBytes = Number(budget)
const SOURCE = Buffer.alloc(64 * 1024, 'x')

interface Cache {
  set(key: string, sizeBytes: number): void
  /** Bytes of the value; undefined when it is gone. */
  sizeOf(key: string): number | undefined
  chargedBytes?(): number
}

function store(): Cache {
  const { writer } = new BenchStore(budgetBytes)
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

async function lruCache(): Promise<Cache> {
  const LRUCache = await findLruCache()
  if (LRUCache === undefined) throw new Error('lru-cache is gone')
  const cache = new LRUCache({
    maxSize: budgetBytes,
    sizeCalculation: (value, key) => key.length + value.length || 1,
  })
  return {
    // Memory of its own, as a value has that came from somewhere.
    set: (key, sizeBytes) => cache.set(key, Uint8Array.prototype.slice.call(SOURCE, 0, sizeBytes)),
    sizeOf: (key) => cache.peek(key)?.length,
  }
}

function residentBytes(): number {
  globalThis.gc?.()
  globalThis.gc?.()
  return usageOf(process.pid).residentBytes
}

const cache = name === 'store' ? store() : await lruCache()
const before = residentBytes()
for (const { key, sizeBytes } of entriesOf(sizes as SizesName, Number(bytesTotal))) cache.set(key, sizeBytes)
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
