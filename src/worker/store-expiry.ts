import type { Clock } from '../shared/clock.js'
import { type EntryViews, isRenewable, isTimed, timeLeftMs } from '../shared/store/entry.js'
import type { StoreIndex } from './store-index.js'
import { TimerWheel } from './timer-wheel.js'

/**
 * Times to live of a store's entries. An entry that expired is kept for a while when it may be served stale, and then
 * leaves by the timer wheel.
 */
export class StoreExpiry {
  readonly #views: EntryViews
  readonly #index: StoreIndex
  readonly #clock: Clock
  readonly #staleMs: number
  readonly #wheel: TimerWheel

  /** @param staleMs how long renewable entries are kept after their time to live */
  constructor(views: EntryViews, index: StoreIndex, slotCountMax: number, clock: Clock, staleMs: number) {
    this.#views = views
    this.#index = index
    this.#clock = clock
    this.#staleMs = staleMs
    this.#wheel = new TimerWheel(slotCountMax, clock.nowMs())
  }

  /** Bytes of state per slot: none until the first entry that expires. */
  get bytesPerSlot(): number {
    return this.#wheel.bytesPerSlot
  }

  /** Before the first entry that expires is given a place: from here on slots cost memory. */
  activate(): void {
    this.#wheel.activate()
  }

  /** Takes up the entry in `slot`, if it expires. */
  insert(slot: number): void {
    if (isTimed(this.#views, this.#index.placeOf(slot))) this.#wheel.insert(slot, this.#removedAtMs(slot))
  }

  remove(slot: number): void {
    this.#wheel.remove(slot)
  }

  clear(): void {
    this.#wheel.clear()
  }

  /** Hands over at most `countMax` slots whose entries are neither fresh nor stale any more. Returns how many. */
  advance(countMax: number, onExpire: (slot: number) => void): number {
    return this.#wheel.advance(
      this.#clock.nowMs(),
      countMax,
      (slot) => this.#removedAtMs(slot),
      (slot) => onExpire(slot),
    )
  }

  /** 0 or less when the entry is stale, for so long; Infinity when it has no time to live. */
  ttlLeftMs(place: number): number {
    if (!isTimed(this.#views, place)) return Number.POSITIVE_INFINITY
    return timeLeftMs(this.#views, place, this.#clock.nowMs())
  }

  /** True when an entry with so much time left may be served, fresh or stale. */
  isUsable(place: number, ttlLeftMs: number): boolean {
    return ttlLeftMs > -this.#staleMsOf(place)
  }

  #staleMsOf(place: number): number {
    return isRenewable(this.#views, place) ? this.#staleMs : 0
  }

  /** The full time at which a timed entry, stale by then, is removed: its 32 bits, put beside the clock. */
  #removedAtMs(slot: number): number {
    const place = this.#index.placeOf(slot)
    const nowMs = this.#clock.nowMs()
    return nowMs + timeLeftMs(this.#views, place, nowMs) + this.#staleMsOf(place)
  }
}
