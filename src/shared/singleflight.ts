import { Cancel, type CancelSignal } from './cancel.js'
import { CacheError } from './errors.js'
import { TIMER_MS_MAX } from './limits.js'
import { TransientMap } from './transient-map.js'

/** What the work of a flight is told. */
export interface FlightContext {
  readonly key: string
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
  readonly #flights = new TransientMap<string, Flight<T>>()
  readonly #land = (flight: Flight<T>): void => {
    if (this.#flights.get(flight.key) === flight) this.#flights.delete(flight.key)
  }

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
    const flight = new Flight<T>(key, waiter.deadlineMs ?? Number.POSITIVE_INFINITY, this.#land)
    this.#flights.set(key, flight)
    void flight.run(work)
    return flight
  }
}

/** The place of one who waits for a flight. */
interface Seat<T> {
  readonly resolve: (value: T) => void
  readonly reject: (error: unknown) => void
  readonly signal: CancelSignal | undefined
  timer: NodeJS.Timeout | undefined
  cancel: (() => void) | undefined
}

class Flight<T> implements FlightContext {
  readonly key: string
  readonly deadlineMs: number
  readonly #cancel = new Cancel()
  readonly #land: (flight: Flight<T>) => void
  readonly #seats = new Set<Seat<T>>()
  #isForgotten = false

  constructor(key: string, deadlineMs: number, land: (flight: Flight<T>) => void) {
    this.key = key
    this.deadlineMs = deadlineMs
    this.#land = land
  }

  get signal(): CancelSignal {
    return this.#cancel
  }

  isForgotten(): boolean {
    return this.#isForgotten
  }

  async run(work: (context: FlightContext) => Promise<T>): Promise<void> {
    try {
      // The first waiter is to be seated before the work can end; who came with an aborted signal has gone by then.
      await undefined
      if (this.#cancel.aborted) throw this.#cancel.reason
      const value = await work(this)
      this.#settle((seat) => seat.resolve(value))
    } catch (error) {
      this.#settle((seat) => seat.reject(error))
    }
  }

  forget(): void {
    this.#isForgotten = true
  }

  wait({ deadlineMs = Number.POSITIVE_INFINITY, signal }: Waiter): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const seat: Seat<T> = { resolve, reject, signal, timer: undefined, cancel: undefined }
      this.#seats.add(seat)
      if (deadlineMs <= TIMER_MS_MAX) {
        seat.timer = setTimeout(() => {
          this.#leave(seat, new CacheError('DEADLINE_EXCEEDED', `No answer within ${deadlineMs} ms`))
        }, deadlineMs)
      }
      if (!signal) return
      const cancel = (): void => this.#leave(seat, new CacheError('CANCELLED', 'The caller went away'))
      seat.cancel = cancel
      if (signal.aborted) cancel()
      else signal.addEventListener('abort', cancel)
    })
  }

  #leave(seat: Seat<T>, error: CacheError): void {
    this.#free(seat)
    seat.reject(error)
    if (this.#seats.size > 0) return
    this.#land(this)
    this.#cancel.abort(error)
  }

  #free(seat: Seat<T>): void {
    clearTimeout(seat.timer)
    if (seat.cancel) seat.signal?.removeEventListener('abort', seat.cancel)
    this.#seats.delete(seat)
  }

  #settle(tell: (seat: Seat<T>) => void): void {
    this.#land(this)
    for (const seat of [...this.#seats]) {
      this.#free(seat)
      tell(seat)
    }
  }
}
