import { CacheError } from '../../shared/errors.js'
import { THREAD_COUNT_MAX } from '../../shared/limits.js'
import type { Epochs } from '../../shared/store/epoch.js'

/** Numbers for the threads that read beside the main thread and the workers: each has its own pin, log and counters. */
export class ThreadNumbers {
  readonly #first: number
  readonly #epochs: Epochs
  readonly #taken = new Set<number>()

  /** @param epochs main thread and workers are admitted already */
  constructor(epochs: Epochs) {
    this.#first = epochs.threadCount
    this.#epochs = epochs
  }

  /** @throws CacheError RESOURCE_EXHAUSTED when all are taken */
  take(): number {
    for (let thread = this.#first; thread < THREAD_COUNT_MAX; thread++) {
      if (this.#taken.has(thread)) continue
      this.#taken.add(thread)
      this.#epochs.admit(thread)
      return thread
    }
    throw new CacheError('RESOURCE_EXHAUSTED', `A node has at most ${THREAD_COUNT_MAX} threads`)
  }

  /** Takes a number back from a thread that has ended, perhaps in the middle of a read. */
  giveBack(thread: number): void {
    this.#epochs.unpin(thread)
    this.#taken.delete(thread)
  }
}
