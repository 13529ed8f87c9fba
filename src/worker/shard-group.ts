import type { CancelSignal } from '../shared/cancel.js'
import { type Clock, systemClock } from '../shared/clock.js'
import { Counter, type CounterRow, GroupCounters } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import { hashBytes } from '../shared/hash.js'
import { HotKeys } from '../shared/hot-keys.js'
import { binaryKey } from '../shared/key.js'
import type { GroupSpec, Loaded, ShardReply, ShardSpec } from '../shared/messages.js'
import type { PolicyName } from '../shared/policy-names.js'
import { type FlightContext, Singleflight } from '../shared/singleflight.js'
import { AccessLog } from '../shared/store/access-log.js'
import { Epochs } from '../shared/store/epoch.js'
import type { TraceParent } from '../shared/tracing.js'
import { Backoff } from './backoff.js'
import { LoadQueue } from './load-queue.js'
import type { Loader } from './loader.js'
import { MovingStore } from './moving-store.js'
import { POLICIES } from './policy/policies.js'
import { type Found, StoreWriter } from './store-writer.js'
import { ToldKeys } from './told-keys.js'

/** One call for a key. */
export interface LoadCall {
  readonly key: Uint8Array
  readonly hash: number
  /** What the getter is told. */
  readonly deadlineMs: number
  readonly ttlMsMax: number
  readonly trace?: TraceParent | undefined
}

type Value = Pick<Extract<ShardReply, { kind: 'value' }>, 'value' | 'outcome' | 'ttlLeftMs'>

/** What a flight brings home: a value, or "not found" in its place. */
interface Landed {
  readonly value: Uint8Array | null
  readonly ttlLeftMs: number
}

/** What a test puts in the place of time and chance. */
export interface ShardGroupContext {
  readonly clock?: Clock
  /** A number in [0, 1). */
  readonly random?: () => number
}

/**
 * The part of one group that one shard owns: its store, its loads, its counters.
 *
 * The life of a value, by the options of the group:
 *
 *     stored ──── refreshAhead ──── ttl ──── staleWhileRevalidate ────┐
 *       │ fresh: a hit │ a hit has it │ stale: served, and has it     │ gone, when both
 *       │              │ loaded again │ loaded again                  │ windows are over
 *                                     └────── staleIfError ───────────┘
 *                                       served when the load fails, or takes longer than softTimeout
 */
export class ShardGroup {
  readonly spec: GroupSpec
  readonly store: MovingStore
  readonly hotKeys: HotKeys
  readonly told: ToldKeys
  readonly clock: Clock
  readonly hashOf: (key: Uint8Array) => number
  readonly #random: () => number
  readonly #counters: CounterRow
  readonly #queue: LoadQueue
  readonly #flights = new Singleflight<Landed>()
  readonly #backoff: Backoff
  #policy: PolicyName

  constructor(
    spec: GroupSpec,
    shard: ShardSpec,
    loader: Loader,
    { clock = systemClock, random = Math.random }: ShardGroupContext = {},
  ) {
    const { staleWhileRevalidateMs, staleIfErrorMs, refreshAhead, errorBackoffMs } = spec.freshness
    this.spec = spec
    this.clock = clock
    this.#random = random
    this.#policy = spec.policy
    this.#counters = new GroupCounters(spec.shardCount, spec.counters).row(shard.thread, spec.shard)
    const epochs = new Epochs(shard.epochs)
    this.#queue = new LoadQueue(loader, spec.loads, this.#counters)
    this.#backoff = new Backoff(errorBackoffMs > 0 ? errorBackoffMs : REFRESH_PAUSE_MS, clock)
    this.hotKeys = new HotKeys(clock.nowMs(), FAME_HALF_LIFE_MS)
    this.told = new ToldKeys(spec.id)
    const hashOf = (key: Uint8Array): number => hashBytes(key, 0, key.length, shard.seed)
    this.hashOf = hashOf
    const onEvict = (): void => this.#counters.add(Counter.evictions)
    const onExpire = (): void => this.#counters.add(Counter.expirations)
    this.store = new MovingStore({
      memory: spec,
      open: (memory) =>
        new StoreWriter(memory.store, {
          epochs,
          accessLog: new AccessLog(memory.accessLog),
          threadCount: () => epochs.threadCount,
          seed: shard.seed,
          clock,
          policy: POLICIES[this.#policy],
          staleMs: Math.max(staleWhileRevalidateMs, staleIfErrorMs),
          refreshAhead,
          events: {
            onEvict,
            onExpire,
            onHit: (hash, bytes, start, end) => this.hotKeys.note(hash, bytes, start, end),
          },
          departures: this.told,
        }),
      hashOf: this.hashOf,
      onLeftBehind: onEvict,
    })
    this.#count()
  }

  /**
   * The value of a key: from the store if it came in since the caller looked, or is stale but good enough, else from the
   * load that is under way, else from a new one. Rejects with NOT_FOUND when the source has no such key.
   */
  async get(call: LoadCall, signal: CancelSignal): Promise<Value> {
    this.hotKeys.note(call.hash, call.key, 0, call.key.length)
    const found = this.store.get(call.key, call.hash)
    if (found && found.ttlLeftMs > 0) {
      const value = present(found.notFound ? null : found.value)
      return { value, outcome: 'hit', ttlLeftMs: found.ttlLeftMs }
    }
    const { staleWhileRevalidateMs } = this.spec.freshness
    if (found && -found.ttlLeftMs < staleWhileRevalidateMs) {
      this.#refresh(call)
      return this.#serveStale(found)
    }
    // Deadlines are kept where the callers are; here a caller leaves by its signal.
    const { result, isFirst } = this.#flights.join(binaryKey(call.key), { signal }, (flight) =>
      this.#load(call, flight),
    )
    if (!isFirst) this.#counters.add(Counter.coalesced)
    if (found) return this.#landOrStale(call, signal, result, isFirst)
    return toValue(await result, isFirst)
  }

  /**
   * Keeps a copy of a value that another node owns, for `ttlMs`. It is found by readers alone, while its stamp is good:
   * whoever asks this owner gets a value of its own.
   */
  keepCopy(key: Uint8Array, hash: number, copy: { value: Uint8Array; ttlMs: number; stamp: number }): void {
    this.store.put({
      key,
      hash,
      value: copy.value,
      notFound: false,
      ttlMs: copy.ttlMs,
      copyStamp: copy.stamp,
    })
    this.#count()
  }

  /** After this, the key is gone, and a load that is under way is not kept. */
  remove(key: Uint8Array, hash: number): void {
    this.#flights.forget(binaryKey(key))
    this.#backoff.forget(binaryKey(key))
    this.store.remove(key, hash)
    // Also when it was not here: somebody may hold what a load under way, or an owner before this one, brought.
    this.told.add(key)
    this.#counters.add(Counter.deletes)
    this.#count()
  }

  clear(): void {
    this.#flights.forgetAll()
    this.#backoff.forgetAll()
    this.store.clear()
    this.told.addAll()
    this.#count()
  }

  /** Changes the policy; the entries stay. */
  setPolicy(policy: PolicyName): void {
    this.store.setPolicy(POLICIES[policy])
    this.#policy = policy
  }

  /** Housekeeping: readers' hints, what they say is due for a refresh, expired entries. Bounded work. */
  maintain(): void {
    this.store.maintain(EXPIRE_COUNT_MAX)
    for (const key of this.store.takeDue()) {
      this.#refresh({ key, hash: this.hashOf(key), ttlMsMax: Number.POSITIVE_INFINITY })
    }
    this.hotKeys.age(this.clock.nowMs())
    this.#count()
    this.#counters.setValueSizes(this.store.current.valueSizes)
  }

  /** Removes entries for which `keep` is false, a bounded number at a time. Returns where to go on; 0 at the end. */
  sweep(from: number, keep: (key: Uint8Array) => boolean): number {
    return this.store.sweep(from, SWEEP_COUNT_MAX, keep)
  }

  /** Loads a key that nobody waits for, unless that is under way, or failed a moment ago. */
  #refresh({ key, hash, ttlMsMax }: Pick<LoadCall, 'key' | 'hash' | 'ttlMsMax'>): void {
    const flightKey = binaryKey(key)
    if (this.#flights.has(flightKey) || this.#backoff.errorOf(flightKey)) return
    this.#counters.add(Counter.refreshes)
    const call = { key, hash, ttlMsMax, deadlineMs: Number.POSITIVE_INFINITY }
    const { result } = this.#flights.join(flightKey, {}, (flight) => this.#load(call, flight))
    result.catch(() => this.#counters.add(Counter.refresh_errors))
  }

  /** What the load brings; but the stale value when it fails, or takes too long, while that may be served. */
  async #landOrStale(
    call: LoadCall,
    signal: CancelSignal,
    result: Promise<Landed>,
    isFirst: boolean,
  ): Promise<Value> {
    const { softTimeoutMs } = this.spec.freshness
    let timer: NodeJS.Timeout | undefined
    const value = result.then(
      (landed) => toValue(landed, isFirst),
      (thrown: unknown) => this.#serveStaleOrThrow(call, signal, thrown),
    )
    if (softTimeoutMs >= this.spec.loads.timeoutMs) return value
    const soft = new Promise<Value>((resolve) => {
      timer = setTimeout(() => {
        // The waiter stays with the flight, so the load goes on.
        const old = this.#findForError(call)
        if (old) resolve(this.#serveStale(old))
      }, softTimeoutMs)
    })
    return Promise.race([value, soft]).finally(() => clearTimeout(timer))
  }

  #serveStaleOrThrow(call: LoadCall, signal: CancelSignal, thrown: unknown): Value {
    const old = signal.aborted ? undefined : this.#findForError(call)
    if (!old) throw thrown
    return this.#serveStale(old)
  }

  /** Looked for anew: since the load began, the value may have been deleted, or grown too old. */
  #findForError({ key, hash }: LoadCall): Found | undefined {
    const found = this.store.get(key, hash)
    return found && !found.notFound && -found.ttlLeftMs < this.spec.freshness.staleIfErrorMs
      ? found
      : undefined
  }

  #serveStale({ value }: Found): Value {
    this.#counters.add(Counter.stale_served)
    return { value, outcome: 'stale', ttlLeftMs: 0 }
  }

  #load(call: LoadCall, flight: FlightContext): Promise<Landed> {
    const failure = this.spec.freshness.errorBackoffMs > 0 ? this.#backoff.errorOf(flight.key) : undefined
    if (failure) {
      this.#counters.add(Counter.backoff_rejected)
      throw failure
    }
    this.#queue.assertRoom()
    const { key, deadlineMs, trace } = call
    const { signal } = flight
    return this.#queue.load({ key, signal, deadlineMs, trace }).then(
      (loaded) => {
        this.#backoff.forget(flight.key)
        return this.#keep(call, loaded, flight)
      },
      (thrown: unknown) => {
        const error = CacheError.from(thrown)
        if (!signal.aborted && !flight.isForgotten()) this.#backoff.fail(flight.key, error)
        throw error
      },
    )
  }

  /** A value that is not kept is no longer good at once: nobody would tell of the next one. */
  #keep(call: LoadCall, loaded: Loaded, flight: FlightContext): Landed {
    const ttlMs = Math.min(call.ttlMsMax, this.#ttlMsOf(loaded))
    if (flight.isForgotten()) return { value: loaded.value, ttlLeftMs: ttlMs }
    if (ttlMs > 0) {
      const result = this.store.put({
        key: call.key,
        hash: call.hash,
        value: loaded.value ?? new Uint8Array(0),
        notFound: loaded.value === null,
        ttlMs,
        // A delete of a key of another node does not come here: what is kept of it ends when it was to end.
        renewable: loaded.value !== null && call.ttlMsMax === Number.POSITIVE_INFINITY,
      })
      if (result !== 'stored') {
        this.#counters.add(Counter[result])
        this.told.add(call.key)
      }
    } else {
      this.store.remove(call.key, call.hash)
      this.told.add(call.key)
    }
    this.#count()
    return { value: loaded.value, ttlLeftMs: ttlMs }
  }

  /** The time to live that the getter or the group sets, less a random part: never more, it is an upper bound. */
  #ttlMsOf(loaded: Loaded): number {
    const { ttlMs, notFoundTtlMs, ttlJitter } = this.spec.freshness
    const fullMs = loaded.value === null ? (loaded.notFoundTtlMs ?? notFoundTtlMs) : (loaded.ttlMs ?? ttlMs)
    return ttlJitter === 0 ? fullMs : Math.ceil(fullMs * (1 - ttlJitter * this.#random()))
  }

  #count(): void {
    const { count, usedBytes, budgetBytes } = this.store.current
    this.#counters.set(Counter.entries, count)
    this.#counters.set(Counter.bytes, usedBytes)
    this.#counters.set(Counter.max_bytes, budgetBytes)
  }
}

/** Half-life of the hits that make hot keys: fame of an hour ago is worth a 2 ** 60th. */
const FAME_HALF_LIFE_MS = 60_000

/** Entries that one round of housekeeping may remove. */
const EXPIRE_COUNT_MAX = 10_000

/** Slots that one round of a sweep may look at. */
const SWEEP_COUNT_MAX = 4096

/** How long a key is not refreshed after that failed, in a group without a back-off of its own; callers do not wait. */
const REFRESH_PAUSE_MS = 1000

function toValue({ value, ttlLeftMs }: Landed, isFirst: boolean): Value {
  return { value: present(value), outcome: isFirst ? 'load' : 'coalesced', ttlLeftMs }
}

function present(value: Uint8Array | null): Uint8Array {
  if (value === null) throw new CacheError('NOT_FOUND', 'The source has no such key')
  return value
}
