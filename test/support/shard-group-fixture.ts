import { once } from 'node:events'
import { Cancel } from '../../src/shared/cancel.js'
import { COUNTERS, type CounterName, GroupCounters } from '../../src/shared/counters.js'
import { type HashSeed, hashBytes } from '../../src/shared/hash.js'
import type { Failure, Freshness, LoadBounds, Loaded } from '../../src/shared/messages.js'
import { NodeCounters } from '../../src/shared/node-counters.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { Epochs } from '../../src/shared/store/epoch.js'
import { allocateStore } from '../../src/shared/store/layout.js'
import { StoreReader } from '../../src/shared/store/store-reader.js'
import type { Loader, LoadLimits } from '../../src/worker/loader.js'
import { ShardGroup } from '../../src/worker/shard-group.js'
import { FakeClock } from './fake-clock.js'

const SEED: HashSeed = { k0: 17, k1: 4 }

/** One call of a source that waits until the test lets it go on. */
export interface SourceCall {
  readonly keys: readonly string[]
  readonly limits: LoadLimits
  /** Answers with a value for each key, null for "not found". */
  answer(...values: (string | null | Failure | Loaded)[]): Promise<void>
  fail(error: unknown): Promise<void>
}

/** A source whose calls wait for the test. */
export class GatedSource implements Loader {
  readonly calls: SourceCall[] = []
  readonly takesMany: boolean

  constructor(takesMany = false) {
    this.takesMany = takesMany
  }

  load(keys: readonly Uint8Array[], limits: LoadLimits): Promise<readonly (Loaded | Failure)[]> {
    return new Promise((resolve, reject) => {
      this.calls.push({
        keys: keys.map((key) => Buffer.from(key).toString()),
        limits,
        answer: (...values) => {
          resolve(
            values.map((value) =>
              typeof value === 'string' ? { value: Buffer.from(value) } : value === null ? { value } : value,
            ),
          )
          return settled()
        },
        fail: (error) => {
          reject(error)
          return settled()
        },
      })
    })
  }

  /** Keys of all calls so far. */
  get keys(): string[] {
    return this.calls.flatMap(({ keys }) => keys)
  }

  /** The call of that number, counted from 1, which must have begun. */
  call(count: number): SourceCall {
    const call = this.calls[count - 1]
    if (!call) throw new Error(`The source had ${this.calls.length} calls, not ${count}`)
    return call
  }
}

/** Resolves when everything that is ready to happen has happened: promises, then what waits for the end of a turn. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await once(immediately(), 'abort')
}

function immediately(): AbortSignal {
  const controller = new AbortController()
  setImmediate(() => controller.abort())
  return controller.signal
}

/** What a call brought. */
export interface Got {
  readonly text: string
  readonly outcome: string
  readonly ttlLeftMs: number
}

/** A shard's part of a group with a source, a clock and chance in the hands of the test, and a reader, in one thread. */
export class ShardGroupFixture {
  readonly clock = new FakeClock()
  readonly source: GatedSource
  readonly group: ShardGroup
  /** What the next draw of chance gives. */
  random = 0
  readonly #counters = new GroupCounters(1)
  readonly #epochs = new Epochs()
  readonly #reader: StoreReader

  constructor(freshness: Partial<Freshness> = {}, loads: Partial<LoadBounds> = {}, takesMany = false) {
    this.source = new GatedSource(takesMany)
    const store = allocateStore(64 * 1024)
    const accessLog = new AccessLog()
    this.#reader = new StoreReader(store, accessLog, 0, this.clock)
    this.#epochs.admit(1)
    this.group = new ShardGroup(
      {
        id: 1,
        name: 'g',
        getter: { kind: 'function', takesMany },
        policy: 'lru',
        freshness: { ...PLAIN_FRESHNESS, ...freshness },
        loads: { ...PLAIN_LOADS, ...loads },
        valueBytesMax: 1000,
        store,
        accessLog: accessLog.memory,
        counters: this.#counters.memory,
        shardCount: 1,
        shard: 0,
      },
      {
        shard: 0,
        thread: 1,
        seed: SEED,
        epochs: this.#epochs.memory,
        counters: new NodeCounters().memory,
        heartbeat: new SharedArrayBuffer(4),
      },
      this.source,
      { clock: this.clock, random: () => this.random },
    )
  }

  /** As a node does: from memory if it is there and fresh, else by the owner. */
  async get(key: string, { ttlMsMax = Number.POSITIVE_INFINITY, signal = new Cancel() } = {}): Promise<Got> {
    const bytes = Buffer.from(key)
    const hash = hashBytes(bytes, 0, bytes.length, SEED)
    const place = this.#reader.find(bytes, 0, bytes.length, hash)
    if (place !== 0 && !this.#reader.isNotFound(place)) {
      const text = Buffer.from(this.#reader.value(place)).toString()
      return { text, outcome: 'hit', ttlLeftMs: this.#reader.ttlLeftMs(place) }
    }
    const call = { key: bytes, hash, deadlineMs: Number.POSITIVE_INFINITY, ttlMsMax }
    const { value, ...rest } = await this.group.get(call, signal)
    return { text: Buffer.from(value).toString(), ...rest }
  }

  /** Has the source answer a first load of the key. */
  async store(key: string, value: string | Loaded, options: { ttlMsMax?: number } = {}): Promise<void> {
    const got = this.get(key, options)
    await settled()
    await this.source.calls.at(-1)!.answer(value)
    await got
  }

  remove(key: string): void {
    const bytes = Buffer.from(key)
    this.group.remove(bytes, hashBytes(bytes, 0, bytes.length, SEED))
  }

  /** What a reader that allows stale values finds. */
  peekStale(key: string, staleMs: number): string | undefined {
    const bytes = Buffer.from(key)
    const hash = hashBytes(bytes, 0, bytes.length, SEED)
    const place = this.#reader.findStale(bytes, 0, bytes.length, hash, staleMs)
    return place === 0 ? undefined : Buffer.from(this.#reader.value(place)).toString()
  }

  counter(name: CounterName): number {
    return this.#counters.read(0)[COUNTERS.findIndex((spec) => spec.name === name)]!
  }

  /** Some of the counters by name. */
  counters(...names: CounterName[]): Record<string, number> {
    return Object.fromEntries(names.map((name) => [name, this.counter(name)]))
  }
}

const PLAIN_FRESHNESS: Freshness = {
  ttlMs: Number.POSITIVE_INFINITY,
  ttlJitter: 0,
  notFoundTtlMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  refreshAhead: 0,
  softTimeoutMs: Number.POSITIVE_INFINITY,
  errorBackoffMs: 0,
}

const PLAIN_LOADS: LoadBounds = {
  timeoutMs: 30_000,
  concurrencyMax: Number.POSITIVE_INFINITY,
  queueMax: 10_000,
  batchSizeMax: 256,
}
