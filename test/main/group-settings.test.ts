import assert from 'node:assert/strict'
import { test } from 'node:test'
import { groupSettings, validateGroup } from '../../src/main/group-settings.js'
import type { GroupOptions } from '../../src/main/node-options.js'
import { DEFAULT_POLICY } from '../../src/shared/policy-names.js'

const options = (more: Partial<GroupOptions> = {}): GroupOptions => ({
  maxBytes: 1 << 20,
  getter: () => null,
  ...more,
})

test('without options nothing is stale, refreshed, held back, bounded or batched anew', () => {
  const { freshness, loads, policy } = groupSettings(options(), { shard: 0, shardCount: 2 })
  assert.deepEqual(freshness, {
    ttlMs: Number.POSITIVE_INFINITY,
    ttlJitter: 0,
    notFoundTtlMs: 0,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    refreshAhead: 0,
    softTimeoutMs: Number.POSITIVE_INFINITY,
    errorBackoffMs: 0,
  })
  assert.deepEqual(loads, {
    timeoutMs: 30_000,
    concurrencyMax: Number.POSITIVE_INFINITY,
    queueMax: 5000,
    batchSizeMax: 256,
  })
  assert.equal(policy, DEFAULT_POLICY)
  const undefinedOption = { ttlMs: undefined } as unknown as Partial<GroupOptions>
  assert.equal(
    groupSettings(options(undefinedOption), { shard: 0, shardCount: 1 }).freshness.ttlMs,
    Number.POSITIVE_INFINITY,
  )
})

test('what bounds the node is split over its shards: together no more, but at least one each', () => {
  const split = (bounds: Partial<GroupOptions>, shardCount: number) =>
    Array.from({ length: shardCount }, (_, shard) => {
      const { concurrencyMax, queueMax } = groupSettings(options(bounds), { shard, shardCount }).loads
      return [concurrencyMax, queueMax]
    })
  assert.deepEqual(split({ loadConcurrencyMax: 10, loadQueueMax: 7 }, 3), [
    [4, 3],
    [3, 2],
    [3, 2],
  ])
  assert.deepEqual(split({ loadConcurrencyMax: 1, loadQueueMax: 1 }, 2), [
    [1, 1],
    [1, 1],
  ])
  assert.deepEqual(split({ loadConcurrencyMax: 4, loadQueueMax: 0 }, 2), [
    [2, 0],
    [2, 0],
  ])
})

const BAD: Partial<Record<keyof GroupOptions, readonly unknown[]>> = {
  maxBytes: [0, 2047, Number.NaN],
  ttlMs: [0, -1, Number.NaN],
  ttlJitter: [-0.1, 1.1, Number.NaN],
  notFoundTtlMs: [-1],
  staleWhileRevalidateMs: [-1, 2 ** 30 + 1, Number.POSITIVE_INFINITY],
  staleIfErrorMs: [-1, 2 ** 30 + 1, Number.NaN],
  refreshAhead: [-0.1, 1.1],
  softTimeoutMs: [0],
  loadTimeoutMs: [0],
  errorBackoffMs: [-1, Number.POSITIVE_INFINITY],
  loadConcurrencyMax: [0, 1.5],
  loadQueueMax: [-1, 0.5],
  batchSizeMax: [0, 1.5, 10_001],
}

for (const [name, values] of Object.entries(BAD)) {
  test(`${name} is refused when it is out of bounds, by name`, () => {
    for (const value of values) {
      assert.throws(() => validateGroup('g', options({ [name]: value })), {
        code: 'INVALID_ARGUMENT',
        message: new RegExp(`^Group "g": ${name} is `),
      })
    }
  })
}

test('a getter is a function, an object with getMany, or a module', () => {
  const kinds = (getter: unknown) => groupSettings(options({ getter } as Partial<GroupOptions>), ONE).getter
  assert.deepEqual(
    kinds(() => null),
    { kind: 'function', takesMany: false },
  )
  assert.deepEqual(kinds({ getMany: () => [] }), { kind: 'function', takesMany: true })
  assert.deepEqual(kinds({ module: '@acme/getter', options: { a: 1 } }), {
    kind: 'module',
    url: '@acme/getter',
    options: { a: 1 },
  })
  for (const getter of [{}, { getMany: 'x' }, null, undefined]) {
    assert.throws(() => validateGroup('g', { maxBytes: 4096, getter } as unknown as GroupOptions), {
      code: 'INVALID_ARGUMENT',
    })
  }
})

const ONE = { shard: 0, shardCount: 1 }
