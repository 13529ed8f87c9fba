import type { TimeShare } from './http2/time-share.js'

/** Ids of requests that have gone meanwhile are kept until they are so many more than those that have not. */
const STALE_MAX = 1024

/** What the queue needs of its connection. */
export interface RoomQueueContext {
  readonly time: TimeShare
  /** Around replies that are written together. */
  batch(work: () => void): void
  /** False: the request of that stream has gone, or waits for something else. */
  isWaiting(streamId: number): boolean
  /** Tries to answer it. False: there is no room for its reply yet, nor for those behind it. */
  retry(streamId: number): boolean
}

/**
 * Requests that wait until their connection can send, by the numbers of their streams: first come, first served, for a
 * slice of time at once. What waits here has no reply yet.
 */
export class RoomQueue {
  readonly #context: RoomQueueContext
  #streamIds: number[] = []
  #head = 0
  #isPlanned = false
  #isStopped = false

  constructor(context: RoomQueueContext) {
    this.#context = context
  }

  get isEmpty(): boolean {
    return this.#head === this.#streamIds.length
  }

  /** @param waitingCount how many requests of the connection wait, at most */
  add(streamId: number, waitingCount: number): void {
    this.#streamIds.push(streamId)
    if (this.#streamIds.length - this.#head > waitingCount + STALE_MAX) {
      this.#streamIds = this.#streamIds.slice(this.#head).filter((id) => this.#context.isWaiting(id))
      this.#head = 0
    }
  }

  /** There may be room: the first have their turn soon. */
  wake(): void {
    if (this.#isPlanned || this.isEmpty) return
    this.#isPlanned = true
    this.#context.time.later(this.#run)
  }

  /** The connection is over. */
  clear(): void {
    this.#streamIds = []
    this.#head = 0
  }

  readonly #run = (): void => {
    this.#isPlanned = false
    if (this.isEmpty) return
    this.#context.time.begin()
    this.#context.batch(this.#serve)
    if (!this.#isStopped) this.wake()
  }

  readonly #serve = (): void => {
    const { time } = this.#context
    this.#isStopped = false
    do {
      this.#isStopped = !this.#context.retry(this.#streamIds[this.#head]!)
      if (!this.#isStopped) this.#head++
    } while (!this.#isStopped && !this.isEmpty && !time.over())
    if (this.isEmpty) {
      this.clear()
    } else if (this.#head > STALE_MAX) {
      this.#streamIds.splice(0, this.#head)
      this.#head = 0
    }
  }
}
