import type { Clock } from '../clock.js'
import type { Epochs } from './epoch.js'

/**
 * The pin of one thread, which may be entered again while it is held: a front pins once for all requests of one socket
 * read, and what it calls need not know. As a clock it stands still while it is held: all requests of that read are
 * served at one time, and asking for it costs nothing.
 */
export class ReaderPin implements Clock {
  readonly #epochs: Epochs
  readonly #thread: number
  readonly #clock: Clock
  #depth = 0
  #epoch = 0
  #nowMs = Number.NaN

  constructor(epochs: Epochs, thread: number, clock: Clock) {
    this.#epochs = epochs
    this.#thread = thread
    this.#clock = clock
  }

  /** To be followed by leave() in the same synchronous stretch of code, whatever happens. */
  enter(): void {
    if (this.#depth++ === 0) this.#epoch = this.#epochs.pin(this.#thread)
  }

  leave(): void {
    if (--this.#depth > 0) return
    this.#epochs.unpin(this.#thread)
    this.#nowMs = Number.NaN
  }

  /**
   * That of the pin which is held, or was held last. Two finds of one place in one store, under pins of the same epoch,
   * found the same bytes: an owner overwrites what it has retired, and retiring begins a new epoch.
   */
  get epoch(): number {
    return this.#epoch
  }

  nowMs(): number {
    if (this.#depth === 0) return this.#clock.nowMs()
    if (Number.isNaN(this.#nowMs)) this.#nowMs = this.#clock.nowMs()
    return this.#nowMs
  }
}
