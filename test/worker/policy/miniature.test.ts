import assert from 'node:assert/strict'
import { test } from 'node:test'
import { simulate } from '../../../bench/simulate.js'
import { mixedWorkload } from '../../../bench/workload.js'
import { Miniature } from '../../../src/worker/policy/miniature.js'
import { POLICIES } from '../../../src/worker/policy/policies.js'
import { prng, seedOf } from '../../support/prng.js'

test('a miniature of full size has the hits of the cache itself', () => {
  const trace = mixedWorkload(20_000, 400, prng(seedOf()))
  const miniature = new Miniature(POLICIES.lru, 256)
  miniature.setCapacity(150)
  let hits = 0
  for (const key of trace.keys) if (miniature.request(key, 1)) hits++
  assert.equal(hits, simulate(POLICIES.lru, trace, 150))
  miniature.check()
})

test('a miniature is bounded by bytes and by slots, and forgets what it is told to', () => {
  const miniature = new Miniature(POLICIES.lru, 4)
  miniature.setCapacity(100)
  assert.equal(miniature.request(1, 101), false)
  assert.equal(miniature.request(1, 101), false, 'what is larger than the cache does not come in')
  for (const hash of [1, 2, 3, 4, 5]) miniature.request(hash, 10)
  assert.equal(miniature.request(1, 10), false, 'there are but four slots')
  miniature.check()
  miniature.remove(5)
  miniature.remove(77)
  assert.equal(miniature.request(5, 60), false)
  assert.equal(miniature.request(1, 10), true)
  miniature.retain((hash) => hash === 5)
  miniature.check()
  assert.equal(miniature.request(1, 10), false)
  assert.equal(miniature.request(5, 60), true)
  miniature.setCapacity(60)
  miniature.check()
  assert.equal(miniature.request(5, 60), true)
  assert.equal(miniature.request(1, 10), false)
})
