import { encodeAnswer, type LiveSeries } from '../../../live/live-reply.js'
import { CacheError } from '../../../shared/errors.js'
import type { CounterSample } from '../../node-view.js'
import { STATS_EVERY_MS_MAX, STATS_STEP_MS } from './live-limits.js'
import type { LiveParts } from './live-parts.js'

/** Who gets live statistics. */
export interface StatsListener {
  /** False while it takes none: then it is passed over. */
  readonly isReady: () => boolean
  /** @param answer of a LiveReply, to which the listener adds its id; the same bytes for all */
  readonly take: (answer: Uint8Array) => void
  readonly fail: (error: CacheError) => void
}

interface Subscription extends StatsListener {
  /** In steps of {@link STATS_STEP_MS}. */
  readonly everySteps: number
  /** Version of the series that it was told last. */
  toldVersion: number
  /** Step at which it is due. */
  dueStep: number
}

/**
 * Live statistics of one thread. The counters are read and encoded once per step at which somebody is due, however many
 * there are; nothing is read while nobody is.
 */
export class StatsFeed {
  readonly #parts: Pick<LiveParts, 'node' | 'clock' | 'every'>
  readonly #startedMs: number
  readonly #subscriptions = new Set<Subscription>()
  #series: LiveSeries[] = []
  #version = 0
  #step = 0
  #stop: (() => void) | undefined
  #isReading = false

  constructor(parts: Pick<LiveParts, 'node' | 'clock' | 'every'>) {
    this.#parts = parts
    this.#startedMs = parts.clock.nowMs()
  }

  /** @returns what ends it */
  subscribe(everyMs: number, listener: StatsListener): () => void {
    const steps = Math.ceil(Math.min(everyMs, STATS_EVERY_MS_MAX) / STATS_STEP_MS)
    const subscription = {
      ...listener,
      everySteps: Math.max(1, steps),
      toldVersion: -1,
      dueStep: this.#step + 1,
    }
    this.#subscriptions.add(subscription)
    this.#stop ??= this.#parts.every(STATS_STEP_MS, () => this.#tick())
    return () => {
      this.#subscriptions.delete(subscription)
      if (this.#subscriptions.size > 0) return
      this.#stop?.()
      this.#stop = undefined
    }
  }

  #tick(): void {
    this.#step++
    // One look at a time: a thread that hears late from the main thread must not ask again and again.
    if (this.#isReading) return
    const due = [...this.#subscriptions].filter(({ dueStep }) => dueStep <= this.#step)
    if (due.length === 0) return
    for (const subscription of due) subscription.dueStep = this.#step + subscription.everySteps
    const ready = due.filter(({ isReady }) => isReady())
    if (ready.length > 0) void this.#send(ready)
  }

  async #send(ready: readonly Subscription[]): Promise<void> {
    this.#isReading = true
    try {
      const counters = [...(await this.#parts.node.counters())]
      this.#setSeries(counters)
      const atMs = this.#parts.clock.nowMs() - this.#startedMs
      const values = counters.map(({ value }) => value)
      let [brief, full]: (Uint8Array | undefined)[] = []
      for (const subscription of ready) {
        if (!this.#subscriptions.has(subscription)) continue
        const knowsSeries = subscription.toldVersion === this.#version
        subscription.toldVersion = this.#version
        if (knowsSeries) {
          brief ??= encodeAnswer({ kind: 'liveStats', stats: { atMs, series: undefined, values } })
        } else full ??= encodeAnswer({ kind: 'liveStats', stats: { atMs, series: this.#series, values } })
        subscription.take((knowsSeries ? brief : full)!)
      }
    } catch (thrown) {
      const error = CacheError.from(thrown, 'UNAVAILABLE')
      for (const subscription of ready) if (this.#subscriptions.has(subscription)) subscription.fail(error)
    } finally {
      this.#isReading = false
    }
  }

  #setSeries(counters: readonly CounterSample[]): void {
    const isSame =
      counters.length === this.#series.length &&
      counters.every(({ name, group, shard }, index) => {
        const known = this.#series[index]!
        return known.name === name && known.group === group && known.shard === shard
      })
    if (isSame) return
    this.#series = counters.map(({ name, group, shard }) => ({ name, group, shard }))
    this.#version++
  }
}
