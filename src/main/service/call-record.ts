import type { CacheError } from '../../shared/errors.js'
import type { FrontMetrics } from '../../shared/front-metrics.js'
import { RequestOutcome } from '../../shared/node-metrics.js'
import type { Answer } from '../call.js'

/** Records the calls that go the ordinary way, each with the time from its request to its answer. */
export class CallRecord {
  readonly #metrics: FrontMetrics
  readonly #self: () => string

  /** @param self address of this node */
  constructor(metrics: FrontMetrics, self: () => string) {
    this.#metrics = metrics
    this.#self = self
  }

  /** @param answers what it brought, of each key; none for a call that asked for no value */
  succeeded(startedMs: number, answers: readonly (Answer | CacheError)[]): void {
    if (answers.length > 0) this.#metrics.recordMany(answers, this.#self(), startedMs)
    else this.#metrics.record(RequestOutcome.done, (performance.now() - startedMs) * 1000)
  }

  failed(startedMs: number, thrown: unknown): void {
    this.#metrics.recordError(thrown, (performance.now() - startedMs) * 1000)
  }
}
