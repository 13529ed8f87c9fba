import type { SendQueue } from './http2/send-queue.js'

/**
 * Holds calls back while their connection has more replies waiting than it takes: what is not started needs no memory for
 * its reply. Frames are still read, because it is they that let the replies go.
 */
export class Admission {
  readonly #queue: SendQueue
  #waiting: (() => void)[] = []
  #planned = false

  constructor(queue: SendQueue) {
    this.#queue = queue
    queue.onRoom = () => this.#plan()
  }

  /** Starts a call, now or in its turn. */
  admit(start: () => void): void {
    if (this.#waiting.length === 0 && !this.#queue.crowded) start()
    else this.#waiting.push(start)
  }

  /** The connection is over. */
  clear(): void {
    this.#waiting = []
  }

  #plan(): void {
    if (this.#planned || this.#waiting.length === 0) return
    this.#planned = true
    // One at a time, so that a reply which takes a moment is in the queue before the next call is looked at.
    setImmediate(() => {
      this.#planned = false
      if (this.#queue.crowded) return
      this.#waiting.shift()?.()
      this.#plan()
    })
  }
}
