import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimerWheel } from '../../src/worker/timer-wheel.js'
import { Prng, seedOf } from '../support/prng.js'

const SLOT_COUNT_MAX = 300
/** The wheel may be this late, and never early. */
const TICK_MS = 16

/** A wheel beside a plain map of slot to time. */
class Pair {
  readonly times = new Map<number, number>()
  readonly wheel: TimerWheel
  nowMs: number

  constructor(nowMs: number) {
    this.nowMs = nowMs
    this.wheel = new TimerWheel(SLOT_COUNT_MAX, nowMs)
  }

  insert(slot: number, ttlMs: number): void {
    this.times.set(slot, this.nowMs + ttlMs)
    this.wheel.insert(slot, this.nowMs + ttlMs)
  }

  remove(slot: number): void {
    this.times.delete(slot)
    this.wheel.remove(slot)
  }

  /** Moves on and asserts that every slot came that had to, and none that must not. */
  advance(byMs: number, countMax = SLOT_COUNT_MAX): number {
    this.nowMs += byMs
    const count = this.wheel.advance(
      this.nowMs,
      countMax,
      (slot) => this.times.get(slot)!,
      (slot) => {
        const time = this.times.get(slot)
        assert.ok(time !== undefined, `slot ${slot} came but is not in the wheel`)
        assert.ok(time <= this.nowMs, `slot ${slot} came ${time - this.nowMs} ms early`)
        this.times.delete(slot)
      },
    )
    if (count < countMax) this.assertNoneLate()
    return count
  }

  assertNoneLate(): void {
    for (const [slot, time] of this.times)
      assert.ok(time > this.nowMs - 2 * TICK_MS, `slot ${slot} is ${this.nowMs - time} ms late`)
  }
}

test('random times, jumps and removals agree with a plain map', () => {
  const random = new Prng(seedOf())
  const ttlsMs = [1, 100, 5000, 70_000, 20 * 60_000, 20 * 3_600_000, 2 ** 31 - 1]
  const jumpsMs = [0, 1, 15, 17, 300, 4200, 66_000, 20 * 60_000, 40 * 3_600_000]
  for (let round = 0; round < 20; round++) {
    const pair = new Pair(random.below(2 ** 40))
    for (let step = 0; step < 1500; step++) {
      const slot = 1 + random.below(SLOT_COUNT_MAX)
      const dice = random.below(10)
      if (dice < 5 && !pair.times.has(slot)) pair.insert(slot, random.below(ttlsMs[random.below(7)]!))
      else if (dice < 7) pair.remove(slot)
      else if (dice < 9) pair.advance(random.below(1 + jumpsMs[random.below(7)]!))
      else if (random.below(20) === 0) pair.advance(random.below(jumpsMs[random.below(9)]! + 1))
    }
    pair.advance(2 ** 31 + 2 * TICK_MS)
    assert.equal(pair.times.size, 0, 'everything expires in the end')
  }
})

test('every boundary between two levels is crossed without a slot early, late or lost', () => {
  for (const level of [1, 2, 3]) {
    for (const startTick of [0, 1, 255, 256, 257, 256 ** 2 - 1]) {
      const pair = new Pair(startTick * TICK_MS)
      const boundaryMs = 256 ** level * TICK_MS
      let slot = 1
      for (const aroundMs of [-17, -16, -1, 0, 1, 15, 16, 17]) pair.insert(slot++, boundaryMs + aroundMs)
      pair.advance(boundaryMs - 40)
      assert.equal(pair.times.size, 8)
      for (let i = 0; i < 6; i++) pair.advance(TICK_MS)
      assert.equal(pair.times.size, 0, `level ${level}, from tick ${startTick}`)
    }
  }
})

test('no more than the given number comes at a time, and the rest with the next calls', () => {
  const pair = new Pair(0)
  for (let slot = 1; slot <= 100; slot++) pair.insert(slot, slot < 60 ? 500 : 500 + slot)
  const counts: number[] = []
  pair.nowMs = 10_000
  for (let count = -1; count !== 0; counts.push(count)) count = pair.advance(0, 30)
  assert.deepEqual(counts, [30, 30, 30, 10, 0])
  assert.equal(pair.times.size, 0)
})

test('a slot whose time is over comes with the next tick; clear() forgets all; idle wheels cost nothing', () => {
  const pair = new Pair(1000)
  assert.equal(pair.wheel.bytesPerSlot, 0)
  assert.equal(pair.advance(365 * 24 * 3_600_000), 0)
  pair.insert(1, -5000)
  assert.ok(pair.wheel.bytesPerSlot > 0)
  assert.equal(pair.advance(2 * TICK_MS), 1)
  pair.insert(2, 50)
  pair.wheel.clear()
  pair.times.clear()
  pair.remove(2)
  assert.equal(pair.advance(1000), 0)
  pair.insert(2, 50)
  assert.equal(pair.advance(100), 1)
})
