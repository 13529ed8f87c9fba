import type { Clock } from '../../../shared/clock.js'
import { TIMER_MS_MAX } from '../timeout.js'

/** What has a deadline. */
export interface Deadlined {
  /** On the clock of the {@link Deadlines}; Infinity for none. */
  readonly deadlineAtMs: number
  /** Its place among the others, theirs to keep; −1 while it has none. */
  heapIndex: number
  onDeadline(): void
}

/**
 * Any number of deadlines on one timer: a binary heap, nearest first. The timer is only ever moved forward: when what it
 * was set for is gone it fires for nothing and is set anew, which costs less than moving it with every call.
 */
export class Deadlines {
  private readonly clock: Clock
  private readonly heap: Deadlined[] = []
  private timer: NodeJS.Timeout | undefined
  private timerAtMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.clock = clock
  }

  add(item: Deadlined, nowMs: number): void {
    if (item.deadlineAtMs === Number.POSITIVE_INFINITY) return
    this.heap.push(item)
    this.rise(item, this.heap.length - 1)
    if (item.deadlineAtMs < this.timerAtMs) this.setTimer(item.deadlineAtMs, nowMs)
  }

  remove(item: Deadlined): void {
    const index = item.heapIndex
    if (index < 0) return
    item.heapIndex = -1
    const last = this.heap.pop()!
    if (last === item) return
    this.rise(last, index)
    this.sink(last, last.heapIndex)
  }

  /** Forgets all of them and the timer. */
  clear(): void {
    for (const item of this.heap) item.heapIndex = -1
    this.heap.length = 0
    clearTimeout(this.timer)
    this.timerAtMs = Number.POSITIVE_INFINITY
  }

  private setTimer(atMs: number, nowMs: number): void {
    clearTimeout(this.timer)
    this.timerAtMs = atMs
    const waitMs = Math.min(TIMER_MS_MAX, Math.max(1, Math.ceil(atMs - nowMs)))
    // Whoever waits for a call has a socket open; what is left of the timer must not keep the process.
    this.timer = setTimeout(this.onTimer, waitMs).unref()
  }

  private readonly onTimer = (): void => {
    const nowMs = this.clock.nowMs()
    this.timerAtMs = Number.POSITIVE_INFINITY
    for (let first = this.heap[0]; first !== undefined && first.deadlineAtMs <= nowMs; first = this.heap[0]) {
      this.remove(first)
      first.onDeadline()
    }
    const nearest = this.heap[0]
    if (nearest !== undefined && nearest.deadlineAtMs < this.timerAtMs)
      this.setTimer(nearest.deadlineAtMs, nowMs)
  }

  private rise(item: Deadlined, start: number): void {
    const { heap } = this
    let index = start
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]!
      if (parent.deadlineAtMs <= item.deadlineAtMs) break
      this.place(parent, index)
      index = above
    }
    this.place(item, index)
  }

  private sink(item: Deadlined, start: number): void {
    const { heap } = this
    let index = start
    for (;;) {
      let below = 2 * index + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && heap[below + 1]!.deadlineAtMs < heap[below]!.deadlineAtMs) below++
      const child = heap[below]!
      if (child.deadlineAtMs >= item.deadlineAtMs) break
      this.place(child, index)
      index = below
    }
    this.place(item, index)
  }

  private place(item: Deadlined, index: number): void {
    this.heap[index] = item
    item.heapIndex = index
  }
}
