import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { POLICY_GROWTH_BYTES_MAX, type PolicyFactory } from '../../../src/worker/policy/policy.js'
import { prng } from '../../support/prng.js'
import { PolicyShard } from './policy-shard.js'

/** The sizes of entries that a run mixes: all alike, or up to 10 000 times the smallest. */
const SIZE_RANGES = { 'unit sizes': 1, 'mixed sizes': 10_000 }

/** What every eviction policy must do, whatever it is good at. */
export function testPolicyContract(name: string, create: PolicyFactory): void {
  test(`${name} names itself and its cost`, () => {
    const { policy } = new PolicyShard(create, 8, 4)
    assert.equal(policy.name, name)
    assert.ok(policy.bytesFor(1) >= 4 && policy.bytesFor(1) <= 32)
  })

  test(`${name} costs never much more with one slot more, however many there are`, () => {
    const { policy } = new PolicyShard(create, 8, 4)
    for (let slotCount = 0; slotCount < 2 ** 25; slotCount += slotCount < 2 ** 17 ? 1 : 4_999) {
      const growth = policy.bytesFor(slotCount + 1) - policy.bytesFor(slotCount)
      assert.ok(growth >= 4 && growth <= 32, `${growth} bytes for slot ${slotCount}`)
    }
  })

  test(`${name} never grows with an insert by more than is allowed, nor without one`, () => {
    const seed = randomInt(2 ** 31)
    const random = prng(seed)
    const shard = new PolicyShard(create, 3000, 2000 * 1000)
    let bytes = 0
    let countHigh = 0
    for (let step = 0; step < 20_000; step++) {
      const key = Math.floor(6000 * random() ** 3)
      if (!shard.hit(key) && shard.policy.bytesFor(countHigh) === bytes) shard.set(key, 500 + (key % 1000))
      countHigh = Math.max(countHigh, shard.count)
      const growth = shard.policy.bytesFor(countHigh) - bytes
      assert.ok(
        growth >= 0 && growth <= POLICY_GROWTH_BYTES_MAX,
        `${growth} bytes, seed ${seed}, step ${step}`,
      )
      bytes += growth
    }
  })

  test(`${name} has nothing to evict when it is empty`, () => {
    const shard = new PolicyShard(create, 8, 4)
    assert.equal(shard.policy.evict(), -1)
    shard.set(1, 1)
    shard.delete(1)
    assert.equal(shard.policy.evict(), -1)
    shard.policy.check()
  })

  test(`${name} ignores a hit on a slot that holds no entry`, () => {
    const shard = new PolicyShard(create, 8, 4)
    for (let slot = 0; slot < 8; slot++) shard.policy.onHit(slot)
    shard.policy.check()
    shard.set(1, 1)
    const slot = shard.slotOf(1)
    shard.delete(1)
    shard.policy.onHit(slot)
    shard.policy.check()
    assert.equal(shard.policy.evict(), -1)
  })

  test(`${name} does not credit a new entry with hits on the empty slot before`, () => {
    const seed = randomInt(2 ** 31)
    const random = prng(seed)
    const [shard, haunted] = [new PolicyShard(create, 40, 32), new PolicyShard(create, 40, 32)]
    for (let step = 0; step < 3_000; step++) {
      const key = Math.floor(100 * random() ** 2)
      haunted.hitFreeSlots()
      if (random() < 0.05) {
        for (const both of [shard, haunted]) both.delete(key)
      } else if (shard.hit(key)) {
        haunted.hit(key)
      } else {
        assert.deepEqual(haunted.set(key, 1), shard.set(key, 1), `seed ${seed}, step ${step}`)
      }
    }
  })

  test(`${name} gives up every entry once, each of them a live one`, () => {
    const shard = new PolicyShard(create, 64, 64)
    for (let key = 0; key < 64; key++) shard.set(key, 1)
    for (let key = 0; key < 64; key += 3) shard.hit(key)
    shard.setCapacity(0)
    assert.equal(shard.count, 0)
    assert.equal(shard.policy.evict(), -1)
  })

  for (const [sizes, sizeBytesMax] of Object.entries(SIZE_RANGES)) {
    test(`${name} keeps its invariants through random operations on ${sizes}`, () => {
      const seed = randomInt(2 ** 31)
      for (let run = 0; run < 12; run++) {
        runRandomly(create, sizeBytesMax, seed + run, `seed ${seed + run}`)
      }
    })
  }
}

function runRandomly(create: PolicyFactory, sizeBytesMax: number, seed: number, label: string): void {
  const random = prng(seed)
  const below = (bound: number) => Math.floor(random() * bound)
  const slotCountMax = 1 + below(96)
  const keyCount = 1 + below(3 * slotCountMax)
  const capacityBytesMax = Math.ceil(slotCountMax * sizeBytesMax * 0.4)
  const shard = new PolicyShard(create, slotCountMax, 1 + below(capacityBytesMax))
  const operations: [upTo: number, run: () => void][] = [
    [0.45, () => shard.set(below(keyCount), 1 + Math.floor(sizeBytesMax * random() ** 8))],
    // Low keys are hit more often than high ones.
    [0.8, () => shard.hit(Math.floor(keyCount * random() ** 3))],
    [0.88, () => shard.delete(below(keyCount))],
    [0.96, () => shard.policy.onHit(below(slotCountMax))],
    [0.98, () => shard.evict()],
    [0.995, () => shard.setCapacity(below(capacityBytesMax))],
    [1, () => shard.clear()],
  ]
  for (let step = 0; step < 1_500; step++) {
    const at = random()
    const [, run] = operations.find(([upTo]) => at < upTo)!
    try {
      run()
      shard.policy.check()
    } catch (thrown) {
      throw new Error(`${shard.policy.name}, ${label}, step ${step}: ${thrown}`, { cause: thrown })
    }
  }
}
