import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  LATENCY_BUCKETS,
  LATENCY_US_BOUNDS,
  latencyBucketOf,
  latencyQuantileUs,
} from '../../src/shared/latency-buckets.js'

test('there are two bounds to a power of two, from a microsecond to over a minute', () => {
  assert.deepEqual(LATENCY_US_BOUNDS.slice(0, 6), [1, 1.5, 2, 3, 4, 6])
  assert.equal(LATENCY_US_BOUNDS.at(-1), 2 ** 26)
  assert.ok(LATENCY_US_BOUNDS.at(-1)! >= 60e6)
  for (const [index, bound] of LATENCY_US_BOUNDS.slice(1).entries()) {
    assert.ok(bound > LATENCY_US_BOUNDS[index]! && bound <= 1.5 * LATENCY_US_BOUNDS[index]!, String(bound))
  }
})

test('a duration counts in the first bucket whose bound it does not exceed', () => {
  const durations = [0, 0.4, 1, 1.01, 1.5, 1.6, 2, 2.9, 3, 3.1, 1000, 1023.9, 1024, 1024.1, 7e7, 1e12]
  for (const bound of LATENCY_US_BOUNDS) durations.push(bound * 0.999, bound, bound * 1.001)
  for (const duration of durations) {
    const found = LATENCY_US_BOUNDS.findIndex((bound) => duration <= bound)
    assert.equal(latencyBucketOf(duration), found < 0 ? LATENCY_BUCKETS - 1 : found, String(duration))
  }
})

test('what is no duration counts as none', () => {
  for (const odd of [-5, Number.NaN, Number.NEGATIVE_INFINITY]) assert.equal(latencyBucketOf(odd), 0)
  assert.equal(latencyBucketOf(Number.POSITIVE_INFINITY), LATENCY_BUCKETS - 1)
})

test('percentiles are found within the bucket that has them', () => {
  const counts = new Array<number>(LATENCY_BUCKETS).fill(0)
  assert.equal(latencyQuantileUs(counts, 0.5), undefined)
  for (let us = 1; us <= 1000; us++) counts[latencyBucketOf(us)]!++
  for (const quantile of [0.1, 0.5, 0.9, 0.99]) {
    const us = latencyQuantileUs(counts, quantile)!
    assert.ok(us >= (quantile * 1000) / 1.5 && us <= quantile * 1500, `${quantile}: ${us}`)
  }
  const over = counts.map((_, bucket) => (bucket === LATENCY_BUCKETS - 1 ? 3 : 0))
  assert.equal(latencyQuantileUs(over, 0.99), LATENCY_US_BOUNDS.at(-1))
})
