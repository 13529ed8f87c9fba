import assert from 'node:assert/strict'
import { test } from 'node:test'
import { POLICY_NAMES } from '../../../src/shared/policy-names.js'
import { DrainingPolicy } from '../../../src/worker/policy/draining.js'
import { POLICIES } from '../../../src/worker/policy/policies.js'

const ENTRIES = { hashOf: (slot: number) => slot * 7919, sizeOf: () => 100 }

for (const name of POLICY_NAMES) {
  test(`${name}: entries are taken in the order in which they would be given up, and may go before and after`, () => {
    const [plain, drained] = [POLICIES[name](100, ENTRIES), POLICIES[name](100, ENTRIES)]
    for (const policy of [plain, drained]) {
      policy.setCapacity(10_000)
      for (let slot = 1; slot <= 50; slot++) policy.onInsert(slot, slot * 7919, 100)
      for (const slot of [3, 3, 9, 3, 40]) policy.onHit(slot)
    }
    const order = Array.from({ length: 51 }, () => plain.evict())
    const draining = new DrainingPolicy(drained, 100)
    const taken = Array.from({ length: 20 }, () => draining.take())
    assert.deepEqual(taken, order.slice(0, 20))
    for (const slot of taken) draining.onHit(slot)
    draining.onReplace(taken[0]!, 100)
    // One that was taken, one that was not.
    draining.onRemove(taken[1]!)
    draining.onRemove(order[30]!)
    draining.check()
    const rest = Array.from({ length: 29 }, () => draining.take())
    assert.equal(draining.take(), -1)
    assert.equal(draining.evict(), -1)
    assert.deepEqual(
      rest.sort((one, other) => one - other),
      order
        .slice(20, 50)
        .filter((slot) => slot !== order[30])
        .sort((one, other) => one - other),
    )
    // A slot that was used again is the policy's.
    draining.onInsert(taken[1]!, 1, 100)
    draining.onRemove(taken[1]!)
    assert.equal(draining.take(), -1)
    draining.onInsert(taken[1]!, 1, 100)
    assert.equal(draining.take(), taken[1])
  })
}
