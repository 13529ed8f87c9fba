import { type EventLoopUtilization, monitorEventLoopDelay, performance } from 'node:perf_hooks'
import { getHeapStatistics } from 'node:v8'
import type { NodeCounterRow } from './node-counters.js'
import { DELAY_PERCENTILES } from './node-metrics.js'

/** How often a thread looks at its own event loop. */
const INTERVAL_MS = 5000

/** How often the delay of the event loop is measured, which a timer of libuv does, not JavaScript. */
const RESOLUTION_MS = 20

/** Tells in a thread's row how busy its event loop is, and how much heap it uses. Keeps no thread alive. */
export class EventLoopMeter {
  readonly #row: NodeCounterRow
  readonly #delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
  readonly #timer: NodeJS.Timeout
  #before: EventLoopUtilization = performance.eventLoopUtilization()

  /** Of the thread that makes it. */
  constructor(row: NodeCounterRow) {
    this.#row = row
    this.#delays.enable()
    this.#timer = setInterval(() => this.update(), INTERVAL_MS).unref()
    this.#tellHeap()
  }

  /** Tells what was since the last time. */
  update(): void {
    const now = performance.eventLoopUtilization()
    this.#row.set('event_loop_utilization', performance.eventLoopUtilization(now, this.#before).utilization)
    this.#before = now
    for (const percentile of DELAY_PERCENTILES) {
      // What is measured is the time between two ticks of the timer.
      const lateMs = Math.max(0, this.#delays.percentile(Number(percentile)) / 1e6 - RESOLUTION_MS)
      this.#row.set('event_loop_delay', lateMs / 1000, [percentile])
    }
    this.#delays.reset()
    this.#tellHeap()
  }

  close(): void {
    clearInterval(this.#timer)
    this.#delays.disable()
  }

  #tellHeap(): void {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics()
    this.#row.set('heap_used', used)
    this.#row.set('heap_limit', limit)
  }
}
