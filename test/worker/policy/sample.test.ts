import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Sample } from '../../../src/worker/policy/sample.js'
import { Prng, seedOf } from '../../support/prng.js'

test('a sample agrees with a plain Map of its entries', () => {
  const seed = seedOf()
  const random = new Prng(seed)
  const slotCountMax = 100
  const sample = new Sample(slotCountMax)
  const sizes = new Map<number, number>()
  const entries = { hashOf: (slot: number) => slot % 7, sizeOf: (slot: number) => sizes.get(slot) ?? 0 }
  for (let step = 0; step < 20_000; step++) {
    const slot = random.below(slotCountMax)
    const sizeBytes = sizes.get(slot)
    if (sizeBytes === undefined) {
      sizes.set(slot, 1 + random.below(1000))
      sample.add(slot, sizes.get(slot)!)
    } else if (random.below(2) === 0) {
      sizes.set(slot, sizeBytes + 5)
      sample.resize(slot, 5)
    } else {
      sample.remove(slot, sizeBytes)
      sizes.delete(slot)
    }
    if (step % 500 === 0) {
      const isKept = (hash: number) => hash !== step % 7
      sample.retain(entries, isKept)
      for (const kept of sizes.keys()) if (!isKept(entries.hashOf(kept))) sizes.delete(kept)
    }
    assert.equal(sample.has(slot), sizes.has(slot), `seed ${seed}, step ${step}`)
    assert.equal(
      sample.bytes,
      [...sizes.values()].reduce((sum, bytes) => sum + bytes, 0),
      `seed ${seed}, step ${step}`,
    )
  }
  sample.check(entries)
})

test('what is not in the sample changes nothing of it', () => {
  const sample = new Sample(64)
  sample.retain({ hashOf: () => 0, sizeOf: () => 0 }, () => false)
  sample.add(31, 10)
  sample.add(63, 20)
  sample.remove(32, 10)
  sample.resize(0, 5)
  assert.equal(sample.bytes, 30)
})
