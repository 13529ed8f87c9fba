import type { CancelSignal } from '../shared/cancel.js'
import { Counter } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import { countCopyHit, type GroupReader, type Remembered } from '../shared/group-reader.js'
import { binaryKey } from '../shared/key.js'
import type { PolicyName } from '../shared/policy-names.js'
import { Singleflight } from '../shared/singleflight.js'
import type { TraceParent } from '../shared/tracing.js'
import type { Answer, CallOptions } from './call.js'
import type { Invalidated } from './invalidations.js'

/** The owner of one store of a group, as the core sees it. */
export interface StoreOwner {
  load(
    request: {
      group: number
      key: Uint8Array
      hash: number
      deadlineMs: number
      ttlMsMax: number
      trace?: TraceParent | undefined
    },
    signal: CancelSignal,
  ): Promise<Omit<Answer, 'answeredBy'>>
  remove(group: number, key: Uint8Array, hash: number): Promise<void>
  keep(copy: {
    group: number
    key: Uint8Array
    hash: number
    value: Uint8Array
    ttlMs: number
    stamp: number
  }): void
  clear(group: number): Promise<void>
  setPolicy(group: number, policy: PolicyName): Promise<void>
}

/** The stores of a group on this node, and who owns them. */
export interface LocalGroupOptions {
  readonly id: number
  /** Address of this node. */
  readonly self: () => string
  /** Hits of the group in this thread. */
  readonly reader: GroupReader
  /** By shard. */
  readonly owners: readonly StoreOwner[]
}

/** What lies in memory; null stands for a remembered "not found". */
export type Read = Omit<Answer, 'value'> & { value: Uint8Array | null }

/**
 * The part of a group that lives on this node: hits are read from shared memory, without a message; misses go to the
 * owner of the key's shard, one call per key at a time.
 */
export class LocalGroup {
  readonly reader: GroupReader
  readonly #options: LocalGroupOptions
  readonly #flights = new Singleflight<Answer>()

  constructor(options: LocalGroupOptions) {
    this.reader = options.reader
    this.#options = options
  }

  /** The value in memory: bytes of their own, null for a remembered "not found", undefined for a miss. */
  read(key: Uint8Array): Read | undefined {
    return this.#present(this.reader.read(key))
  }

  /** As read(), but a copy of the value of a key that another node owns; counts the hit. */
  readCopy(key: Uint8Array): Answer | undefined {
    const found = this.reader.readCopy(key)
    if (!found?.value) return undefined
    countCopyHit(this.reader.countersOf(key))
    return {
      value: found.value,
      ttlLeftMs: found.ttlLeftMs,
      outcome: 'hot',
      answeredBy: this.#options.self(),
    }
  }

  /** Has the owner of the key's shard keep a copy of a value that another node owns. */
  keepCopy(copy: { key: Uint8Array; hash: number; value: Uint8Array; ttlMs: number; stamp: number }): void {
    this.#ownerOf(copy.hash).keep({ group: this.#options.id, ...copy })
  }

  /** As read() for each of the keys, under one pin. */
  readMany(keys: readonly Uint8Array[]): (Read | undefined)[] {
    return this.reader.readMany(keys).map((found) => this.#present(found))
  }

  /** Has the owner load the key, or joins a load that is under way. The value is kept for at most `ttlMsMax`. */
  load(callersKey: Uint8Array, options: CallOptions, ttlMsMax: number): Promise<Answer> {
    // Bytes of our own: the caller may use its buffer again while the message waits to be sent.
    const key = new Uint8Array(callersKey)
    const hash = this.reader.hash(key)
    const { id: group, self } = this.#options
    const { trace } = options
    const { result, isFirst } = this.#flights.join(binaryKey(key), options, ({ deadlineMs, signal }) =>
      this.#ownerOf(hash)
        .load({ group, key, hash, deadlineMs, ttlMsMax, trace }, signal)
        .then(({ value, outcome, ttlLeftMs }) => ({ value, outcome, answeredBy: self(), ttlLeftMs })),
    )
    if (isFirst) return result
    this.reader.countersOf(key).add(Counter.coalesced)
    return result.then((answer) => ({ ...answer, outcome: 'coalesced' }))
  }

  /** Resolves when no thread can find the key any more, and no load under way will bring it back. */
  async remove(callersKey: Uint8Array): Promise<void> {
    const key = new Uint8Array(callersKey)
    const hash = this.reader.hash(key)
    // Who asks after this call must not join a load that began before it.
    this.#flights.forget(binaryKey(key))
    await this.#ownerOf(hash).remove(this.#options.id, key, hash)
  }

  /** Who asks for these keys from here on joins no load that began before. */
  forgetLoads(keys: Invalidated): void {
    if (keys === 'all') this.#flights.forgetAll()
    else for (const key of keys) this.#flights.forget(binaryKey(key))
  }

  async clear(): Promise<void> {
    this.#flights.forgetAll()
    await Promise.all(this.#options.owners.map((owner) => owner.clear(this.#options.id)))
  }

  async setPolicy(policy: PolicyName): Promise<void> {
    await Promise.all(this.#options.owners.map((owner) => owner.setPolicy(this.#options.id, policy)))
  }

  #present(found: Remembered | undefined): Read | undefined {
    return found && { ...found, outcome: 'hit', answeredBy: this.#options.self() }
  }

  #ownerOf(hash: number): StoreOwner {
    return this.#options.owners[this.reader.shardOf(hash)]!
  }
}

/** What a remembered, or a fresh, "not found" is to a caller. */
export function notFound(): CacheError {
  return new CacheError('NOT_FOUND', 'The source has no such key')
}
