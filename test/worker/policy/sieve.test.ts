import assert from 'node:assert/strict'
import { test } from 'node:test'
import { loopWorkload } from '../../../bench/workload.js'
import { POLICIES } from '../../../src/worker/policy/policies.js'
import { PolicyShard } from './policy-shard.js'

function filled(keyCount: number): PolicyShard {
  const shard = new PolicyShard(POLICIES.sieve, keyCount, keyCount)
  for (let key = 0; key < keyCount; key++) shard.set(key, 1)
  return shard
}

test('SievePolicy wraps from the newest entry to the oldest', () => {
  const shard = filled(4)
  for (const key of [0, 1, 3]) shard.hit(key)
  assert.equal(shard.evict(), 2, 'passes 0 and 1, which were visited')
  assert.equal(shard.evict(), 0, 'passes 3, goes round, and finds 0 with its bit cleared')
  assert.equal(shard.evict(), 1)
  assert.equal(shard.evict(), 3)
})

test('SievePolicy starts again at the oldest entry after it has given up the newest', () => {
  const shard = filled(3)
  shard.hit(0)
  shard.hit(1)
  assert.equal(shard.evict(), 2)
  shard.set(3, 1)
  assert.equal(shard.evict(), 0)
})

test('SievePolicy goes round once when every entry was visited', () => {
  const shard = filled(3)
  for (const key of [0, 1, 2]) shard.hit(key)
  assert.equal(shard.evict(), 0)
  assert.equal(shard.evict(), 1)
})

test('SievePolicy moves its hand on from an entry that is removed', () => {
  const shard = filled(4)
  shard.hit(0)
  assert.equal(shard.evict(), 1)
  shard.delete(2)
  assert.equal(shard.evict(), 3, 'the hand stood at 2 and went on to the newer side')
  assert.equal(shard.evict(), 0)
})

test('SievePolicy keeps a loop that fits, from cold', () => {
  const shard = new PolicyShard(POLICIES.sieve, 128, 128)
  let hits = 0
  for (const key of loopWorkload(1_280, 120).keys) {
    if (shard.hit(key)) hits++
    else shard.set(key, 1)
  }
  assert.equal(hits, 1_280 - 120)
})
