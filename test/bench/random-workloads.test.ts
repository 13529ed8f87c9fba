import assert from 'node:assert/strict'
import { test } from 'node:test'
import { randomWorkload } from '../../bench/random-workloads.js'

test('randomWorkload is the same for the same seed, another one for another, and numbers keys by appearance', () => {
  const seen = new Set<string>()
  for (let seed = 1; seed <= 20; seed++) {
    const { keys, keyCount } = randomWorkload(100, 2_000, seed)
    assert.deepEqual(randomWorkload(100, 2_000, seed).keys, keys)
    seen.add(keys.join())
    let next = 0
    for (const key of keys) {
      assert.ok(key >= 0 && key <= next, `seed ${seed}`)
      if (key === next) next++
    }
    assert.equal(next, keyCount)
  }
  assert.ok(seen.size > 15, `${seen.size} of 20 differ`)
})
