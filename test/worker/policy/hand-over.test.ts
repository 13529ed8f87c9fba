import assert from 'node:assert/strict'
import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { HandOver } from '../../../src/worker/policy/hand-over.js'
import { POLICIES } from '../../../src/worker/policy/policies.js'
import type { EvictionPolicy } from '../../../src/worker/policy/policy.js'
import { prng } from '../../support/prng.js'

const SLOT_COUNT = 64

const ENTRIES = { hashOf: (slot: number) => slot, sizeOf: () => 1 }

/** A hand-over of `entryCount` entries in slots 0, 1, 2, …, all of one byte. */
function handOver(from: EvictionPolicy, to: EvictionPolicy, entryCount: number): HandOver {
  for (const policy of [from, to]) policy.setCapacity(SLOT_COUNT)
  for (let slot = 0; slot < entryCount; slot++) from.onInsert(slot, slot, 1)
  return new HandOver(from, to, {
    slotCountMax: SLOT_COUNT,
    entryCount,
    ...ENTRIES,
  })
}

test('a hand-over keeps the order in which the old policy would have given up its entries', () => {
  const from = POLICIES.lru(SLOT_COUNT, ENTRIES)
  const change = handOver(from, POLICIES.fifo(SLOT_COUNT, ENTRIES), 5)
  change.onHit(0)
  assert.equal(change.bytesFor(5), from.bytesFor(5))
  change.step(2)
  change.onInsert(5, 5, 1)
  change.step(10)
  assert.ok(change.isDone)
  assert.deepEqual(
    [0, 1, 2, 3, 4, 5, 6].map(() => change.to.evict()),
    [1, 2, 5, 3, 4, 0, -1],
  )
})

test('what is evicted during a hand-over is what would have gone next', () => {
  const change = handOver(POLICIES.lru(SLOT_COUNT, ENTRIES), POLICIES.lru(SLOT_COUNT, ENTRIES), 6)
  change.step(3)
  change.onHit(1)
  change.onInsert(6, 6, 1)
  assert.deepEqual(
    [0, 1, 2, 3].map(() => change.evict()),
    [0, 2, 1, 6],
  )
  assert.deepEqual(
    [0, 1, 2, 3].map(() => change.evict()),
    [3, 4, 5, -1],
  )
  assert.ok(change.isDone)
})

for (const from of Object.values(POLICIES)) {
  for (const to of Object.values(POLICIES)) {
    const names = `${from(1, ENTRIES).name} to ${to(1, ENTRIES).name}`
    test(`no entry is lost or doubled on its way from ${names}`, () => {
      const seed = randomInt(2 ** 31)
      const random = prng(seed)
      const below = (bound: number) => Math.floor(random() * bound)
      for (let run = 0; run < 2; run++) {
        const live = new Set(Array.from({ length: 40 }, (_, slot) => slot))
        const change = handOver(from(SLOT_COUNT, ENTRIES), to(SLOT_COUNT, ENTRIES), live.size)
        for (let step = 0; step < 100; step++) {
          const slot = below(SLOT_COUNT)
          const dice = random()
          if (dice < 0.3) change.onHit(slot)
          else if (dice < 0.4) change.step(below(3))
          else if (dice < 0.6) assert.ok(live.delete(change.evict()), `${names}, seed ${seed}, step ${step}`)
          else if (!live.has(slot)) {
            change.onInsert(slot, slot, 1)
            live.add(slot)
          } else if (dice < 0.7) {
            change.onRemove(slot)
            live.delete(slot)
          } else change.onReplace(slot, 1)
          if (live.size === 0) break
          change.check()
        }
        change.step(SLOT_COUNT)
        change.check()
        const left = Array.from({ length: live.size }, () => change.to.evict())
        assert.deepEqual(new Set(left), live, `${names}, seed ${seed}`)
        assert.equal(change.to.evict(), -1)
      }
    })
  }
}
