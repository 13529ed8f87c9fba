import { assert } from '../shared/assert.js'
import { ENTRY_SHARE_MAX, TTL_MS_MAX } from '../shared/limits.js'
import {
  type EntryViews,
  entryBytes,
  entryBytesAt,
  isCopy,
  isNotFound,
  valueAt,
  valueLengthAt,
} from '../shared/store/entry.js'
import {
  ENTRY_ALIGN,
  geometryOf,
  HEADER_BYTES,
  Header,
  INDEX_BYTES_PER_ENTRY,
  LAYOUT_VERSION,
} from '../shared/store/layout.js'
import { EntryWriter } from './entry-writer.js'
import { POLICY_GROWTH_BYTES_MAX, type PolicyFactory } from './policy/policy.js'
import type { Put, PutResult } from './put.js'
import { type Resident, residentAt } from './resident.js'
import { StoreExpiry } from './store-expiry.js'
import { StoreHints } from './store-hints.js'
import { forgetStore, StoreIndex } from './store-index.js'
import { StoreLog } from './store-log.js'
import type { StoreParts } from './store-parts.js'
import { HAND_OVER_COUNT_MAX, StorePolicy } from './store-policy.js'
import { StoreSpace } from './store-space.js'
import { StoreSums } from './store-sums.js'

/** By so much the sums of what is charged for may be rounded. */
const ROUNDING_BYTES = 16

/** An entry as the owner sees it. */
export interface Found {
  /** A copy; empty when the source has no such key. */
  readonly value: Uint8Array
  readonly notFound: boolean
  /** 0 or less when it is stale, for so long; Infinity when it has no time to live. */
  readonly ttlLeftMs: number
}

/**
 * The write half of a store, used by its owner thread alone. Inserts, replaces, evicts, expires, removes, and keeps the
 * memory in use within the budget at every moment.
 *
 * Order of every change: write the entry where no slot points, publish it with one atomic store of its slot, and only
 * then let go of what it replaces. A flag in the header brackets the change, so that a new owner knows whether the
 * last one died in the middle: then it starts empty, otherwise it rebuilds policy and timers from the entries.
 */
export class StoreWriter {
  readonly #parts: StoreParts
  readonly #views: EntryViews
  readonly #geometry
  readonly #entries: EntryWriter
  readonly #index: StoreIndex
  readonly #log: StoreLog
  readonly #space: StoreSpace
  readonly #expiry: StoreExpiry
  readonly #policy: StorePolicy
  readonly #hints: StoreHints
  readonly #sums: StoreSums

  /** Takes over `memory`, new or left behind by another owner. */
  constructor(memory: SharedArrayBuffer, parts: StoreParts) {
    this.#parts = parts
    this.#views = { words: new Int32Array(memory), bytes: new Uint8Array(memory) }
    const { words } = this.#views
    assert(words[Header.VERSION] === LAYOUT_VERSION, 'A store of another layout version')
    this.#geometry = geometryOf(words[Header.BUDGET_BYTES]!)
    if (words[Header.CHANGING] !== 0) forgetStore(words, this.#geometry)
    this.#entries = new EntryWriter(this.#views)
    this.#index = new StoreIndex(this.#views, this.#geometry, parts.seed)
    this.#sums = new StoreSums(this.#views)
    this.#log = new StoreLog(words, this.#geometry.logAt, parts.epochs)
    this.#space = new StoreSpace(this.#views, this.#entries, this.#index, this.#log, {
      logBytes: () => this.#logBytes,
      liveBytes: () => this.#sums.liveBytes,
      growthBytes: () =>
        this.#index.growthBytes + this.#expiry.bytesPerSlot + POLICY_GROWTH_BYTES_MAX + ROUNDING_BYTES,
      bytesPerSlot: () => this.#bytesPerSlot,
      evictOne: () => this.#evictOne(),
      giveUp: (slot) => {
        this.#drop(slot)
        parts.events.onEvict()
      },
    })
    const { slotCountMax } = this.#geometry
    this.#expiry = new StoreExpiry(this.#views, this.#index, slotCountMax, parts.clock, parts.staleMs ?? 0)
    this.#policy = new StorePolicy(parts.policy, this.#geometry.budgetBytes - HEADER_BYTES, {
      slotCountMax,
      entryCount: () => this.#index.count,
      whenFull: () => this.#space.whenFull(),
      hashOf: (slot) => this.#index.hashAt(this.#index.placeOf(slot)),
      sizeOf: (slot) => {
        const place = this.#index.placeOf(slot)
        return place === 0 ? 0 : costOf(entryBytesAt(this.#views, place))
      },
    })
    this.#hints = new StoreHints(this.#views, this.#index, this.#policy, parts)
    this.#rebuild()
  }

  get count(): number {
    return this.#index.count
  }

  /** Bytes that the entries cost, everything included. */
  get usedBytes(): number {
    return HEADER_BYTES + this.#metadataBytes + this.#sums.liveBytes
  }

  /** Entries by size of their value, in the buckets of VALUE_BYTES_BOUNDS. */
  get valueSizes(): Uint32Array {
    return this.#sums.valueSizes
  }

  /** Bytes that the store may use. */
  get budgetBytes(): number {
    return this.#geometry.budgetBytes
  }

  /** The entry of a key, fresh or, where that is allowed, stale; else undefined, as for a copy. */
  get(key: Uint8Array, hash: number): Found | undefined {
    const slot = this.#index.find(key, 0, key.length, hash)
    if (slot === 0) return undefined
    const place = this.#index.placeOf(slot)
    const ttlLeftMs = this.#expiry.ttlLeftMs(place)
    if (!this.#expiry.isUsable(place, ttlLeftMs) || isCopy(this.#views, place)) return undefined
    this.#policy.current.onHit(slot)
    const start = valueAt(this.#views, place)
    const value = this.#views.bytes.slice(start, start + valueLengthAt(this.#views, place))
    return { value, notFound: isNotFound(this.#views, place), ttlLeftMs }
  }

  /** The entry in `slot` where it lies, fresh or, where that is allowed, stale; else undefined, as for a copy. */
  resident(slot: number): Resident | undefined {
    const place = this.#index.placeOf(slot)
    if (!place || isCopy(this.#views, place)) return undefined
    const found = residentAt(this.#views, place, this.#parts.clock.nowMs())
    return this.#expiry.isUsable(place, found.ttlLeftMs) ? found : undefined
  }

  /** Slot of a key; 0 when it has none. Nobody takes note that it was looked for. */
  slotOf(key: Uint8Array, hash: number): number {
    return this.#index.find(key, 0, key.length, hash)
  }

  /** Everything that the entry in `slot` costs, in bytes. */
  costBytes(slot: number): number {
    return Math.ceil(costOf(entryBytesAt(this.#views, this.#index.placeOf(slot))) + this.#bytesPerSlot)
  }

  /**
   * The slot that the policy would give up next, each once; −1 at the end. The entry stays for readers, but from the
   * first call on the store is about to be left behind: who writes to it may push out what was not taken yet.
   */
  take(): number {
    if (!this.#policy.isDraining) this.#hints.drain()
    return this.#policy.take()
  }

  /** Keeps a value, in place of the one that the key has. */
  put(put: Put): PutResult {
    const timed = put.ttlMs !== Number.POSITIVE_INFINITY
    if (timed) this.#expiry.activate()
    const sizeBytes = entryBytes(put.key.length, put.value.length, timed)
    const costBytes = costOf(sizeBytes) + this.#bytesPerSlot
    if (costBytes > this.#geometry.budgetBytes * ENTRY_SHARE_MAX) {
      this.remove(put.key, put.hash)
      return 'oversize'
    }
    return this.#change(() => {
      this.#hints.drainSome()
      this.#policy.step()
      const place = this.#space.make(sizeBytes)
      if (place === 0) {
        this.#removeKey(put.key, put.hash)
        return 'refused'
      }
      this.#write(put, place, sizeBytes, timed)
      this.#space.prepare(sizeBytes)
      return 'stored'
    })
  }

  /** True when there was an entry to remove, expired or not. */
  remove(key: Uint8Array, hash: number): boolean {
    return this.#change(() => this.#removeKey(key, hash))
  }

  /** Keys of renewable entries that were hit since the last call in the last part of their time to live. */
  takeDue(): Uint8Array[] {
    return this.#hints.takeDue()
  }

  /**
   * Gives the store another policy. The entries stay: they change hands with the writes and the housekeeping to come.
   * A policy that costs more takes the room from them, bit by bit.
   */
  setPolicy(policy: PolicyFactory): void {
    this.#policy.change(policy)
  }

  /** Removes everything. */
  clear(): void {
    this.#change(() => {
      this.#index.clear()
      this.#log.releaseAll()
      this.#expiry.clear()
      this.#policy.reset()
      this.#sums.clear()
    })
  }

  /** Removes the entries for which `keep` is false, looking at slots from `from` on, `countMax` of them; 0 at the end. */
  sweep(from: number, countMax: number, keep: (key: Uint8Array) => boolean): number {
    const end = Math.min(from + countMax, this.#index.slotHigh + 1)
    for (let slot = from; slot < end; slot++) {
      const place = this.#index.placeOf(slot)
      if (place !== 0 && !keep(this.#keyOf(place))) this.#change(() => this.#drop(slot))
    }
    return end > this.#index.slotHigh ? 0 : end
  }

  /** Housekeeping between requests: takes the readers' hints, removes at most `countMax` expired entries. */
  maintain(countMax: number): number {
    // Hints and marks are private to the owner: only what really goes is a change.
    this.#hints.drain()
    if (this.#policy.isChanging) {
      this.#policy.step(HAND_OVER_COUNT_MAX)
      this.#change(() => this.#space.shrink())
    }
    const expired = this.#expiry.advance(countMax, (slot) => {
      this.#change(() => this.#drop(slot))
      this.#parts.events.onExpire()
    })
    this.#log.reclaim()
    return expired
  }

  /** Re-derives every figure and throws AssertionError on the first that differs. O(n): for tests. */
  check(): void {
    this.#index.check()
    this.#policy.current.check()
    this.#sums.check(this.#index)
    assert(this.usedBytes <= this.budgetBytes, `${this.usedBytes} bytes used of ${this.budgetBytes}`)
    assert(this.#log.usedBytes <= this.#logBytes, 'Log, buckets and slots together exceed the budget')
    assert(this.#log.usedBytes >= this.#sums.liveBytes, 'Live entries lie outside the log')
  }

  get #bytesPerSlot(): number {
    return this.#policy.bytesPerSlot + this.#expiry.bytesPerSlot
  }

  get #metadataBytes(): number {
    return (
      this.#index.bytes + this.#index.slotHigh * this.#expiry.bytesPerSlot + Math.ceil(this.#policy.bytes)
    )
  }

  /** Bytes that the log may use now: what header, buckets, slots and policy leave of the budget. */
  get #logBytes(): number {
    const { budgetBytes, memoryBytes, logAt } = this.#geometry
    const bytes = Math.min(budgetBytes - HEADER_BYTES - this.#metadataBytes, memoryBytes - logAt)
    return Math.floor(bytes / ENTRY_ALIGN) * ENTRY_ALIGN
  }

  #change<T>(body: () => T): T {
    const { words } = this.#views
    assert(words[Header.CHANGING] === 0, 'A change broke off in the middle')
    Atomics.store(words, Header.CHANGING, 1)
    const result = body()
    Atomics.store(words, Header.CHANGING, 0)
    return result
  }

  /** Policy, timers and sums from the entries, oldest in the log first. */
  #rebuild(): void {
    for (let slot = 1; slot <= this.#index.slotHigh; slot++) {
      const place = this.#index.placeOf(slot)
      if (place !== 0) this.#enter(slot, place, this.#index.hashAt(place))
    }
  }

  #enter(slot: number, place: number, hash: number): void {
    const sizeBytes = entryBytesAt(this.#views, place)
    this.#sums.add(place)
    this.#space.note(sizeBytes)
    this.#policy.insert(slot, hash, costOf(sizeBytes))
    this.#expiry.insert(slot)
  }

  #write(put: Put, place: number, sizeBytes: number, timed: boolean): void {
    const { key, value, hash, notFound, copyStamp } = put
    const replaced = this.#index.find(key, 0, key.length, hash)
    const slot = replaced !== 0 ? replaced : this.#index.nextSlot
    const nowMs = this.#parts.clock.nowMs()
    const freshUntil = (nowMs + Math.min(put.ttlMs, TTL_MS_MAX)) | 0
    const times = timed ? { freshUntil, storedAt: (nowMs - (put.ageMs ?? 0)) | 0 } : undefined
    const renewable = timed && put.renewable === true
    this.#entries.write(place, slot, { key, value, notFound, renewable, copyStamp, times })
    this.#log.append(place, sizeBytes)
    if (replaced !== 0) this.#replace(slot, place, hash)
    else {
      this.#index.insert(hash, place)
      this.#enter(slot, place, hash)
    }
  }

  #replace(slot: number, place: number, hash: number): void {
    const oldPlace = this.#index.placeOf(slot)
    const oldCost = costOf(entryBytesAt(this.#views, oldPlace))
    this.#parts.departures?.onReplace(this.#views, oldPlace, place)
    this.#sums.remove(oldPlace)
    this.#sums.add(place)
    this.#index.point(slot, place, hash)
    this.#policy.current.onReplace(slot, oldCost)
    this.#expiry.remove(slot)
    this.#expiry.insert(slot)
  }

  #removeKey(key: Uint8Array, hash: number): boolean {
    const slot = this.#index.find(key, 0, key.length, hash)
    if (slot !== 0) {
      this.#policy.current.onRemove(slot)
      this.#unlink(slot)
    }
    return slot !== 0
  }

  /** Removes an entry that the policy still knows. */
  #drop(slot: number): void {
    this.#policy.current.onRemove(slot)
    this.#unlink(slot)
  }

  #unlink(slot: number): void {
    this.#parts.departures?.onLeave(this.#views, this.#index.placeOf(slot))
    this.#sums.remove(this.#index.placeOf(slot))
    this.#expiry.remove(slot)
    this.#index.remove(slot)
  }

  #evictOne(): boolean {
    this.#policy.fitFull(this.#sums.liveBytes + this.#index.count * INDEX_BYTES_PER_ENTRY)
    const slot = this.#policy.current.evict()
    if (slot <= 0) return false
    this.#unlink(slot)
    this.#parts.events.onEvict()
    return true
  }

  #keyOf(place: number): Uint8Array {
    return this.#views.bytes.subarray(...this.#index.keyRangeAt(place))
  }
}

/** What an entry of `sizeBytes` costs with its part of the index, but without the state of the policy. */
function costOf(sizeBytes: number): number {
  return sizeBytes + INDEX_BYTES_PER_ENTRY
}
