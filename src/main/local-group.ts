import type { CancelSignal } from '../shared/cancel.js'
import { COUNTERS, Counter, type CounterRow, type GroupCounters } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import { type HashSeed, hashBytes, shardOf } from '../shared/hash.js'
import { binaryKey } from '../shared/key.js'
import type { PolicyName } from '../shared/policy-names.js'
import { Singleflight } from '../shared/singleflight.js'
import type { AccessLog } from '../shared/store/access-log.js'
import type { ReaderPin } from '../shared/store/reader-pin.js'
import { StoreReader } from '../shared/store/store-reader.js'
import type { Answer, CallOptions } from './call.js'

/** The owner of one store of a group, as the core sees it. */
export interface StoreOwner {
  load(
    request: { group: number; key: Uint8Array; hash: number; deadlineMs: number; ttlMsMax: number },
    signal: CancelSignal,
  ): Promise<Omit<Answer, 'answeredBy'>>
  remove(group: number, key: Uint8Array, hash: number): Promise<void>
  clear(group: number): Promise<void>
  setPolicy(group: number, policy: PolicyName): Promise<void>
}

/** The stores of a group on this node, and who owns them. */
export interface LocalGroupOptions {
  readonly id: number
  /** Address of this node. */
  readonly self: () => string
  readonly stores: readonly {
    readonly memory: SharedArrayBuffer
    readonly accessLog: AccessLog
    readonly owner: StoreOwner
  }[]
  readonly counters: GroupCounters
  readonly seed: HashSeed
  /** Pin and number of the thread that reads: all calls come from it. */
  readonly pin: ReaderPin
  readonly thread: number
  /** How long an entry may be read stale by those who ask for that, in ms. */
  readonly staleMs: number
}

/** What lies in memory; null stands for a remembered "not found". */
export type Read = Omit<Answer, 'value'> & { value: Uint8Array | null }

interface LocalStore {
  readonly reader: StoreReader
  readonly owner: StoreOwner
  readonly counters: CounterRow
}

/**
 * The part of a group that lives on this node: hits are read from shared memory, without a message; misses go to the
 * owner of the key's shard, one call per key at a time.
 */
export class LocalGroup {
  readonly #options: LocalGroupOptions
  readonly #stores: readonly LocalStore[]
  #foundIn: StoreReader | undefined
  #foundAt = 0
  readonly #flights = new Singleflight<Omit<Answer, 'answeredBy'>>()

  constructor(options: LocalGroupOptions) {
    this.#options = options
    const { thread, pin, counters } = options
    this.#stores = options.stores.map(({ memory, accessLog, owner }, shard) => ({
      reader: new StoreReader(memory, accessLog, thread, pin),
      owner,
      counters: counters.row(thread, shard),
    }))
  }

  /** The counters of this thread for the shard of a key. */
  countersOf(key: Uint8Array): CounterRow {
    return this.#storeOf(this.#hash(key)).counters
  }

  /** The value in memory: bytes of their own, null for a remembered "not found", undefined for a miss. */
  read(key: Uint8Array): Read | undefined {
    const { pin, self } = this.#options
    const hash = this.#hash(key)
    const { reader } = this.#storeOf(hash)
    pin.enter()
    try {
      const place = reader.find(key, 0, key.length, hash)
      if (place === 0) return undefined
      const value = reader.isNotFound(place) ? null : reader.value(place)
      return { value, outcome: 'hit', answeredBy: self(), ttlLeftMs: reader.ttlLeftMs(place) }
    } finally {
      pin.leave()
    }
  }

  /** As read() for each of the keys, under one pin. */
  readMany(keys: readonly Uint8Array[]): (Read | undefined)[] {
    const { pin } = this.#options
    pin.enter()
    try {
      return keys.map((key) => this.read(key))
    } finally {
      pin.leave()
    }
  }

  /** The value in memory, past its time to live or not; undefined for "not found", too. */
  readStale(key: Uint8Array): Uint8Array | undefined {
    const { pin, staleMs } = this.#options
    const hash = this.#hash(key)
    const { reader } = this.#storeOf(hash)
    pin.enter()
    try {
      const place = reader.findStale(key, 0, key.length, hash, staleMs)
      return place === 0 || reader.isNotFound(place) ? undefined : reader.value(place)
    } finally {
      pin.leave()
    }
  }

  /**
   * Looks for the key `bytes[start…end)` and counts a hit, for callers that are pinned and answer in place.
   *
   * @returns length of the value; −1 when it is not in memory, or known not to exist: then nothing was counted
   */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end, this.#options.seed)
    const store = this.#storeOf(hash)
    const place = store.reader.find(bytes, start, end, hash)
    if (place === 0 || store.reader.isNotFound(place)) return -1
    store.counters.add(Counter.gets)
    store.counters.add(Counter.hits)
    this.#foundIn = store.reader
    this.#foundAt = place
    return store.reader.valueLength(place)
  }

  /** Copies what find() found to `target` from `at` on. Under the same pin, before anything else is looked for. */
  copyFound(target: Uint8Array, at: number): void {
    this.#foundIn?.copyValue(this.#foundAt, target, at)
  }

  /** Milliseconds that what find() found may be kept; Infinity for no limit. Under the same pin. */
  foundTtlLeftMs(): number {
    return this.#foundIn?.ttlLeftMs(this.#foundAt) ?? Number.POSITIVE_INFINITY
  }

  /** Has the owner load the key, or joins a load that is under way. The value is kept for at most `ttlMsMax`. */
  async load(callersKey: Uint8Array, { deadlineMs, signal }: CallOptions, ttlMsMax: number): Promise<Answer> {
    // Bytes of our own: the caller may use its buffer again while the message waits to be sent.
    const key = new Uint8Array(callersKey)
    const hash = this.#hash(key)
    const { owner, counters } = this.#storeOf(hash)
    const { result, isFirst } = this.#flights.join(
      binaryKey(key),
      { ...(deadlineMs !== undefined && { deadlineMs }), ...(signal && { signal }) },
      (flight) =>
        owner.load(
          { group: this.#options.id, key, hash, deadlineMs: flight.deadlineMs, ttlMsMax },
          flight.signal,
        ),
    )
    if (!isFirst) counters.add(Counter.coalesced)
    const { value, outcome, ttlLeftMs } = await result
    return { value, outcome: isFirst ? outcome : 'coalesced', answeredBy: this.#options.self(), ttlLeftMs }
  }

  /** Resolves when no thread can find the key any more, and no load under way will bring it back. */
  async remove(callersKey: Uint8Array): Promise<void> {
    const key = new Uint8Array(callersKey)
    const hash = this.#hash(key)
    // Who asks after this call must not join a load that began before it.
    this.#flights.forget(binaryKey(key))
    await this.#storeOf(hash).owner.remove(this.#options.id, key, hash)
  }

  async clear(): Promise<void> {
    this.#flights.forgetAll()
    await Promise.all(this.#stores.map(({ owner }) => owner.clear(this.#options.id)))
  }

  async setPolicy(policy: PolicyName): Promise<void> {
    await Promise.all(this.#stores.map(({ owner }) => owner.setPolicy(this.#options.id, policy)))
  }

  /** Counters by shard, in the order of the counter table. */
  stats(): { readonly name: string; readonly shard: number; readonly value: number }[] {
    return this.#stores.flatMap((_, shard) => {
      const values = this.#options.counters.read(shard)
      return COUNTERS.map(({ name }, counter) => ({ name, shard, value: values[counter]! }))
    })
  }

  #hash(key: Uint8Array): number {
    return hashBytes(key, 0, key.length, this.#options.seed)
  }

  #storeOf(hash: number): LocalStore {
    return this.#stores[shardOf(hash, this.#stores.length)]!
  }
}

/** What a remembered, or a fresh, "not found" is to a caller. */
export function notFound(): CacheError {
  return new CacheError('NOT_FOUND', 'The source has no such key')
}
