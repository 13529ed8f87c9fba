import assert from 'node:assert/strict'
import { test } from 'node:test'
import { THREAD_COUNT_MAX } from '../../../src/shared/limits.js'
import { AccessLog, RING_WORDS as RING } from '../../../src/shared/store/access-log.js'

function drain(log: AccessLog, threadCount: number, countMax = RING): number[] {
  const slots: number[] = []
  log.drain(threadCount, countMax, (slot) => slots.push(slot))
  return slots
}

test('the owner gets every hit since the last drain, those of each thread in order, once', () => {
  const log = new AccessLog()
  log.record(1, 10)
  log.record(0, 20)
  log.record(1, 11)
  assert.deepEqual(drain(log, 2), [10, 20, 11])
  assert.deepEqual(drain(log, 2), [])
  log.record(1, 12)
  log.record(THREAD_COUNT_MAX - 1, 13)
  assert.deepEqual(drain(log, THREAD_COUNT_MAX), [12, 13])
})

test('the hints of several threads are mixed evenly, whatever the number of each', () => {
  const log = new AccessLog()
  for (let i = 0; i < 8; i++) log.record(0, i)
  for (let i = 10; i < 14; i++) log.record(2, i)
  log.record(3, 20)
  assert.deepEqual(drain(log, 4), [0, 1, 10, 2, 3, 11, 4, 5, 12, 6, 7, 13, 20])
})

test('a drain takes a bounded number of each thread, the oldest first, and of each a like share', () => {
  const log = new AccessLog()
  for (let i = 0; i < 8; i++) log.record(0, i)
  for (let i = 10; i < 14; i++) log.record(2, i)
  log.record(3, 20)
  assert.deepEqual(drain(log, 4, 3), [0, 1, 10, 2])
  log.record(2, 14)
  // Five are left of one thread, four of another, one of the last: they end together.
  assert.deepEqual(drain(log, 4, 2), [3, 4, 11])
  assert.deepEqual(drain(log, 4), [5, 12, 6, 13, 7, 14, 20])
  assert.deepEqual(drain(log, 4), [])
})

test('what a bounded drain leaves is overwritten by later hits, the oldest first', () => {
  const log = new AccessLog()
  for (let slot = 0; slot < RING; slot++) log.record(0, slot)
  assert.deepEqual(drain(log, 1, 2), [0, 1])
  for (let slot = RING; slot < RING + 10; slot++) log.record(0, slot)
  assert.deepEqual(drain(log, 1, 2), [10, 11])
  assert.equal(drain(log, 1).length, RING - 2)
})

test('of more hits than a ring holds the latest are kept', () => {
  const log = new AccessLog()
  for (let slot = 1; slot <= 3 * RING + 5; slot++) log.record(0, slot)
  assert.deepEqual(
    drain(log, 1),
    Array.from({ length: RING }, (_, i) => 2 * RING + 6 + i),
  )
})

test('a full ring does not reach into that of the next thread', () => {
  const log = new AccessLog()
  for (let i = 0; i < 5 * RING; i++) log.record(0, 1)
  assert.deepEqual(drain(log, 2).length, RING)
  log.record(1, 9)
  for (let i = 0; i < 5 * RING; i++) log.record(0, 1)
  assert.equal(drain(log, 2).filter((slot) => slot === 9).length, 1)
})

test('the count of hits may wrap around', () => {
  const log = new AccessLog()
  new Int32Array(log.memory)[0] = 2 ** 31 - 2
  assert.equal(drain(log, 1).length, RING)
  for (let slot = 1; slot <= 5; slot++) log.record(0, slot)
  assert.deepEqual(drain(log, 1), [1, 2, 3, 4, 5])
})
