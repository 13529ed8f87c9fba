import type { SendQueue } from './http2/send-queue.js'

/** Starts a call. True when its reply, if it has one, is in the queue already; false when it may take a moment. */
export type Start = () => boolean

/**
 * Holds calls back while their connection has more replies waiting than it takes: what is not started needs no memory for
 * its reply. Frames are still read, because it is they that let the replies go. First come, first served: nobody may start
 * a call past those that wait.
 */
export class Admission {
  readonly #queue: SendQueue
  #waiting: Start[] = []
  #planned = false

  constructor(queue: SendQueue) {
    this.#queue = queue
    queue.onRoom = () => this.#plan()
  }

  /** True while calls start at once. */
  get open(): boolean {
    return this.#waiting.length === 0 && !this.#queue.crowded
  }

  /** Starts a call, now or in its turn. */
  admit(start: Start): void {
    if (this.open) start()
    else this.#waiting.push(start)
  }

  /** The connection is over. */
  clear(): void {
    this.#waiting = []
  }

  #plan(): void {
    if (this.#planned || this.#waiting.length === 0) return
    this.#planned = true
    setImmediate(() => {
      this.#planned = false
      // A reply that takes a moment must be in the queue before the next call is looked at.
      while (!this.#queue.crowded && this.#waiting.length > 0) if (!this.#waiting.shift()!()) break
      if (!this.#queue.crowded) this.#plan()
    })
  }
}
