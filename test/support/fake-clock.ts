import type { Clock } from '../../src/shared/clock.js'

/** A clock that moves when it is told to. */
export class FakeClock implements Clock {
  #nowMs: number

  constructor(nowMs = 1_000_000) {
    this.#nowMs = nowMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  advance(byMs: number): void {
    this.#nowMs += byMs
  }
}
