import { Cancel, type CancelSignal } from '../shared/cancel.js'
import { type Clock, systemClock } from '../shared/clock.js'
import { Counter, type CounterRow, GroupCounters } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import { binaryKey } from '../shared/key.js'
import { TIMER_MS_MAX } from '../shared/limits.js'
import type { GroupSpec, Loaded, ShardReply, ShardSpec } from '../shared/messages.js'
import { type FlightContext, Singleflight } from '../shared/singleflight.js'
import { AccessLog } from '../shared/store/access-log.js'
import { Epochs } from '../shared/store/epoch.js'
import type { Loader } from './loader.js'
import { POLICIES } from './policy/policies.js'
import { StoreWriter } from './store-writer.js'

/** One call for a key. */
export interface LoadCall {
  readonly key: Uint8Array
  readonly hash: number
  /** What the getter is told. */
  readonly deadlineMs: number
  readonly ttlMsMax: number
  readonly signal: CancelSignal
}

type Value = Pick<Extract<ShardReply, { kind: 'value' }>, 'value' | 'outcome' | 'ttlLeftMs'>

/** What a flight brings home: a value, or "not found" in its place. */
interface Landed {
  readonly value: Uint8Array | null
  readonly ttlLeftMs: number
}

/** The part of one group that one shard owns: its store, its loads, its counters. */
export class ShardGroup {
  readonly #spec: GroupSpec
  readonly #loader: Loader
  readonly #counters: CounterRow
  readonly #store: StoreWriter
  readonly #flights = new Singleflight<Landed>()

  constructor(spec: GroupSpec, shard: ShardSpec, loader: Loader, clock: Clock = systemClock) {
    this.#spec = spec
    this.#loader = loader
    this.#counters = new GroupCounters(spec.shardCount, spec.counters).row(shard.thread, spec.shard)
    const epochs = new Epochs(shard.epochs)
    this.#store = new StoreWriter(spec.store, {
      epochs,
      accessLog: new AccessLog(spec.accessLog),
      threadCount: () => epochs.threadCount,
      seed: shard.seed,
      clock,
      policy: POLICIES[spec.policy],
      events: {
        onEvict: () => this.#counters.add(Counter.evictions),
        onExpire: () => this.#counters.add(Counter.expirations),
      },
    })
    this.#count()
  }

  /**
   * The value of a key: from the store if it came in since the caller looked, else from the load that is under way,
   * else from a new one. Rejects with NOT_FOUND when the source has no such key.
   */
  async get(call: LoadCall): Promise<Value> {
    const found = this.#store.get(call.key, call.hash)
    if (found)
      return { ...present(found.notFound ? null : found.value), outcome: 'hit', ttlLeftMs: found.ttlLeftMs }
    // Deadlines are kept where the callers are; here a caller leaves by its signal.
    const { result, isFirst } = this.#flights.join(binaryKey(call.key), { signal: call.signal }, (flight) =>
      this.#load(call, flight),
    )
    if (!isFirst) this.#counters.add(Counter.coalesced)
    const { value, ttlLeftMs } = await result
    return { ...present(value), outcome: isFirst ? 'load' : 'coalesced', ttlLeftMs }
  }

  /** After this, the key is gone, and a load that is under way is not kept. */
  remove(key: Uint8Array, hash: number): void {
    this.#flights.forget(binaryKey(key))
    this.#store.remove(key, hash)
    this.#counters.add(Counter.deletes)
    this.#count()
  }

  clear(): void {
    this.#flights.forgetAll()
    this.#store.clear()
    this.#count()
  }

  /** Housekeeping: readers' hints, expired entries. Bounded work. */
  maintain(): void {
    this.#store.maintain(EXPIRE_COUNT_MAX)
    this.#count()
  }

  /** Removes entries for which `keep` is false, a bounded number at a time. Returns where to go on; 0 at the end. */
  sweep(from: number, keep: (key: Uint8Array) => boolean): number {
    return this.#store.sweep(from, SWEEP_COUNT_MAX, keep)
  }

  async #load(call: LoadCall, flight: FlightContext): Promise<Landed> {
    this.#counters.add(Counter.loads)
    const startedMs = performance.now()
    try {
      const timeoutMs = Math.min(this.#spec.loadTimeoutMs, TIMER_MS_MAX)
      const loaded = await within(timeoutMs, flight.signal, (cancel) =>
        this.#loader.load(call.key, { cancel, deadlineMs: Math.min(call.deadlineMs, timeoutMs) }),
      )
      return this.#keep(call, loaded, flight)
    } catch (thrown) {
      this.#counters.add(Counter.load_errors)
      throw CacheError.from(thrown)
    } finally {
      this.#counters.addLoad(performance.now() - startedMs)
    }
  }

  #keep(call: LoadCall, loaded: Loaded, flight: FlightContext): Landed {
    const ttlMs = Math.min(
      call.ttlMsMax,
      loaded.value === null
        ? (loaded.notFoundTtlMs ?? this.#spec.notFoundTtlMs)
        : (loaded.ttlMs ?? this.#spec.ttlMs),
    )
    if (loaded.value === null) this.#counters.add(Counter.not_found)
    if (ttlMs > 0 && !flight.isForgotten()) {
      const result = this.#store.put({
        key: call.key,
        hash: call.hash,
        value: loaded.value ?? new Uint8Array(0),
        notFound: loaded.value === null,
        ttlMs,
      })
      if (result !== 'stored') this.#counters.add(Counter[result])
      this.#count()
    }
    return { value: loaded.value, ttlLeftMs: ttlMs }
  }

  #count(): void {
    this.#counters.set(Counter.entries, this.#store.count)
    this.#counters.set(Counter.bytes, this.#store.usedBytes)
    this.#counters.set(Counter.max_bytes, this.#store.budgetBytes)
  }
}

/** Entries that one round of housekeeping may remove. */
const EXPIRE_COUNT_MAX = 10_000

/** Slots that one round of a sweep may look at. */
const SWEEP_COUNT_MAX = 4096

function present(value: Uint8Array | null): { value: Uint8Array } {
  if (value === null) throw new CacheError('NOT_FOUND', 'The source has no such key')
  return { value }
}

/** Runs `work` until it settles, `timeoutMs` are over, or `outer` is aborted; work is told of the last two. */
function within<T>(timeoutMs: number, outer: CancelSignal, work: (cancel: Cancel) => Promise<T>): Promise<T> {
  const cancel = new Cancel()
  return new Promise<T>((resolve, reject) => {
    const done = (): void => {
      clearTimeout(timer)
      outer.removeEventListener('abort', abandon)
    }
    const stop = (error: unknown): void => {
      done()
      reject(error)
      cancel.abort(error)
    }
    const abandon = (): void => stop(outer.reason)
    const timer = setTimeout(
      () => stop(new CacheError('DEADLINE_EXCEEDED', `The load took longer than ${timeoutMs} ms`)),
      timeoutMs,
    )
    outer.addEventListener('abort', abandon)
    work(cancel).then(
      (value) => {
        done()
        resolve(value)
      },
      (error: unknown) => {
        done()
        reject(error)
      },
    )
  })
}
