import { LEVEL_COUNT } from './service-order.js'
import type { Sharer, TimeSlices } from './time-slices.js'

/** What was used so long ago counts half. */
const HALF_LIFE_MS = 256
/** What newcomers are charged with: whoever comes again and again must not go before those who stay. */
const FIRST_MS = 1
/** There are two levels to a doubling, beginning with so much. */
const LEVELS_PER_DOUBLING = 2
const FIRST_LEVEL_MS = 1 / 16

/** What one connection has of its thread: its slices of time, and how much they came to lately. */
export class TimeShare implements Sharer {
  private readonly slices: TimeSlices
  private usedMs = FIRST_MS
  private asOfMs: number

  constructor(slices: TimeSlices) {
    this.slices = slices
    this.asOfMs = slices.nowMs()
  }

  /** Begins a slice. */
  begin(): void {
    this.slices.begin(this)
  }

  /** As {@link TimeSlices.spent}. */
  spent(): boolean {
    return this.slices.spent()
  }

  /** As {@link TimeSlices.over}. */
  over(): boolean {
    return this.slices.over()
  }

  /** As {@link TimeSlices.lookSoon}. */
  lookSoon(): void {
    this.slices.lookSoon()
  }

  /** As {@link TimeSlices.later}. */
  later(run: () => void): void {
    this.slices.later(run, this)
  }

  use(elapsedMs: number, nowMs: number): void {
    this.fade(nowMs)
    this.usedMs += elapsedMs
  }

  level(nowMs: number): number {
    this.fade(nowMs)
    const level = Math.floor(LEVELS_PER_DOUBLING * Math.log2(1 + this.usedMs / FIRST_LEVEL_MS))
    return Math.min(LEVEL_COUNT - 1, level)
  }

  private fade(nowMs: number): void {
    const halvings = Math.floor((nowMs - this.asOfMs) / HALF_LIFE_MS)
    if (halvings <= 0) return
    this.usedMs *= 2 ** -halvings
    this.asOfMs += halvings * HALF_LIFE_MS
  }
}
