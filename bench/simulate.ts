import type { PolicyFactory } from '../src/worker/policy/policy.js'
import type { Trace } from './trace.js'

/** A bijection on 32 bits (the finaliser of MurmurHash3): no two keys of a trace share a hash. */
export function hashOfKey(key: number, salt = 0): number {
  const salted = key ^ Math.imul(salt, 0x9e3779b1)
  let mixed = Math.imul(salted ^ (salted >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

/** What an entry costs, where a trace does not tell and it matters: to `auto`, which spends a part of the memory itself. */
export const ENTRY_BYTES = 1024

interface SimulateOptions {
  readonly sizes?: 'unit' | 'trace'
  readonly salt?: number
  readonly hashes?: Int32Array
  readonly together?: number
  readonly entryBytes?: number
}

/**
 * Drives a policy alone through a trace from cold, evicting until the new entry fits, as a shard does.
 *
 * @param capacity bytes; with `sizes: 'unit'`, where all entries are of one size, the number of them
 * @param options.entryBytes that size
 * @param options.salt other hashes for the same keys: what depends on them is to be seen with several
 * @param options.hashes those of the keys, by their numbers, instead of such ones
 * @param options.together so many requests look for their entries before those that were missed come in, as of readers
 *   that go on at the same time; default 1
 * @returns the number of hits
 */
export function simulate(
  createPolicy: PolicyFactory,
  trace: Trace,
  capacity: number,
  { sizes = 'unit', salt = 0, hashes, entryBytes = 1, together = 1 }: SimulateOptions = {},
): number {
  const { keys, keyCount } = trace
  const requestSizes = sizes === 'trace' ? trace.sizes : undefined
  const capacityBytes = requestSizes === undefined ? capacity * entryBytes : capacity
  const slotCountMax = Math.min(keyCount, capacity)
  const slotOf = new Int32Array(keyCount).fill(-1)
  const keyOf = new Int32Array(slotCountMax)
  const sizeOf = new Uint32Array(slotCountMax)
  const hashOf = (key: number): number => (hashes === undefined ? hashOfKey(key, salt) : hashes[key]!)
  const policy = createPolicy(slotCountMax, {
    hashOf: (slot) => hashOf(keyOf[slot]!),
    sizeOf: (slot) => sizeOf[slot]!,
  })
  policy.setCapacity(capacityBytes)
  const freeSlots = Int32Array.from({ length: slotCountMax }, (_, index) => slotCountMax - 1 - index)
  let freeCount = slotCountMax
  let usedBytes = 0
  const hit = (key: number): boolean => {
    const slot = slotOf[key]!
    if (slot >= 0) policy.onHit(slot)
    return slot >= 0
  }
  const insert = (key: number, sizeBytes: number): void => {
    while (usedBytes + sizeBytes > capacityBytes) {
      const evicted = policy.evict()
      slotOf[keyOf[evicted]!] = -1
      usedBytes -= sizeOf[evicted]!
      sizeOf[evicted] = 0
      freeSlots[freeCount++] = evicted
    }
    const slot = freeSlots[--freeCount]!
    slotOf[key] = slot
    keyOf[slot] = key
    sizeOf[slot] = sizeBytes
    usedBytes += sizeBytes
    policy.onInsert(slot, hashOf(key), sizeBytes)
  }
  let hits = 0
  const missed = new Int32Array(together)
  for (let begin = 0; begin < keys.length; begin += together) {
    const end = Math.min(begin + together, keys.length)
    let missedCount = 0
    for (let request = begin; request < end; request++) {
      if (hit(keys[request]!)) hits++
      else missed[missedCount++] = request
    }
    for (let index = 0; index < missedCount; index++) {
      const request = missed[index]!
      const key = keys[request]!
      const sizeBytes = requestSizes === undefined ? entryBytes : requestSizes[request]!
      // Of the first of two that missed the same key, the second has its entry.
      if (index > 0 && hit(key)) hits++
      else if (sizeBytes <= capacityBytes) insert(key, sizeBytes)
    }
  }
  return hits
}
