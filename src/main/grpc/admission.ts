import type { Defer } from '../sockets/transport.js'
import type { SendQueue } from './http2/send-queue.js'
import type { TimeShare } from './http2/time-share.js'

/** Starts a call. True when its reply, if it has one, is in the queue already; false when it may take a moment. */
export type Start = () => boolean

/** What starts calls, and when. */
export interface AdmissionContext {
  readonly defer: Defer
  readonly time: TimeShare
  /** Around calls that are started together: what they answer at once is written together. */
  batch(work: () => void): void
}

/**
 * Starts the calls of a connection, first come, first served. Not in the middle of a read: what is reset by a frame that
 * came with it never starts. For a slice of time at once: a hundred calls that cost something do not hold up other
 * connections. And none while the connection has more replies waiting than it takes: what is not started needs no memory
 * for its reply. Frames are still read then, because it is they that let the replies go.
 */
export class Admission {
  readonly #queue: SendQueue
  readonly #context: AdmissionContext
  #waiting: Start[] = []
  #isPlanned = false
  #isStarting = false
  /** The queue was crowded, and who waited then has not all started: nobody may pass them. */
  #isHeld = false

  constructor(queue: SendQueue, context: AdmissionContext) {
    this.#queue = queue
    this.#context = context
    const startLater = (): void => this.#startLater()
    queue.onRoom = startLater
  }

  /** True while what can be answered at once may be. */
  get open(): boolean {
    return !this.#isHeld && !this.#queue.crowded
  }

  /** Starts a call in its turn: after this read, or when there is room. */
  admit(start: Start): void {
    // One whose turn it is, under another name.
    if (this.#isStarting) {
      start()
      return
    }
    this.#waiting.push(start)
    if (this.#queue.crowded) this.#isHeld = true
    else this.#plan(this.#context.defer)
  }

  /** The connection is over. */
  clear(): void {
    this.#waiting = []
  }

  #startLater(): void {
    if (this.#waiting.length > 0) this.#plan((run) => this.#context.time.later(run))
  }

  #plan(defer: Defer): void {
    if (this.#isPlanned) return
    this.#isPlanned = true
    defer(this.#run)
  }

  readonly #run = (): void => {
    this.#isPlanned = false
    if (this.#waiting.length === 0) return
    const { time, batch } = this.#context
    time.begin()
    batch(this.#start)
    if (!this.#queue.crowded) this.#startLater()
  }

  readonly #start = (): void => {
    const { time } = this.#context
    this.#isStarting = true
    while (this.#waiting.length > 0 && !this.#queue.crowded) {
      const isAnswered = this.#waiting.shift()!()
      // A reply that takes a moment must be in the queue before the next call is looked at.
      if ((this.#isHeld && !isAnswered) || time.over()) break
    }
    this.#isStarting = false
    this.#isHeld = this.#waiting.length > 0 && (this.#isHeld || this.#queue.crowded)
  }
}
