import { type HashSeed, hashBytes } from '../../src/shared/hash.js'
import type { PolicyName } from '../../src/shared/policy-names.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { Epochs } from '../../src/shared/store/epoch.js'
import { allocateStore } from '../../src/shared/store/layout.js'
import { StoreReader } from '../../src/shared/store/store-reader.js'
import { POLICIES } from '../../src/worker/policy/policies.js'
import type { PutResult } from '../../src/worker/put.js'
import type { StoreParts } from '../../src/worker/store-parts.js'
import { StoreWriter } from '../../src/worker/store-writer.js'
import { FakeClock } from './fake-clock.js'

const SEED: HashSeed = { k0: 0x1234567, k1: 0x89abcde }

/** A store with its owner and one reader (thread 0), all in this thread, and counts of what left by itself. */
export class StoreFixture {
  readonly clock: FakeClock
  readonly epochs = new Epochs()
  readonly accessLog = new AccessLog()
  readonly memory: SharedArrayBuffer
  readonly reader: StoreReader
  readonly evicted = { count: 0 }
  readonly expired = { count: 0 }
  /** Hits that the owner has heard of. */
  readonly heard = { count: 0 }
  writer: StoreWriter
  readonly #policy: PolicyName

  readonly #freshness: Pick<StoreParts, 'staleMs' | 'refreshAhead'>

  constructor(
    budgetBytes: number,
    policy: PolicyName = 'lru',
    clock = new FakeClock(),
    freshness: Pick<StoreParts, 'staleMs' | 'refreshAhead'> = {},
  ) {
    this.#freshness = freshness
    this.clock = clock
    this.#policy = policy
    this.epochs.admit(0)
    this.memory = allocateStore(budgetBytes)
    this.reader = new StoreReader(this.memory, this.accessLog, 0, clock)
    this.writer = this.takeOver()
  }

  /** A new owner for the same memory, as after the death of a thread. */
  takeOver(): StoreWriter {
    this.writer = new StoreWriter(this.memory, {
      epochs: this.epochs,
      accessLog: this.accessLog,
      threadCount: () => 1,
      seed: SEED,
      clock: this.clock,
      policy: POLICIES[this.#policy],
      ...this.#freshness,
      events: {
        onEvict: () => this.evicted.count++,
        onExpire: () => this.expired.count++,
        onHit: () => this.heard.count++,
      },
    })
    return this.writer
  }

  hash(key: Uint8Array): number {
    return hashBytes(key, 0, key.length, SEED)
  }

  put(
    key: string | Uint8Array,
    value: string | Uint8Array | null,
    ttlMs = Number.POSITIVE_INFINITY,
    renewable = false,
  ): PutResult {
    const keyBytes = Buffer.from(key)
    return this.writer.put({
      key: keyBytes,
      hash: this.hash(keyBytes),
      value: Buffer.from(value ?? ''),
      notFound: value === null,
      ttlMs,
      renewable,
    })
  }

  remove(key: string): boolean {
    return this.writer.remove(Buffer.from(key), this.hash(Buffer.from(key)))
  }

  /** What a reader sees: bytes, null for "not found", undefined for a miss. */
  read(key: string | Uint8Array): Buffer | null | undefined {
    const keyBytes = Buffer.from(key)
    this.epochs.pin(0)
    const place = this.reader.find(keyBytes, 0, keyBytes.length, this.hash(keyBytes))
    const value =
      place === 0 ? undefined : this.reader.isNotFound(place) ? null : Buffer.from(this.reader.value(place))
    this.epochs.unpin(0)
    return value
  }

  /** What a reader sees that takes entries stale for less than `staleMs`. */
  stale(key: string, staleMs: number): string | undefined {
    const bytes = Buffer.from(key)
    const place = this.reader.findStale(bytes, 0, bytes.length, this.hash(bytes), staleMs)
    return place === 0 ? undefined : Buffer.from(this.reader.value(place)).toString()
  }

  text(key: string): string | null | undefined {
    const value = this.read(key)
    return value ? value.toString() : value
  }
}
