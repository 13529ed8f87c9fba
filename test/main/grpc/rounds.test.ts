import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TimeShare } from '../../../src/main/grpc/http2/time-share.js'
import { TimeSlices } from '../../../src/main/grpc/http2/time-slices.js'
import { Rounds } from '../../../src/main/grpc/rounds.js'
import { TransientSet } from '../../../src/shared/transient-set.js'

function setOf(numbers: Iterable<number>): TransientSet<number> {
  const set = new TransientSet<number>()
  for (const number of numbers) set.add(number)
  return set
}

/** Turns of an event loop, in each of which there is time for ten looks at the clock, three in a slice. */
class Turns {
  readonly time: TimeShare
  readonly visited: number[] = []
  private waiting: (() => void)[] = []
  private nowMs = 0

  constructor() {
    const slices = new TimeSlices({
      nowMs: () => {
        this.nowMs += 0.1
        return this.nowMs
      },
      nextTurn: (run) => this.waiting.push(run),
    })
    this.time = new TimeShare(slices)
  }

  next(): boolean {
    const waiting = this.waiting.splice(0)
    for (const run of waiting) run()
    return waiting.length > 0
  }
}

test('a round visits all, a few in each turn, and the next one does so again', () => {
  const turns = new Turns()
  const members = setOf(Array.from({ length: 30 }, (_, index) => index))
  const rounds = new Rounds(members, turns.time, (member) => turns.visited.push(member))
  for (let round = 1; round <= 2; round++) {
    let before = turns.visited.length
    rounds.begin()
    do {
      assert.ok(turns.visited.length - before <= 8)
      before = turns.visited.length
    } while (turns.next())
    assert.deepEqual(turns.visited.slice(30 * (round - 1)), members.values())
  }
})

test('members may leave and come, and a round that is under way is not begun again', () => {
  const turns = new Turns()
  const members = setOf([1, 2, 3, 4, 5, 6])
  const rounds = new Rounds(members, turns.time, (member) => {
    turns.visited.push(member)
    if (member === 2) members.delete(5)
    if (member === 3) members.add(7)
  })
  rounds.begin()
  const first = turns.visited.length
  assert.ok(first < 6)
  rounds.begin()
  assert.equal(turns.visited.length, first)
  while (turns.next());
  assert.deepEqual(turns.visited, [1, 2, 3, 4, 6])
})
