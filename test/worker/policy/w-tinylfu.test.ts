import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PolicyFactory } from '../../../src/worker/policy/policy.js'
import { WTinyLfuPolicy } from '../../../src/worker/policy/w-tinylfu.js'
import { PolicyShard } from './policy-shard.js'

const FIXED_WINDOW: PolicyFactory = (slotCountMax, entries) =>
  new WTinyLfuPolicy(slotCountMax, entries, { firstStep: 'none' })

/** A full cache of entries of 100 bytes, each of which was hit twice. */
function warm(entryCount: number): PolicyShard {
  const shard = new PolicyShard(FIXED_WINDOW, 2 * entryCount, 100 * entryCount)
  for (let key = 0; key < entryCount; key++) shard.set(key, 100)
  for (let key = 0; key < 2 * entryCount; key++) shard.hit(key % entryCount)
  return shard
}

function countHeld(shard: PolicyShard, keyCount: number): number {
  let count = 0
  for (let key = 0; key < keyCount; key++) if (shard.has(key)) count++
  return count
}

test('WTinyLfuPolicy keeps what was wanted through a scan', () => {
  const shard = warm(500)
  for (let key = 1_000; key < 2_500; key++) shard.set(key, 100)
  shard.policy.check()
  assert.ok(countHeld(shard, 500) > 450, `${countHeld(shard, 500)} of 500 are left`)
})

test('WTinyLfuPolicy keeps what was wanted through a scan of entries of all sizes', () => {
  const shard = warm(500)
  for (let key = 1_000; key < 2_500; key++) shard.set(key, 1 + ((key * 37) % 300))
  shard.policy.check()
  assert.ok(countHeld(shard, 500) > 450, `${countHeld(shard, 500)} of 500 are left`)
})

test('WTinyLfuPolicy keeps what was wanted through a scan of entries larger than its window', () => {
  const shard = warm(500)
  for (let key = 1_000; key < 2_500; key++) shard.set(key, 1_000)
  shard.policy.check()
  assert.ok(countHeld(shard, 500) > 450, `${countHeld(shard, 500)} of 500 are left`)
})

test('WTinyLfuPolicy lets in what is asked for again', () => {
  const shard = warm(500)
  for (let round = 0; round < 20; round++) {
    for (let key = 1_000; key < 1_020; key++) if (!shard.hit(key)) shard.set(key, 100)
  }
  let held = 0
  for (let key = 1_000; key < 1_020; key++) if (shard.has(key)) held++
  assert.equal(held, 20)
})

test('WTinyLfuPolicy gives the window back what a large entry has taken', () => {
  const shard = warm(1_000)
  shard.set(5_000, 20_000)
  for (let hit = 0; hit < 10; hit++) shard.hit(5_000)
  for (let key = 6_000; key < 6_050; key++) shard.set(key, 100)
  shard.policy.check()
  assert.ok(shard.has(5_000))
  for (let key = 6_042; key < 6_050; key++) assert.ok(shard.has(key), `${key} is one of the newest`)
})

test('WTinyLfuPolicy lets no entry that is too large for it into the protected part', () => {
  const shard = new PolicyShard(FIXED_WINDOW, 8, 1_000)
  shard.set(0, 100)
  shard.set(1, 100)
  shard.set(2, 800)
  for (const key of [0, 1, 2]) shard.hit(key)
  assert.deepEqual([shard.evict(), shard.evict(), shard.evict()], [2, 0, 1])
})

test('WTinyLfuPolicy keeps the shares of its parts when the capacity changes', () => {
  const shard = warm(500)
  shard.setCapacity(10_000)
  shard.policy.check()
  assert.equal(shard.count, 100)
  shard.setCapacity(80_000)
  for (let key = 0; key < 2_000; key++) if (!shard.hit(key)) shard.set(key, 100)
  shard.policy.check()
  assert.equal(shard.count, 800)
})
