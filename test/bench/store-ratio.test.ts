import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '../../bench/simulate.js'
import { RatioReaders, storeRatio } from '../../bench/store-ratio.js'
import { zipfWorkload } from '../../bench/workload.js'
import { POLICIES } from '../../src/worker/policy/policies.js'
import { prng } from '../support/prng.js'

test('a store with reader threads has nearly the hits of the policy alone', async (t) => {
  const readers = await RatioReaders.launch(4)
  t.after(() => readers.close())
  const trace = zipfWorkload(20_000, 5000, prng(1))
  for (const policy of ['lru', '2q', 's3fifo', 'auto'] as const) {
    const { hits, entryCount } = storeRatio(trace, readers, { policy, entryCount: 1000 })
    const exact = simulate(POLICIES[policy], trace, 1000)
    assert.ok(
      Math.abs(hits - exact) < 0.015 * trace.keys.length,
      `${policy}: ${hits} hits, ${exact} by itself`,
    )
    assert.ok(Math.abs(entryCount - 1000) < 30, `${policy}: ${entryCount} entries`)
  }
})
