import { CopyFence } from './copy-fence.js'
import { COUNTERS, Counter, type CounterRow, GroupCounters } from './counters.js'
import { type HashSeed, hashBytes, shardOf } from './hash.js'
import type { GroupView, StoreMemory } from './messages.js'
import { AccessLog } from './store/access-log.js'
import type { ReaderPin } from './store/reader-pin.js'
import { StoreReader } from './store/store-reader.js'

/** Who reads: one thread of the node, and nobody else. */
export interface ReaderThread {
  readonly thread: number
  readonly pin: ReaderPin
  readonly seed: HashSeed
}

/** What a group remembers of a key. */
export interface Remembered {
  /** Bytes of their own; null when the source has no such key. */
  readonly value: Uint8Array | null
  /** Infinity when it may be kept for ever. */
  readonly ttlLeftMs: number
}

/** One sample of one counter of a group. */
export interface ShardSample {
  readonly name: string
  readonly shard: number
  readonly value: number
}

interface ReadStore {
  reader: StoreReader
  readonly counters: CounterRow
}

/**
 * Hits of a group in one thread: found in the shared stores of all shards, copied out, counted in the thread's own
 * words. Sends no message and waits for nobody. Knows nothing of who owns a key.
 */
export class GroupReader {
  readonly #stores: readonly ReadStore[]
  readonly #counters: GroupCounters
  readonly #thread: number
  readonly #seed: HashSeed
  readonly #pin: ReaderPin
  readonly #staleMs: number
  readonly #fence: CopyFence
  #foundIn: StoreReader | undefined
  #foundAt = 0
  #foundIsCopy = false

  constructor(view: GroupView, { thread, pin, seed }: ReaderThread) {
    this.#counters = new GroupCounters(view.stores.length, view.counters)
    this.#thread = thread
    this.#seed = seed
    this.#pin = pin
    this.#staleMs = view.staleMs
    this.#fence = new CopyFence(view.copyFence)
    this.#stores = view.stores.map((memory, shard) => ({
      reader: this.#readerOf(memory),
      counters: this.#counters.row(thread, shard),
    }))
  }

  /** From here on, hits come from other memory, that of as many shards. */
  move(stores: readonly StoreMemory[]): void {
    stores.forEach((memory, shard) => {
      this.#stores[shard]!.reader = this.#readerOf(memory)
    })
  }

  hash(key: Uint8Array): number {
    return hashBytes(key, 0, key.length, this.#seed)
  }

  /** Number of the shard that owns the keys of a hash. */
  shardOf(hash: number): number {
    return shardOf(hash, this.#stores.length)
  }

  /** The counters of this thread for the shard of a key. */
  countersOf(key: Uint8Array): CounterRow {
    return this.#storeOf(this.hash(key)).counters
  }

  /** What is in memory; undefined for a miss. Counts nothing. */
  read(key: Uint8Array): Remembered | undefined {
    const hash = this.hash(key)
    const { reader } = this.#storeOf(hash)
    this.#pin.enter()
    try {
      const place = reader.find(key, 0, key.length, hash)
      return place === 0 ? undefined : remembered(reader, place)
    } finally {
      this.#pin.leave()
    }
  }

  /** As read(), but a copy of the value of a key that another node owns. */
  readCopy(key: Uint8Array): Remembered | undefined {
    const hash = this.hash(key)
    const { reader } = this.#storeOf(hash)
    this.#pin.enter()
    try {
      const place = reader.findCopy(key, 0, key.length, hash, this.#fence.stampOf(hash))
      return place === 0 ? undefined : remembered(reader, place)
    } finally {
      this.#pin.leave()
    }
  }

  /** As read() for each of the keys, under one pin. */
  readMany(keys: readonly Uint8Array[]): (Remembered | undefined)[] {
    this.#pin.enter()
    try {
      return keys.map((key) => this.read(key))
    } finally {
      this.#pin.leave()
    }
  }

  /** The value in memory, past its time to live or not; undefined for "not found", too. */
  readStale(key: Uint8Array): Uint8Array | undefined {
    const hash = this.hash(key)
    const { reader } = this.#storeOf(hash)
    this.#pin.enter()
    try {
      const place = reader.findStale(key, 0, key.length, hash, this.#staleMs)
      return place === 0 || reader.isNotFound(place) ? undefined : reader.value(place)
    } finally {
      this.#pin.leave()
    }
  }

  /**
   * Looks for the key `bytes[start…end)` and counts a hit, for callers that are pinned and answer in place.
   *
   * @returns length of the value; −1 when it is not in memory, or known not to exist: then nothing was counted
   */
  find(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end, this.#seed)
    const store = this.#storeOf(hash)
    const place = store.reader.find(bytes, start, end, hash)
    if (place === 0 || store.reader.isNotFound(place)) return -1
    store.counters.add(Counter.gets)
    store.counters.add(Counter.hits)
    return this.#found(store.reader, place, false)
  }

  /** As find(), but a copy of the value of a key that another node owns. */
  findCopy(bytes: Uint8Array, start: number, end: number): number {
    const hash = hashBytes(bytes, start, end, this.#seed)
    const store = this.#storeOf(hash)
    const place = store.reader.findCopy(bytes, start, end, hash, this.#fence.stampOf(hash))
    if (place === 0) return -1
    countCopyHit(store.counters)
    return this.#found(store.reader, place, true)
  }

  /** Copies what find() found to `target` from `at` on. Under the same pin, before anything else is looked for. */
  copyFound(target: Uint8Array, at: number): void {
    this.#foundIn?.copyValue(this.#foundAt, target, at)
  }

  /** Milliseconds that what find() found may be kept; Infinity for no limit. Under the same pin. */
  foundTtlLeftMs(): number {
    return this.#foundIn?.ttlLeftMs(this.#foundAt) ?? Number.POSITIVE_INFINITY
  }

  /** Milliseconds since what find() found was stored; Infinity when nobody noted it. Under the same pin. */
  foundAgeMs(): number {
    return this.#foundIn?.ageMs(this.#foundAt) ?? Number.POSITIVE_INFINITY
  }

  /** What find() found, where it lies in shared memory. Good under the same pin. */
  foundView(): Uint8Array {
    return this.#foundIn?.view(this.#foundAt) ?? new Uint8Array(0)
  }

  /** The store that find() found it in, to be compared with others. */
  get foundStore(): object | undefined {
    return this.#foundIn
  }

  /** Where in that store. */
  get foundPlace(): number {
    return this.#foundAt
  }

  /** True when it is a copy. */
  get foundIsCopy(): boolean {
    return this.#foundIsCopy
  }

  /** Counters of all threads by shard, in the order of the counter table. */
  stats(): ShardSample[] {
    return this.#stores.flatMap((_, shard) => {
      const values = this.#counters.read(shard)
      return COUNTERS.map(({ name }, counter) => ({ name, shard, value: values[counter]! }))
    })
  }

  #found(reader: StoreReader, place: number, isCopy: boolean): number {
    this.#foundIn = reader
    this.#foundAt = place
    this.#foundIsCopy = isCopy
    return reader.valueLength(place)
  }

  #readerOf({ store, accessLog }: StoreMemory): StoreReader {
    return new StoreReader(store, new AccessLog(accessLog), this.#thread, this.#pin)
  }

  #storeOf(hash: number): ReadStore {
    return this.#stores[shardOf(hash, this.#stores.length)]!
  }
}

/** Counts a call for a key of another node that a copy answered. */
export function countCopyHit(counters: CounterRow): void {
  counters.add(Counter.gets)
  counters.add(Counter.hits)
  counters.add(Counter.hot_hits)
}

function remembered(reader: StoreReader, place: number): Remembered {
  return {
    value: reader.isNotFound(place) ? null : reader.value(place),
    ttlLeftMs: reader.ttlLeftMs(place),
  }
}
