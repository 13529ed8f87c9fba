import type { Clock } from '../shared/clock.js'
import { type EntryViews, isRenewable, lifetimeMs, timeLeftMs } from '../shared/store/entry.js'
import type { StoreIndex } from './store-index.js'

/** Entries that fall due between two looks at them; more are left out and fall due with their next hit. */
const COUNT_MAX = 1024

/**
 * Entries that were hit in the last part of their time to live, so that they are worth being loaded again before it is
 * over. They become known from the readers' hints: no hit pays for it, and no message is sent. A hint can be lost when
 * a thread hits hundreds of entries between two drains; the entry then falls due with its next hit.
 */
export class DueSlots {
  readonly #views: EntryViews
  readonly #index: StoreIndex
  readonly #clock: Clock
  readonly #share: number
  readonly #slots = new Set<number>()

  /** @param share the last part of a time to live, 0…1; 0: nothing falls due */
  constructor(views: EntryViews, index: StoreIndex, clock: Clock, share: number) {
    this.#views = views
    this.#index = index
    this.#clock = clock
    this.#share = share
  }

  /** The entry in `slot` was hit. The slot may be empty by now, or hold another entry. */
  hit(slot: number): void {
    if (this.#share === 0 || this.#slots.size === COUNT_MAX) return
    if (this.#isDue(slot)) this.#slots.add(slot)
  }

  /** Keys of the entries that fell due since the last call, as far as they are there. */
  take(): Uint8Array[] {
    const keys: Uint8Array[] = []
    for (const slot of this.#slots) {
      if (!this.#isDue(slot)) continue
      keys.push(this.#views.bytes.slice(...this.#index.keyRangeAt(this.#index.placeOf(slot))))
    }
    this.#slots.clear()
    return keys
  }

  #isDue(slot: number): boolean {
    const place = this.#index.placeOf(slot)
    if (place === 0 || !isRenewable(this.#views, place)) return false
    const leftMs = timeLeftMs(this.#views, place, this.#clock.nowMs())
    return leftMs < lifetimeMs(this.#views, place) * this.#share
  }
}
