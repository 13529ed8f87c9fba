import type { Clock } from '../shared/clock.js'
import type { CacheError } from '../shared/errors.js'

/** Keys whose failures are remembered; past that, the one that failed longest ago is forgotten. */
const KEYS_MAX = 1024

/** A pause grows to at most this many times the first one. */
const GROWTH_MAX = 32

interface Failed {
  readonly error: CacheError
  readonly pauseMs: number
  readonly untilMs: number
}

/**
 * Keys whose last load failed, and how long to leave the source alone: a pause that doubles with every failure in a row.
 * A pause that is over, and was so for as long as it lasted, is forgotten: the next failure is a first one.
 */
export class Backoff {
  readonly #firstMs: number
  readonly #clock: Clock
  readonly #failed = new Map<string, Failed>()

  constructor(firstMs: number, clock: Clock) {
    this.#firstMs = firstMs
    this.#clock = clock
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#failed.size
  }

  /** Why the key is not to be loaded now; undefined when it may be. */
  errorOf(key: string): CacheError | undefined {
    const failed = this.#failed.get(key)
    return failed && this.#clock.nowMs() < failed.untilMs ? failed.error : undefined
  }

  /** The source failed for that key. */
  fail(key: string, error: CacheError): void {
    const nowMs = this.#clock.nowMs()
    const last = this.#failed.get(key)
    const pauseMs =
      last && nowMs < last.untilMs + last.pauseMs
        ? Math.min(last.pauseMs * 2, this.#firstMs * GROWTH_MAX)
        : this.#firstMs
    // Taken out first, so that the order of the map is that of the failures.
    this.#failed.delete(key)
    if (this.#failed.size === KEYS_MAX) this.#failed.delete(this.#failed.keys().next().value!)
    this.#failed.set(key, { error, pauseMs, untilMs: nowMs + pauseMs })
  }

  /** The key was loaded, or deleted: the next failure is a first one. */
  forget(key: string): void {
    this.#failed.delete(key)
  }

  forgetAll(): void {
    this.#failed.clear()
  }
}
