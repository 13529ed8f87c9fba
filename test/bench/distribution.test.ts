import assert from 'node:assert/strict'
import { it } from 'node:test'
import { median, percentile } from '../../bench/distribution.js'

it('takes percentiles by nearest rank', () => {
  const sorted = Array.from({ length: 1000 }, (_, index) => index + 1)
  assert.equal(percentile(sorted, 0.5), 500)
  assert.equal(percentile(sorted, 0.99), 990)
  assert.equal(percentile(sorted, 0.999), 999)
  assert.equal(percentile(sorted, 1), 1000)
  assert.equal(percentile([7], 0.001), 7)
  assert.ok(Number.isNaN(percentile([], 0.5)))
})

it('takes the middle one for the median, whatever the order', () => {
  assert.equal(median([3, 1, 2]), 2)
  assert.equal(median([4, 1, 3, 2]), 3)
})
