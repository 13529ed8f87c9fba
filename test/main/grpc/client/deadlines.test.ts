import assert from 'node:assert/strict'
import { describe, it, mock } from 'node:test'
import { type Deadlined, Deadlines } from '../../../../src/main/grpc/client/deadlines.js'
import { FakeClock } from '../../../support/fake-clock.js'
import { Prng, seedOf } from '../../../support/prng.js'

class Item implements Deadlined {
  heapIndex = -1
  readonly deadlineAtMs: number
  readonly #onDeadline: (item: Item) => void

  constructor(deadlineAtMs: number, onDeadline: (item: Item) => void) {
    this.deadlineAtMs = deadlineAtMs
    this.#onDeadline = onDeadline
  }

  onDeadline(): void {
    this.#onDeadline(this)
  }
}

describe('deadlines', () => {
  it('pass in order and on time, removed ones never, whatever order they are added and removed in', () => {
    mock.timers.enable({ apis: ['setTimeout'] })
    try {
      const random = new Prng(seedOf())
      const clock = new FakeClock(0)
      const deadlines = new Deadlines(clock)
      const open = new Set<Item>()
      const pass = (item: Item) => {
        assert.ok(open.delete(item), 'A removed deadline passed')
        assert.ok(item.deadlineAtMs <= clock.nowMs(), 'A deadline passed early')
      }
      for (let step = 0; step < 20_000; step++) {
        const [some] = open
        const choice = random.below(3)
        if (choice === 0) {
          const endless = random.below(20) === 0
          const item = new Item(
            endless ? Number.POSITIVE_INFINITY : clock.nowMs() + 1 + random.below(500),
            pass,
          )
          if (!endless) open.add(item)
          deadlines.add(item, clock.nowMs())
        } else if (choice === 1 && some !== undefined) {
          open.delete(some)
          deadlines.remove(some)
          deadlines.remove(some)
        } else {
          clock.advance(1)
          mock.timers.tick(1)
          for (const item of open) assert.ok(item.deadlineAtMs > clock.nowMs(), 'A deadline did not pass')
        }
      }
      // Whatever chance has left: one at least must be forgotten.
      deadlines.add(new Item(clock.nowMs() + 1, pass), clock.nowMs())
      deadlines.clear()
      clock.advance(1000)
      mock.timers.tick(1000)
    } finally {
      mock.timers.reset()
    }
  })
})
