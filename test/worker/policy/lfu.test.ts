import assert from 'node:assert/strict'
import { test } from 'node:test'
import { LfuPolicy } from '../../../src/worker/policy/lfu.js'
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
