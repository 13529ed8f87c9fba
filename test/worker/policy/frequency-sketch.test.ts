import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashOfKey } from '../../../bench/simulate.js'
import { FrequencySketch } from '../../../src/worker/policy/frequency-sketch.js'

function fitted(entryCount: number): FrequencySketch {
  const sketch = new FrequencySketch()
  for (let count = 1; count <= entryCount; count++) sketch.fit(count)
  return sketch
}

test('FrequencySketch counts to 15 and no further', () => {
  const sketch = fitted(100)
  for (let count = 1; count <= 20; count++) {
    sketch.add(7)
    assert.equal(sketch.frequency(7), Math.min(count, 15))
  }
  assert.equal(sketch.frequency(8), 0)
})

test('FrequencySketch never counts too low before it halves', () => {
  const sketch = fitted(1_000)
  for (let key = 0; key < 1_000; key++) {
    for (let count = 0; count < key % 9; count++) sketch.add(hashOfKey(key))
  }
  let tooHigh = 0
  for (let key = 0; key < 1_000; key++) {
    const frequency = sketch.frequency(hashOfKey(key))
    assert.ok(frequency >= key % 9)
    if (frequency > key % 9) tooHigh++
  }
  assert.ok(tooHigh < 250, `${tooHigh} of 1000 keys are taken for others`)
})

test('FrequencySketch has rows that do not collide together', () => {
  // A key that shares all four counters with another one is told apart by no row. With independent rows that is one
  // pair in 32 ** 4 of a block; with rows that follow each other it would be one in 32.
  let together = 0
  for (let key = 0; key < 4_000; key++) {
    const sketch = new FrequencySketch()
    sketch.add(hashOfKey(key))
    for (let other = 4_000; other < 4_032; other++) together += sketch.frequency(hashOfKey(other))
  }
  // 128 000 pairs: 128 000 / 32 blocks / 32 = 125 are expected of rows that depend on each other, 0.004 of ours.
  assert.ok(together <= 2, `${together} pairs collide in every row`)
})

test('FrequencySketch halves all counts once per sample', () => {
  const sketch = fitted(1_000)
  for (let count = 0; count < 12; count++) sketch.add(1)
  for (let key = 2; key < 9_980; key++) sketch.add(hashOfKey(key))
  assert.ok(sketch.frequency(1) >= 12)
  for (let key = 10_000; key < 10_100; key++) sketch.add(hashOfKey(key))
  assert.ok(sketch.frequency(1) >= 6 && sketch.frequency(1) < 12)
})

test('FrequencySketch keeps its counts while it grows', () => {
  const sketch = fitted(10)
  for (let key = 0; key < 10; key++) for (let count = 0; count <= key; count++) sketch.add(hashOfKey(key))
  const before = Array.from({ length: 10 }, (_, key) => sketch.frequency(hashOfKey(key)))
  for (let count = 11; count <= 5_000; count++) sketch.fit(count)
  const after = Array.from({ length: 10 }, (_, key) => sketch.frequency(hashOfKey(key)))
  assert.deepEqual(after, before)
})

test('FrequencySketch, compact, takes a quarter of the bytes, and still tells what is popular', () => {
  const sketch = new FrequencySketch({ compact: true })
  assert.equal(4 * sketch.bytesPerEntry, new FrequencySketch().bytesPerEntry)
  for (let count = 1; count <= 4_000; count++) sketch.fit(count)
  for (let key = 0; key < 4_000; key++) {
    for (let count = 0; count < (key < 400 ? 9 : 1); count++) sketch.add(hashOfKey(key))
  }
  let mistakenCount = 0
  for (let key = 0; key < 4_000; key++) {
    const frequency = sketch.frequency(hashOfKey(key))
    if (key < 400) assert.ok(frequency >= 9, 'a count is never too low before it halves')
    else if (frequency >= 9) mistakenCount++
  }
  assert.ok(mistakenCount < 400, `${mistakenCount} of 3600 keys are taken for popular ones`)
})
