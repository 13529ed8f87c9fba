import { RING_WORDS } from '../shared/store/access-log.js'
import { type EntryViews, keyAt, keyLengthAt } from '../shared/store/entry.js'
import { DueSlots } from './due-slots.js'
import type { StoreIndex } from './store-index.js'
import type { StoreParts } from './store-parts.js'
import type { StorePolicy } from './store-policy.js'

/**
 * Hints that a write takes of each thread. Where there are more hits to a write, misses are so rare that a sample of the
 * hits tells what is used; all of them would cost the owner more than what it writes.
 */
const HINTS_PER_WRITE = 64

/** What readers say of the entries that they found, late and incomplete, and who is told of it. */
export class StoreHints {
  readonly #views: EntryViews
  readonly #index: StoreIndex
  readonly #policy: StorePolicy
  readonly #parts: StoreParts
  readonly #due: DueSlots
  readonly #onHint = (slot: number): void => this.#take(slot)

  constructor(views: EntryViews, index: StoreIndex, policy: StorePolicy, parts: StoreParts) {
    this.#views = views
    this.#index = index
    this.#policy = policy
    this.#parts = parts
    this.#due = new DueSlots(views, index, parts.clock, parts.refreshAhead ?? 0)
  }

  /** Takes all that readers left and nobody took yet. */
  drain(): void {
    this.#parts.accessLog.drain(this.#parts.threadCount(), RING_WORDS, this.#onHint)
  }

  /** Takes the oldest of it, so that a write costs little more than itself. */
  drainSome(): void {
    this.#parts.accessLog.drain(this.#parts.threadCount(), HINTS_PER_WRITE, this.#onHint)
  }

  /** As DueSlots.take(). */
  takeDue(): Uint8Array[] {
    return this.#due.take()
  }

  #take(slot: number): void {
    const place = this.#index.placeOf(slot)
    // By now the slot may be empty.
    if (place === 0) return
    this.#policy.current.onHit(slot)
    this.#due.hit(slot)
    const start = keyAt(this.#views, place)
    const end = start + keyLengthAt(this.#views, place)
    this.#parts.events.onHit(this.#index.hashAt(place), this.#views.bytes, start, end)
  }
}
