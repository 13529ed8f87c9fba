import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HotKeys } from '../../src/shared/hot-keys.js'
import { Prng, seedOf } from '../support/prng.js'

function note(hot: HotKeys, key: number, times = 1): void {
  const bytes = Buffer.from(`..key${key}..`)
  for (let i = 0; i < times; i++) hot.note(key, bytes, 2, bytes.length - 2)
}

const listed = (hot: HotKeys, countMax = 1000) =>
  hot.list(countMax).map(({ key, ...rest }) => ({ key: Buffer.from(key).toString(), ...rest }))

test('while there are counters for all keys, counts are exact and in order', () => {
  const hot = new HotKeys(0, 60_000)
  note(hot, 1, 3)
  note(hot, 2, 7)
  note(hot, 3)
  assert.deepEqual(listed(hot), [
    { key: 'key2', hits: 7, hitsOverMax: 0 },
    { key: 'key1', hits: 3, hitsOverMax: 0 },
    { key: 'key3', hits: 1, hitsOverMax: 0 },
  ])
  assert.deepEqual(listed(hot, 1), [{ key: 'key2', hits: 7, hitsOverMax: 0 }])
  assert.equal(hot.hitsOf(2), 7)
  assert.equal(hot.hitsOf(4), undefined)
})

test('among any number of keys the bounds of Space-Saving hold', () => {
  const random = new Prng(seedOf())
  const hot = new HotKeys(0, 60_000)
  const truth = new Map<number, number>()
  const hits = 100_000
  for (let i = 0; i < hits; i++) {
    // Skewed: small numbers come far more often.
    const key = random.below(1 + random.below(1 + random.below(20_000)))
    truth.set(key, (truth.get(key) ?? 0) + 1)
    note(hot, key)
  }
  const found = new Map(listed(hot).map((entry) => [entry.key, entry]))
  assert.ok(found.size <= 256)
  for (const [key, count] of truth) {
    const entry = found.get(`key${key}`)
    if (count > hits / 256) assert.ok(entry, `key${key} with ${count} hits is missing`)
    if (!entry) continue
    assert.ok(entry.hits >= count, `key${key}: ${entry.hits} estimated, ${count} counted`)
    assert.ok(entry.hits - entry.hitsOverMax <= count, `key${key}: the error is larger than told`)
  }
  const sum = Array.from(truth.keys(), (key) => hot.hitsOf(key) ?? 0).reduce((one, other) => one + other)
  assert.equal(sum, hits, 'every hit is in one counter')
})

test('a key that took over a counter gets its name with its second hit', () => {
  const hot = new HotKeys(0, 60_000)
  for (let key = 0; key < 256; key++) note(hot, key)
  note(hot, 1000)
  assert.ok(!listed(hot).some(({ key }) => key === 'key1000'))
  note(hot, 1000)
  assert.deepEqual(listed(hot, 1), [{ key: 'key1000', hits: 3, hitsOverMax: 1 }])
})

test('old fame fades', () => {
  const hot = new HotKeys(0, 60_000)
  note(hot, 1, 8)
  hot.age(59_999)
  assert.equal(hot.hitsOf(1), 8)
  hot.age(60_000)
  hot.age(60_001)
  assert.equal(hot.hitsOf(1), 4)
  note(hot, 2, 5)
  assert.equal(listed(hot)[0]?.key, 'key2')
  for (let minute = 2; minute < 6; minute++) hot.age(minute * 60_000)
  assert.deepEqual(listed(hot), [])
})

test('after fading, a new key still takes over the smallest counter', () => {
  const hot = new HotKeys(0, 60_000)
  for (let key = 0; key < 256; key++) note(hot, key, 1 + (key % 3))
  note(hot, 300)
  hot.age(60_000)
  note(hot, 301)
  assert.equal(hot.hitsOf(301), 1.5)
  assert.equal(hot.hitsOf(2), 1.5)
})
