import { Cancel, type CancelSignal } from './cancel.js'
import { CacheError } from './errors.js'
import { TIMER_MS_MAX } from './limits.js'

/** What the work of a flight is told. */
export interface FlightContext {
  /** Aborted when the last waiter has gone. */
  readonly signal: CancelSignal
  /** Time that the first waiter has, in ms; others may have more. */
  readonly deadlineMs: number
  /** True once the key was forgotten: the result is for the waiters alone and must not be kept. */
  isForgotten(): boolean
}

/** One who waits for a flight, and for how long. */
export interface Waiter {
  /** Milliseconds until it goes away with DEADLINE_EXCEEDED. Default: it stays. */
  readonly deadlineMs?: number
  /** When aborted, it goes away with CANCELLED. */
  readonly signal?: CancelSignal
}

/** A call's share in a flight. */
export interface Boarding<T> {
  readonly result: Promise<T>
  /** True for the call that started the work. */
  readonly isFirst: boolean
}

/**
 * One piece of work per key at a time, shared by all who ask for the key meanwhile. A flight always ends: whether the
 * work throws, rejects or never settles, its key is free again when the work is over or the last waiter has gone.
 * Each waiter has a deadline of its own; one that goes away takes nothing from the others.
 */
export class Singleflight<T> {
  readonly #flights = new Map<string, Flight<T>>()

  /** Flights under way. */
  get size(): number {
    return this.#flights.size
  }

  /** True while there is a flight of `key`. */
  has(key: string): boolean {
    return this.#flights.has(key)
  }

  /** Joins the flight of `key`; `work` runs if there is none. */
  join(key: string, waiter: Waiter, work: (context: FlightContext) => Promise<T>): Boarding<T> {
    const under = this.#flights.get(key)
    const flight = under ?? this.#start(key, waiter, work)
    return { result: flight.wait(waiter), isFirst: under === undefined }
  }

  /** From now on, `key` has no flight: who waits for the old one still gets its result, who asks next starts anew. */
  forget(key: string): void {
    this.#flights.get(key)?.forget()
    this.#flights.delete(key)
  }

  /** forget() for every key. */
  forgetAll(): void {
    for (const flight of this.#flights.values()) flight.forget()
    this.#flights.clear()
  }

  #start(key: string, waiter: Waiter, work: (context: FlightContext) => Promise<T>): Flight<T> {
    const land = (): void => {
      if (this.#flights.get(key) === flight) this.#flights.delete(key)
    }
    const flight = new Flight<T>(land)
    this.#flights.set(key, flight)
    flight.run(work, waiter.deadlineMs ?? Number.POSITIVE_INFINITY)
    return flight
  }
}

class Flight<T> {
  readonly #cancel = new Cancel()
  readonly #land: () => void
  readonly #waiters = new Set<{ resolve(value: T): void; reject(error: unknown): void }>()
  #isForgotten = false

  constructor(land: () => void) {
    this.#land = land
  }

  run(work: (context: FlightContext) => Promise<T>, deadlineMs: number): void {
    // Through a promise, so that work that throws at once is no different from work that rejects.
    const context = { signal: this.#cancel, deadlineMs, isForgotten: () => this.#isForgotten }
    Promise.resolve(context)
      .then((told) => {
        // Who came with an aborted signal has gone by now.
        if (this.#cancel.aborted) throw this.#cancel.reason
        return work(told)
      })
      .then(
        (value) => this.#settle((waiter) => waiter.resolve(value)),
        (error: unknown) => this.#settle((waiter) => waiter.reject(error)),
      )
  }

  forget(): void {
    this.#isForgotten = true
  }

  wait({ deadlineMs = Number.POSITIVE_INFINITY, signal }: Waiter): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = (error: CacheError): void => {
        done()
        reject(error)
        if (this.#waiters.size === 0) this.#abandon(error)
      }
      const cancel = (): void => leave(new CacheError('CANCELLED', 'The caller went away'))
      const expire = (): void =>
        leave(new CacheError('DEADLINE_EXCEEDED', `No answer within ${deadlineMs} ms`))
      const timer = deadlineMs <= TIMER_MS_MAX ? setTimeout(expire, deadlineMs) : undefined
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', cancel)
        this.#waiters.delete(waiter)
      }
      const waiter = {
        resolve(value: T) {
          done()
          resolve(value)
        },
        reject(error: unknown) {
          done()
          reject(error)
        },
      }
      this.#waiters.add(waiter)
      if (signal?.aborted) cancel()
      else signal?.addEventListener('abort', cancel)
    })
  }

  #settle(tell: (waiter: { resolve(value: T): void; reject(error: unknown): void }) => void): void {
    this.#land()
    for (const waiter of [...this.#waiters]) tell(waiter)
  }

  #abandon(reason: CacheError): void {
    this.#land()
    this.#cancel.abort(reason)
  }
}
