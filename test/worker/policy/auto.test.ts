import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ENTRY_BYTES, simulate } from '../../../bench/simulate.js'
import { traceOf } from '../../../bench/trace.js'
import { variedWorkloads } from '../../../bench/varied-workloads.js'
import { loopWorkload, mixedWorkload, zipfWorkload } from '../../../bench/workload.js'
import { AutoPolicy } from '../../../src/worker/policy/auto.js'
import { POLICIES } from '../../../src/worker/policy/policies.js'
import type { PolicyFactory } from '../../../src/worker/policy/policy.js'
import { Sample } from '../../../src/worker/policy/sample.js'
import { prng, seedOf } from '../../support/prng.js'
import { PolicyShard } from './policy-shard.js'

const NO_ENTRIES = { hashOf: () => 0, sizeOf: () => 0 }

/** @param capacity entries of {@link ENTRY_BYTES} */
function autoShard(capacity: number, candidates: readonly PolicyFactory[]) {
  const create: PolicyFactory = (slotCountMax, entries) => new AutoPolicy(slotCountMax, entries, candidates)
  const shard = new PolicyShard(create, capacity, capacity * ENTRY_BYTES)
  return { shard, policy: shard.policy as AutoPolicy }
}

/** Requests keys one after the other, inserting on a miss; returns the hits. */
function request(shard: PolicyShard, keys: Iterable<number>): number {
  let hits = 0
  for (const key of keys) {
    if (shard.hit(key)) hits++
    else shard.set(key, ENTRY_BYTES)
  }
  return hits
}

test('auto changes to the policy that its miniatures find better, and back when the work changes', () => {
  const seed = seedOf()
  const capacity = 2000
  const { policy, shard } = autoShard(capacity, [POLICIES.lru, POLICIES['w-tinylfu']])
  assert.equal(policy.active, 'lru')
  const loop = loopWorkload(40_000, 3000).keys
  request(shard, loop)
  assert.equal(policy.active, 'w-tinylfu', `seed ${seed}`)
  assert.ok(request(shard, loop) > 20_000, 'LRU has no hit in a loop that does not fit')
  policy.check()
  // Each key comes twice, 600 newer ones in between: all that counts is how lately.
  const recent = Array.from({ length: 120_000 }, (_, i) =>
    i % 2 === 0 ? 10_000 + i / 2 : 10_000 + (i >> 1) - 600,
  )
  request(shard, recent)
  assert.ok(
    request(
      shard,
      recent.map((key) => key + 100_000),
    ) > 55_000,
  )
  policy.check()
})

test('auto keeps what it has as long as nothing is better', () => {
  const capacity = 1000
  const { shard } = autoShard(capacity, [POLICIES.lru, POLICIES.lru, POLICIES.fifo])
  const keys = zipfWorkload(60_000, 5000, prng(seedOf())).keys
  assert.equal(request(shard, keys), simulate(POLICIES.lru, traceOf('zipf', keys), capacity))
})

test('auto is within four points of the best policy on made-up work, from cold', () => {
  const random = prng(seedOf())
  const workloads = [
    zipfWorkload(120_000, 20_000, random),
    loopWorkload(240_000, 4000),
    mixedWorkload(120_000, 3000, random),
  ]
  for (const workload of workloads) {
    const percent = (name: keyof typeof POLICIES) =>
      (100 * simulate(POLICIES[name], workload, 2000, { entryBytes: ENTRY_BYTES })) / workload.keys.length
    const best = Math.max(percent('s3fifo'), percent('lru'), percent('w-tinylfu'), percent('2q'))
    assert.ok(percent('auto') > best - 4, `${workload.name}: ${percent('auto')} of ${best}`)
  }
})

test('auto is never far behind, whatever the work', () => {
  const entries = 1500
  const worst = { points: 0, workload: '' }
  let closeCount = 0
  let count = 0
  for (const workload of variedWorkloads(entries, 75_000, 1)) {
    const percent = (name: keyof typeof POLICIES) =>
      (100 * simulate(POLICIES[name], workload, entries, { entryBytes: ENTRY_BYTES })) / workload.keys.length
    const points = Math.max(percent('s3fifo'), percent('lru'), percent('w-tinylfu')) - percent('auto')
    if (points > worst.points) Object.assign(worst, { points, workload: workload.name })
    if (points <= 2) closeCount++
    count++
  }
  assert.ok(worst.points < 8, `${worst.points} points behind in ${worst.workload}`)
  assert.ok(closeCount > 0.85 * count, `${closeCount} of ${count} within 2 points`)
})

test('auto sees that a loop does not fit, although its few sampled keys would', () => {
  const capacity = 4000
  const loop = loopWorkload(120_000, 1.03 * capacity)
  // Of 256 bytes, one entry in five is simulated.
  const shares = Array.from({ length: 10 }, (_, salt) => {
    const hits = simulate(POLICIES.auto, loop, capacity, { salt, entryBytes: 256 })
    return hits / loop.keys.length
  })
  const mean = shares.reduce((sum, share) => sum + share, 0) / shares.length
  assert.ok(mean > 0.87 && Math.min(...shares) > 0.77, `hits per request: ${shares}`)
})

test('auto spends no more on its miniatures when there are more entries, once these are many', () => {
  const capacity = 40_000
  const { policy, shard } = autoShard(capacity, [POLICIES.lru, POLICIES['w-tinylfu']])
  const lean = (slotCount: number) =>
    POLICIES['w-tinylfu'](1, NO_ENTRIES).bytesFor(slotCount) + Sample.BYTES_PER_SLOT * slotCount
  for (let key = 0; key < 4000; key++) shard.set(key, ENTRY_BYTES)
  const before = policy.bytesFor(4000) - lean(4000)
  assert.ok(before > 48 * 1024, `${before} bytes`)
  for (let key = 0; key < 3 * capacity; key++) shard.set(key, ENTRY_BYTES)
  assert.equal(policy.bytesFor(shard.count) - lean(shard.count), before)
  policy.check()
})

test('auto costs no more long after its store is full than when it is: room is not taken away again', () => {
  const capacity = 520
  const { policy, shard } = autoShard(capacity, [POLICIES.lru, POLICIES['w-tinylfu'], POLICIES.fifo])
  for (let key = 0; key < capacity; key++) shard.set(key, ENTRY_BYTES)
  const whenFull = policy.bytesFor(capacity)
  for (let key = 0; key < 10 * capacity; key++) shard.set(key, ENTRY_BYTES)
  assert.equal(policy.bytesFor(capacity), whenFull)
})

test('auto spends a sixteenth of the memory on its miniatures, however small store and entries are', () => {
  const lean = POLICIES.lru(1, NO_ENTRIES).bytesFor(1) + Sample.BYTES_PER_SLOT
  for (const [capacity, entryBytes] of [
    [20, 64],
    [1000, 64],
    [10_000, 64],
    [1000, 1024],
  ] as const) {
    const create: PolicyFactory = (slots, entries) =>
      new AutoPolicy(slots, entries, [POLICIES.lru, POLICIES.lru])
    const shard = new PolicyShard(create, capacity, capacity * entryBytes)
    for (let key = 0; key < 2 * capacity; key++) shard.set(key, entryBytes)
    const miniatureBytes = shard.policy.bytesFor(shard.count) - lean * shard.count
    assert.ok(miniatureBytes <= (capacity * entryBytes) / 16, `${miniatureBytes} of ${capacity * entryBytes}`)
    shard.policy.check()
  }
})
