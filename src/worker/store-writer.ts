import { assert } from '../shared/assert.js'
import { VALUE_BYTES_BOUNDS, valueBucketOf } from '../shared/counters.js'
import { ENTRY_SHARE_MAX, TTL_MS_MAX } from '../shared/limits.js'
import {
  type EntryViews,
  entryBytes,
  entryBytesAt,
  isNotFound,
  isRenewable,
  isTimed,
  slotAt,
  timeLeftMs,
  valueAt,
  valueLengthAt,
  writeEntry,
} from '../shared/store/entry.js'
import {
  geometryOf,
  HEAD_BYTES,
  HEADER_BYTES,
  Header,
  LAYOUT_VERSION,
  SLOT_BYTES,
} from '../shared/store/layout.js'
import { DueSlots } from './due-slots.js'
import type { PolicyFactory } from './policy/policy.js'
import type { Put, PutResult } from './put.js'
import { type Resident, residentAt } from './resident.js'
import { forgetStore, StoreIndex } from './store-index.js'
import { StoreLog } from './store-log.js'
import type { StoreParts } from './store-parts.js'
import { HAND_OVER_COUNT_MAX, StorePolicy } from './store-policy.js'
import { StoreSpace } from './store-space.js'
import { TimerWheel } from './timer-wheel.js'

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
  readonly #index: StoreIndex
  readonly #log: StoreLog
  readonly #space: StoreSpace
  readonly #wheel: TimerWheel
  readonly #policy: StorePolicy
  #liveBytes = 0
  /** Entries by size of their value, in the buckets of VALUE_BYTES_BOUNDS. */
  readonly valueSizes = new Uint32Array(VALUE_BYTES_BOUNDS.length)
  readonly #due: DueSlots
  readonly #onHint = (slot: number): void => this.#takeHint(slot)

  /** Takes over `memory`, new or left behind by another owner. */
  constructor(memory: SharedArrayBuffer, parts: StoreParts) {
    this.#parts = parts
    this.#views = { words: new Int32Array(memory), bytes: new Uint8Array(memory) }
    const { words } = this.#views
    assert(words[Header.VERSION] === LAYOUT_VERSION, 'A store of another layout version')
    this.#geometry = geometryOf(words[Header.BUDGET_BYTES]!)
    if (words[Header.CHANGING] !== 0) forgetStore(words, this.#geometry)
    this.#index = new StoreIndex(this.#views, this.#geometry, parts.seed)
    this.#due = new DueSlots(this.#views, this.#index, parts.clock, parts.refreshAhead ?? 0)
    this.#log = new StoreLog(words, this.#geometry.logAt, parts.epochs)
    this.#space = new StoreSpace(this.#views, this.#index, this.#log, {
      logBytes: () => this.#logBytes,
      liveBytes: () => this.#liveBytes,
      slotBytes: () => SLOT_BYTES + HEAD_BYTES + this.#bytesPerSlot,
      evictOne: () => this.#evictOne(),
      giveUp: (slot) => {
        this.#drop(slot)
        parts.events.onEvict()
      },
    })
    this.#wheel = new TimerWheel(this.#geometry.slotCountMax, parts.clock.nowMs())
    this.#policy = new StorePolicy(parts.policy, this.#geometry.budgetBytes - HEADER_BYTES, {
      slotCountMax: this.#geometry.slotCountMax,
      entryCount: () => this.#index.count,
      hashOf: (slot) => this.#index.hashAt(this.#index.placeOf(slot)),
      sizeOf: (slot) => {
        const place = this.#index.placeOf(slot)
        return place === 0 ? 0 : costOf(entryBytesAt(this.#views, place))
      },
    })
    this.#rebuild()
  }

  get count(): number {
    return this.#index.count
  }

  /** Bytes that the entries cost, everything included. */
  get usedBytes(): number {
    return HEADER_BYTES + this.#metadataBytes + this.#liveBytes
  }

  /** Bytes that the store may use. */
  get budgetBytes(): number {
    return this.#geometry.budgetBytes
  }

  /** The entry of a key, fresh or, where that is allowed, stale; else undefined. */
  get(key: Uint8Array, hash: number): Found | undefined {
    const slot = this.#index.find(key, 0, key.length, hash)
    if (slot === 0) return undefined
    const place = this.#index.placeOf(slot)
    const nowMs = this.#parts.clock.nowMs()
    const ttlLeftMs = isTimed(this.#views, place)
      ? timeLeftMs(this.#views, place, nowMs)
      : Number.POSITIVE_INFINITY
    if (ttlLeftMs <= -this.#staleMsOf(place)) return undefined
    this.#policy.current.onHit(slot)
    const start = valueAt(this.#views, place)
    const value = this.#views.bytes.slice(start, start + valueLengthAt(this.#views, place))
    return { value, notFound: isNotFound(this.#views, place), ttlLeftMs }
  }

  /** The entry in `slot` where it lies, fresh or, where that is allowed, stale; else undefined. */
  resident(slot: number): Resident | undefined {
    const place = this.#index.placeOf(slot)
    if (!place) return undefined
    const found = residentAt(this.#views, place, this.#parts.clock.nowMs())
    return found.ttlLeftMs > -this.#staleMsOf(place) ? found : undefined
  }

  /** Slot of a key; 0 when it has none. Nobody takes note that it was looked for. */
  slotOf(key: Uint8Array, hash: number): number {
    return this.#index.find(key, 0, key.length, hash)
  }

  /** Everything that the entry in `slot` costs, in bytes. */
  costBytes(slot: number): number {
    return costOf(entryBytesAt(this.#views, this.#index.placeOf(slot))) + this.#bytesPerSlot
  }

  /**
   * The slot that the policy would give up next, each once; −1 at the end. The entry stays for readers, but from the
   * first call on the store is about to be left behind: who writes to it may push out what was not taken yet.
   */
  take(): number {
    if (!this.#policy.isDraining) this.#drainHints()
    return this.#policy.take()
  }

  /** Keeps a value, in place of the one that the key has. */
  put(put: Put): PutResult {
    const timed = put.ttlMs !== Number.POSITIVE_INFINITY
    if (timed) this.#wheel.activate()
    const sizeBytes = entryBytes(put.key.length, put.value.length, timed)
    const costBytes = costOf(sizeBytes) + this.#bytesPerSlot
    if (costBytes > this.#geometry.budgetBytes * ENTRY_SHARE_MAX) {
      this.remove(put.key, put.hash)
      return 'oversize'
    }
    return this.#change(() => {
      this.#drainHints()
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
    return this.#due.take()
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
      this.#wheel.clear()
      this.#policy.reset()
      this.#liveBytes = 0
      this.valueSizes.fill(0)
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
    this.#drainHints()
    if (this.#policy.isChanging) {
      this.#policy.step(HAND_OVER_COUNT_MAX)
      this.#change(() => this.#space.shrink())
    }
    const expired = this.#wheel.advance(
      this.#parts.clock.nowMs(),
      countMax,
      (slot) => this.#removedAtMs(slot),
      (slot) => {
        this.#change(() => this.#drop(slot))
        this.#parts.events.onExpire()
      },
    )
    this.#log.reclaim()
    return expired
  }

  /** Re-derives every figure and throws AssertionError on the first that differs. O(n): for tests. */
  check(): void {
    this.#index.check()
    this.#policy.current.check()
    let live = 0
    for (let slot = 1; slot <= this.#index.slotHigh; slot++) {
      const place = this.#index.placeOf(slot)
      if (place === 0) continue
      assert(slotAt(this.#views, place) === slot, `The entry of slot ${slot} names another slot`)
      live += entryBytesAt(this.#views, place)
    }
    const sizeCount = this.valueSizes.reduce((sum, count) => sum + count, 0)
    assert(sizeCount === this.count, `${sizeCount} values counted by size, ${this.count} entries`)
    assert(live === this.#liveBytes, `${this.#liveBytes} live bytes counted, ${live} found`)
    assert(this.usedBytes <= this.budgetBytes, `${this.usedBytes} bytes used of ${this.budgetBytes}`)
    assert(this.#log.usedBytes <= this.#logBytes, 'Log, heads and slots together exceed the budget')
    assert(this.#log.usedBytes >= live, 'Live entries lie outside the log')
  }

  get #bytesPerSlot(): number {
    return this.#policy.current.bytesPerSlot + this.#wheel.bytesPerSlot
  }

  get #metadataBytes(): number {
    return this.#index.bytes + this.#index.slotHigh * this.#wheel.bytesPerSlot + Math.ceil(this.#policy.bytes)
  }

  /** Bytes that the log may use now: what header, heads, slots and policy leave of the budget. */
  get #logBytes(): number {
    return Math.floor((this.#geometry.budgetBytes - HEADER_BYTES - this.#metadataBytes) / 8) * 8
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
    this.#liveBytes += sizeBytes
    this.#countSize(place, 1)
    this.#space.note(sizeBytes)
    this.#policy.insert(slot, hash, costOf(sizeBytes))
    if (isTimed(this.#views, place)) this.#wheel.insert(slot, this.#removedAtMs(slot))
  }

  #write(put: Put, place: number, sizeBytes: number, timed: boolean): void {
    const { key, value, hash, notFound } = put
    const replaced = this.#index.find(key, 0, key.length, hash)
    const slot = replaced !== 0 ? replaced : this.#index.nextSlot
    const nowMs = this.#parts.clock.nowMs()
    const freshUntil = (nowMs + Math.min(put.ttlMs, TTL_MS_MAX)) | 0
    const times = timed ? { times: { freshUntil, storedAt: (nowMs - (put.ageMs ?? 0)) | 0 } } : {}
    const renewable = timed && put.renewable === true
    writeEntry(this.#views, place, slot, { key, value, notFound, renewable, ...times })
    this.#log.append(place, sizeBytes)
    if (replaced !== 0) this.#replace(slot, place, sizeBytes)
    else {
      this.#index.insert(hash, place)
      this.#enter(slot, place, hash)
    }
  }

  #replace(slot: number, place: number, sizeBytes: number): void {
    const oldBytes = entryBytesAt(this.#views, this.#index.placeOf(slot))
    this.#liveBytes += sizeBytes - oldBytes
    this.#countSize(this.#index.placeOf(slot), -1)
    this.#countSize(place, 1)
    this.#index.point(slot, place)
    this.#policy.current.onReplace(slot, costOf(oldBytes))
    this.#wheel.remove(slot)
    if (isTimed(this.#views, place)) this.#wheel.insert(slot, this.#removedAtMs(slot))
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
    this.#liveBytes -= entryBytesAt(this.#views, this.#index.placeOf(slot))
    this.#countSize(this.#index.placeOf(slot), -1)
    this.#wheel.remove(slot)
    this.#index.remove(slot)
  }

  #countSize(place: number, change: number): void {
    this.valueSizes[valueBucketOf(valueLengthAt(this.#views, place))]! += change
  }

  #takeHint(slot: number): void {
    this.#policy.current.onHit(slot)
    this.#due.hit(slot)
    const place = this.#index.placeOf(slot)
    // By now the slot may be empty.
    if (!place) return
    const range = this.#index.keyRangeAt(place)
    this.#parts.events.onHit(this.#index.hashAt(place), this.#views.bytes, ...range)
  }

  #drainHints(): void {
    this.#parts.accessLog.drain(this.#parts.threadCount(), this.#onHint)
  }

  #evictOne(): boolean {
    this.#policy.fit(this.#liveBytes + this.#index.count * (SLOT_BYTES + HEAD_BYTES))
    const slot = this.#policy.current.evict()
    if (slot <= 0) return false
    this.#unlink(slot)
    this.#parts.events.onEvict()
    return true
  }

  #keyOf(place: number): Uint8Array {
    return this.#views.bytes.subarray(...this.#index.keyRangeAt(place))
  }

  #staleMsOf(place: number): number {
    return isRenewable(this.#views, place) ? (this.#parts.staleMs ?? 0) : 0
  }

  /** The full time at which a timed entry, stale by then, is removed: its 32 bits, put beside the clock. */
  #removedAtMs(slot: number): number {
    const place = this.#index.placeOf(slot)
    const nowMs = this.#parts.clock.nowMs()
    return nowMs + timeLeftMs(this.#views, place, nowMs) + this.#staleMsOf(place)
  }
}

/** What an entry of `sizeBytes` costs with its slot and head, but without the state of the policy. */
function costOf(sizeBytes: number): number {
  return sizeBytes + SLOT_BYTES + HEAD_BYTES
}
