import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SlotStates } from '../../../src/worker/policy/slot-states.js'
import { Prng, seedOf } from '../../support/prng.js'

for (const bits of [1, 2, 4] as const) {
  test(`SlotStates keeps ${bits} bits for each slot, whatever its neighbours have`, () => {
    const prng = new Prng(seedOf())
    const states = new SlotStates(37, bits)
    assert.equal(states.bytesPerSlot, bits / 8)
    const model = new Array<number>(37).fill(0)
    for (let step = 0; step < 2_000; step++) {
      const slot = prng.below(model.length)
      model[slot] = prng.below(2 ** bits)
      states.set(slot, model[slot])
      assert.deepEqual(
        model.map((_, at) => states.get(at)),
        model,
      )
    }
  })
}
