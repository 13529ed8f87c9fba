import { setImmediate as nextTurn } from 'node:timers/promises'
import { CacheError } from '../shared/errors.js'
import type { StoreMemory } from '../shared/messages.js'
import type { PolicyFactory } from './policy/policy.js'
import type { Put, PutResult } from './put.js'
import type { Resident } from './resident.js'
import type { Found, StoreWriter } from './store-writer.js'

/** Work between two turns of the event loop: so many entries, or so many bytes of them. */
const STEP_COUNT_MAX = 512
const STEP_BYTES_MAX = 1 << 20

/** How a {@link MovingStore} comes by its stores. */
export interface MovingStoreParts {
  readonly memory: StoreMemory
  readonly open: (memory: StoreMemory) => StoreWriter
  readonly hashOf: (key: Uint8Array) => number
  /** An entry was left behind: it would not fit. */
  readonly onLeftBehind: () => void
}

/**
 * A store that can move to other memory, of another size, while it is used.
 *
 *     resting ──moveTo()──► copying ──► copied ──settle()──► resting, in the new memory or in the old
 *
 * Until settle(), readers may look into either memory. A new value goes to the new one, and its key leaves the old one
 * first; a removal takes from both. So both never tell two different values of a key, and whoever misses asks the owner,
 * who looks into both. When the owner dies before settle(), the old memory is whole, but for what changed meanwhile.
 *
 * Entries are copied in the order in which the policy would give them up, so that it keeps them in that order.
 */
export class MovingStore {
  readonly #parts: MovingStoreParts
  #memory: StoreMemory
  #store: StoreWriter
  #target: { readonly memory: StoreMemory; readonly store: StoreWriter } | undefined
  /** Slots were numbered anew in the middle of a sweep. */
  #hasMoved = false

  constructor(parts: MovingStoreParts) {
    this.#parts = parts
    this.#memory = parts.memory
    this.#store = parts.open(parts.memory)
  }

  /** The store that readers know; on the move, the one that is about to be left. */
  get current(): StoreWriter {
    return this.#store
  }

  get(key: Uint8Array, hash: number): Found | undefined {
    return this.#target?.store.get(key, hash) ?? this.#store.get(key, hash)
  }

  put(put: Put): PutResult {
    if (this.#target) this.#store.remove(put.key, put.hash)
    return this.#newest.put(put)
  }

  remove(key: Uint8Array, hash: number): boolean {
    const isThere = this.#store.remove(key, hash)
    return this.#target?.store.remove(key, hash) || isThere
  }

  clear(): void {
    this.#store.clear()
    this.#target?.store.clear()
  }

  /** As StoreWriter.setPolicy(); what opens stores from here on is to know of it, too. */
  setPolicy(policy: PolicyFactory): void {
    this.#newest.setPolicy(policy)
  }

  /** As StoreWriter.takeDue(). */
  takeDue(): Uint8Array[] {
    return this.#newest.takeDue()
  }

  maintain(countMax: number): number {
    return this.#newest.maintain(countMax)
  }

  /** As StoreWriter.sweep(); waits while entries are on the move, and then begins anew. */
  sweep(from: number, countMax: number, keep: (key: Uint8Array) => boolean): number {
    if (this.#target) return from
    const start = this.#hasMoved ? 1 : from
    this.#hasMoved = false
    return this.#store.sweep(start, countMax, keep)
  }

  /** What is known of a key that is fresh, and what its entry costs, without a trace. */
  inspect(key: Uint8Array, hash: number): { resident: Resident; costBytes: number } | undefined {
    for (const store of [this.#newest, this.#store]) {
      const slot = store.slotOf(key, hash)
      const resident = slot === 0 ? undefined : store.resident(slot)
      if (resident && resident.ttlLeftMs > 0) return { resident, costBytes: store.costBytes(slot) }
    }
    return undefined
  }

  /** Resolves once the entries are in `memory` too. To be followed by {@link settle}. */
  async moveTo(memory: StoreMemory): Promise<void> {
    if (this.#target) throw new CacheError('FAILED_PRECONDITION', 'The store is on the move already')
    const target = { memory, store: this.#parts.open(memory) }
    this.#target = target
    let leftBytes = this.#store.usedBytes
    for (;;) {
      leftBytes = this.#copySome(target.store, leftBytes)
      if (leftBytes < 0) return
      await nextTurn()
      if (this.#target !== target) throw new CacheError('CANCELLED', 'The move was given up')
    }
  }

  /** Ends a move, also one that is still under way. Does nothing when there is none. */
  settle(usesNew: boolean): void {
    if (!this.#target) return
    if (usesNew) {
      this.#memory = this.#target.memory
      this.#store = this.#target.store
    } else {
      // Its policy has forgotten what was copied.
      this.#store = this.#parts.open(this.#memory)
    }
    this.#target = undefined
    this.#hasMoved = true
  }

  get #newest(): StoreWriter {
    return this.#target?.store ?? this.#store
  }

  /** @returns bytes that are left, by the cost of the entries; −1 at the end */
  #copySome(target: StoreWriter, leftBytes: number): number {
    let left = leftBytes
    for (let count = 0, bytes = 0; count < STEP_COUNT_MAX && bytes < STEP_BYTES_MAX; count++) {
      const slot = this.#store.take()
      if (slot < 0) return -1
      const costBytes = this.#store.costBytes(slot)
      const resident = this.#store.resident(slot)
      // What comes first is worth least: it stays behind when the rest fills the new store.
      if (left > target.budgetBytes) this.#parts.onLeftBehind()
      else if (resident) {
        target.put({ ...resident, ttlMs: resident.ttlLeftMs, hash: this.#parts.hashOf(resident.key) })
        bytes += costBytes
      }
      left = Math.max(0, left - costBytes)
    }
    return left
  }
}
