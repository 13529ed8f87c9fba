import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COUNTERS, Counter, GroupCounters, LOAD_MS_BOUNDS } from '../../src/shared/counters.js'
import { THREAD_COUNT_MAX } from '../../src/shared/limits.js'

function countOf(counters: GroupCounters, shard: number, name: string): number {
  return counters.read(shard)[COUNTERS.findIndex((counter) => counter.name === name)]!
}

test('every thread has words of its own, and reading sums over the threads of one shard', () => {
  const counters = new GroupCounters(3)
  for (let thread = 0; thread < THREAD_COUNT_MAX; thread++) {
    for (let shard = 0; shard < 3; shard++) counters.row(thread, shard).add(Counter.hits, 1 + shard)
  }
  for (let shard = 0; shard < 3; shard++) {
    assert.equal(countOf(counters, shard, 'hits'), THREAD_COUNT_MAX * (1 + shard))
    assert.equal(
      counters.read(shard).reduce((sum, value) => sum + value),
      THREAD_COUNT_MAX * (1 + shard),
    )
  }
})

test('reading finds what threads of the highest numbers counted, between threads that were never there', () => {
  const counters = new GroupCounters(2)
  counters.row(0, 1).add(Counter.hits, 2)
  // A thread that has ended: nobody holds its row any more, and its counts stay.
  new GroupCounters(2, counters.memory).row(THREAD_COUNT_MAX - 1, 1).add(Counter.hits, 5)
  assert.equal(countOf(counters, 1, 'hits'), 7)
  counters.row(THREAD_COUNT_MAX - 1, 1).add(Counter.hits, 1)
  assert.equal(countOf(counters, 1, 'hits'), 8)
  assert.equal(countOf(counters, 0, 'hits'), 0)
  assert.equal(counters.read(1).length, COUNTERS.length)
})

test('another thread that has the memory reads and counts the same', () => {
  const counters = new GroupCounters(2)
  const elsewhere = new GroupCounters(2, counters.memory)
  elsewhere.row(1, 1).add(Counter.loads)
  elsewhere.row(1, 1).set(Counter.entries, 7)
  elsewhere.row(1, 1).set(Counter.entries, 5)
  assert.equal(countOf(counters, 1, 'loads'), 1)
  assert.equal(countOf(counters, 1, 'entries'), 5)
  assert.equal(countOf(counters, 0, 'loads'), 0)
})

test('every counter has its word, and a row ends before the next one begins', () => {
  const counters = new GroupCounters(2)
  const row = counters.row(0, 0)
  for (const word of COUNTERS.keys()) row.set(word, word + 1)
  assert.deepEqual(
    counters.read(0),
    COUNTERS.map((_, word) => word + 1),
  )
  assert.ok(counters.read(1).every((value) => value === 0))
  assert.equal(new Set(COUNTERS.map(({ name }) => name)).size, COUNTERS.length)
  for (const [name, word] of Object.entries(Counter)) assert.equal(COUNTERS[word]!.name, name)
})

test('a load is counted in the bucket of its duration, and its seconds are summed', () => {
  const counters = new GroupCounters(1)
  const row = counters.row(0, 0)
  for (const durationMs of [0, 0.1, 0.11, 3, 30_000, 30_001]) row.addLoad(durationMs)
  assert.equal(countOf(counters, 0, 'load_ms_le_0.1'), 2)
  assert.equal(countOf(counters, 0, 'load_ms_le_0.2'), 1)
  assert.equal(countOf(counters, 0, 'load_ms_le_5'), 1)
  assert.equal(countOf(counters, 0, `load_ms_le_${LOAD_MS_BOUNDS.at(-1)}`), 1)
  assert.equal(countOf(counters, 0, 'load_ms_over'), 1)
  assert.ok(Math.abs(countOf(counters, 0, 'load_seconds_sum') - 60.00421) < 1e-9)
})
