import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LfuPolicy } from '../../../src/worker/policy/lfu.js'
import { prng, seedOf } from '../../support/prng.js'
import { PolicyShard } from './policy-shard.js'

/** Four entries, hit 0, 1, 2 and 40 times, and then so many requests for the second. */
function afterFame(ageing: boolean, requestCount: number): PolicyShard {
  const shard = new PolicyShard((slotCountMax) => new LfuPolicy(slotCountMax, { ageing }), 5, 5)
  for (const [key, hits] of [0, 1, 2, 40].entries()) {
    shard.set(key, 1)
    for (let hit = 0; hit < hits; hit++) shard.hit(key)
  }
  for (let request = 0; request < requestCount; request++) shard.hit(1)
  shard.policy.check()
  return shard
}

test('LfuPolicy lets old fame fade', () => {
  const shard = afterFame(true, 400)
  assert.deepEqual([shard.evict(), shard.evict(), shard.evict(), shard.evict()], [0, 2, 3, 1])
})

test('LfuPolicy without ageing counts for ever', () => {
  const shard = afterFame(false, 38)
  assert.deepEqual([shard.evict(), shard.evict(), shard.evict(), shard.evict()], [0, 2, 1, 3])
})

test('LfuPolicy does not change who goes before whom by ageing', () => {
  const shard = new PolicyShard((slotCountMax) => new LfuPolicy(slotCountMax), 64, 64)
  for (let key = 0; key < 64; key++) shard.set(key, 1)
  for (let key = 0; key < 64; key++) for (let hit = 0; hit < key % 8; hit++) shard.hit(key)
  // One favourite brings about one halving after the other.
  for (let request = 0; request < 20_000; request++) shard.hit(0)
  shard.policy.check()
  const evicted = Array.from({ length: 63 }, () => shard.evict()!)
  const expected = Array.from({ length: 63 }, (_, index) => index + 1).sort(
    (a, b) => (a % 8) - (b % 8) || a - b,
  )
  assert.deepEqual(evicted, expected)
  assert.equal(shard.evict(), 0)
})

test('LfuPolicy ages as if every entry had a count of its own, through random operations', () => {
  const seed = seedOf()
  const random = prng(seed)
  const capacity = 40
  const shard = new PolicyShard((slotCountMax) => new LfuPolicy(slotCountMax), capacity, capacity)
  // Index 0 goes first: by count, and where counts are equal by who rose to it first, ageing or not.
  let order: { key: number; count: number }[] = []
  let accesses = 0
  const rise = (entry: { key: number; count: number }) => {
    const above = order.findIndex(({ count }) => count > entry.count)
    order.splice(above < 0 ? order.length : above, 0, entry)
    if (++accesses < 10 * order.length) return
    accesses = 0
    order = order.map(({ key, count }) => ({ key, count: Math.max(1, Math.floor(count / 2)) }))
  }
  for (let step = 0; step < 20_000; step++) {
    const key = Math.floor(120 * random() ** 3)
    const at = order.findIndex((entry) => entry.key === key)
    const where = `seed ${seed}, step ${step}`
    if (random() < 0.02) {
      shard.delete(key)
      if (at >= 0) order.splice(at, 1)
    } else if (shard.hit(key)) {
      const [entry] = order.splice(at, 1)
      rise({ key, count: entry!.count + 1 })
    } else {
      const evicted = order.length === capacity ? [order.shift()!.key] : []
      assert.deepEqual(shard.set(key, 1), evicted, where)
      rise({ key, count: 1 })
    }
    if (step % 64 === 0) shard.policy.check()
  }
})
