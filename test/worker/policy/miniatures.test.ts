import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '../../../bench/simulate.js'
import { mixedWorkload } from '../../../bench/workload.js'
import { Miniatures } from '../../../src/worker/policy/miniatures.js'
import { POLICIES } from '../../../src/worker/policy/policies.js'
import type { EvictionPolicy, PolicyFactory } from '../../../src/worker/policy/policy.js'
import { prng, seedOf } from '../../support/prng.js'

const SLOT_COUNT_MAX = 512

/** One of the miniatures by itself: a policy, and Maps for the rest. */
class PlainMiniature {
  readonly slots = new Map<number, number>()
  private readonly policy: EvictionPolicy
  private readonly hashes: number[] = []
  private readonly sizes: number[] = []
  private readonly freeSlots = Array.from({ length: SLOT_COUNT_MAX }, (_, slot) => slot)
  private usedBytes = 0
  private capacityBytes = 0

  constructor(create: PolicyFactory) {
    this.policy = create(SLOT_COUNT_MAX, {
      hashOf: (slot) => this.hashes[slot]!,
      sizeOf: (slot) => this.sizes[slot] ?? 0,
    })
  }

  setCapacity(capacityBytes: number): void {
    this.capacityBytes = capacityBytes
    this.policy.setCapacity(capacityBytes)
    this.evictFor(0)
  }

  request(hash: number, sizeBytes: number): boolean {
    const found = this.slots.get(hash)
    if (found !== undefined) this.policy.onHit(found)
    if (found !== undefined || sizeBytes > this.capacityBytes) return found !== undefined
    this.evictFor(sizeBytes)
    const slot = this.freeSlots.pop()!
    this.slots.set(hash, slot)
    this.hashes[slot] = hash
    this.sizes[slot] = sizeBytes
    this.usedBytes += sizeBytes
    this.policy.onInsert(slot, hash, sizeBytes)
    return false
  }

  remove(hash: number): void {
    const slot = this.slots.get(hash)
    if (slot === undefined) return
    this.policy.onRemove(slot)
    this.forget(slot)
  }

  private evictFor(sizeBytes: number): void {
    while (this.usedBytes + sizeBytes > this.capacityBytes) {
      const slot = this.policy.evict()
      if (slot < 0) return
      this.forget(slot)
    }
  }

  private forget(slot: number): void {
    this.slots.delete(this.hashes[slot]!)
    this.usedBytes -= this.sizes[slot]!
    this.sizes[slot] = 0
    this.freeSlots.push(slot)
  }
}

test('miniatures that share their keys do, hit for hit, what each of them would do by itself', () => {
  const seed = seedOf()
  for (let run = 0; run < 8; run++) {
    const random = prng(seed + run)
    const below = (bound: number) => Math.floor(random() * bound)
    const creates = Object.entries(POLICIES)
      .filter(([name]) => name !== 'auto')
      .map(([, create]) => create)
    // More than there is room for with certainty: the key table is never full.
    const shared = new Miniatures(creates, creates.length * SLOT_COUNT_MAX)
    const plain = creates.map((create) => new PlainMiniature(create))
    const sizeMax = run % 2 === 0 ? 1 : 40
    const setCapacity = (bytes: number) => {
      for (const miniature of [shared, ...plain]) miniature.setCapacity(bytes)
    }
    setCapacity(1 + below(150 * sizeMax))
    for (let step = 0; step < 4_000; step++) {
      // Skewed, with a scan now and then.
      const hash = Math.imul(step % 500 < 100 ? step : below(1 + 400 * random() ** 2), 0x9e3779b1)
      const dice = random()
      if (dice < 0.02) {
        for (const miniature of [shared, ...plain]) miniature.remove(hash)
      } else if (dice < 0.022) {
        const keep = (kept: number) => ((kept >>> 7) & 3) !== 0
        shared.retain(keep)
        for (const miniature of plain) {
          for (const held of [...miniature.slots.keys()]) if (!keep(held)) miniature.remove(held)
        }
      } else if (dice < 0.025) {
        setCapacity(1 + below(150 * sizeMax))
      } else {
        const sizeBytes = 1 + ((hash >>> 9) % sizeMax)
        const hits = plain.map((miniature) => miniature.request(hash, sizeBytes))
        const asBits = hits.reduce((bits, hit, miniature) => bits | (Number(hit) << miniature), 0)
        assert.equal(shared.request(hash, sizeBytes), asBits, `seed ${seed}, run ${run}, step ${step}`)
      }
      const held = new Set(plain.flatMap((miniature) => [...miniature.slots.keys()]))
      assert.equal(shared.keyCount, held.size, 'a key is kept as long as anyone holds it')
      if (step % 50 === 0) shared.check()
    }
  }
})

test('a miniature of full size has the hits of the cache itself', () => {
  const trace = mixedWorkload(20_000, 400, prng(seedOf()))
  const miniatures = new Miniatures([POLICIES.fifo, POLICIES.lru], 1000)
  miniatures.setCapacity(150)
  let hits = 0
  for (const key of trace.keys) hits += (miniatures.request(key, 1) >>> 1) & 1
  assert.equal(hits, simulate(POLICIES.lru, trace, 150))
  miniatures.check()
})

test('miniatures are bounded by bytes, and forget what they are told to', () => {
  const miniatures = new Miniatures([POLICIES.lru], 16)
  miniatures.setCapacity(100)
  assert.equal(miniatures.request(1, 101), 0)
  assert.equal(miniatures.request(1, 101), 0, 'what is larger than the cache does not come in')
  for (const hash of [1, 2, 3, 4, 5]) miniatures.request(hash, 20)
  miniatures.request(6, 20)
  assert.equal(miniatures.keyCount, 5)
  assert.equal(miniatures.request(1, 20), 0)
  miniatures.remove(1)
  miniatures.remove(77)
  assert.equal(miniatures.request(1, 40), 0)
  assert.equal(miniatures.request(6, 20), 1)
  miniatures.retain((hash) => hash === 1)
  miniatures.check()
  assert.equal(miniatures.request(6, 20), 0)
  assert.equal(miniatures.request(1, 40), 1)
  miniatures.setCapacity(40)
  miniatures.check()
  assert.equal(miniatures.request(1, 40), 1)
  assert.equal(miniatures.request(6, 20), 0)
})

test('miniatures whose key table is full take no further key, and go on with those that they have', () => {
  const miniatures = new Miniatures([POLICIES.lru, POLICIES.fifo], 4)
  miniatures.setCapacity(100)
  for (const hash of [1, 2, 3, 4, 5]) miniatures.request(hash, 10)
  assert.equal(miniatures.keyCount, 4)
  assert.equal(miniatures.request(5, 10), 0)
  assert.equal(miniatures.request(4, 10), 0b11)
  miniatures.remove(4)
  assert.equal(miniatures.request(5, 10), 0)
  assert.equal(miniatures.request(5, 10), 0b11)
  miniatures.check()
})

test('miniatures pay for the most keys that they ever had, each by what it costs and no more', () => {
  const miniatures = new Miniatures([POLICIES.lru, POLICIES['w-tinylfu']], 1000)
  miniatures.setCapacity(1000)
  for (let hash = 0; hash < 500; hash++) {
    miniatures.request(hash, 1)
    // The first chains are there before the first key.
    assert.ok(miniatures.bytes <= 4 + (hash + 1) * miniatures.bytesPerKey)
  }
  const { bytes } = miniatures
  miniatures.retain(() => false)
  assert.equal(miniatures.keyCount, 0)
  assert.equal(miniatures.bytes, bytes)
})
