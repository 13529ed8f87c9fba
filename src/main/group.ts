import { Counter } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import type { FrontMetrics } from '../shared/front-metrics.js'
import type { ShardSample } from '../shared/group-reader.js'
import { assertKeyLength, encodeKey, type Key } from '../shared/key.js'
import { FALLBACK_TTL_MS, MANY_KEYS_MAX } from '../shared/limits.js'
import { RequestOutcome } from '../shared/node-metrics.js'
import type { HotKey, KeyFacts } from '../shared/operation.js'
import { isPolicyName, type PolicyName, unknownPolicy } from '../shared/policy-names.js'
import { traced } from '../shared/tracing.js'
import type { Answer, CallOptions } from './call.js'
import type { GroupOperations } from './group-operations.js'
import { answerAttributes, getManySpan, getSpan, joinActive } from './group-spans.js'
import type { Invalidated, InvalidationTeller } from './invalidations.js'
import { type LocalGroup, notFound, type Read } from './local-group.js'
import type { PeerPicker } from './peer.js'
import { askAlone, PeerBatch } from './peer-batch.js'
import type { PeerRoute } from './peer-route.js'

/** Hot keys that are told unless more are asked for, and most that can be. */
const HOT_KEYS = 32
const HOT_KEYS_MAX = 4096

/** Where a key lives, and what this node has of it. */
export interface Explanation extends KeyFacts {
  /** Address of the node that owns the key. */
  readonly owner: string
  /** True when that is this node. */
  readonly isOwned: boolean
  /** How long a hot copy of the value, which another node owns, is still good here; absent when there is none. */
  readonly hotCopyMs?: number
  /** The part of this node's memory that the key would be in. */
  readonly shard: number
}

/** Keys that are read under one pin: writers wait for it. */
const PINNED_KEYS_MAX = 256

/** How the fronts call a group. */
export interface FetchOptions extends CallOptions {
  /** The call comes from a peer: it is answered from this node and never forwarded again, whatever the ring says. */
  readonly forwarded?: boolean
}

export interface GroupParts {
  readonly name: string
  /** Address of this node. */
  readonly self: () => string
  readonly local: LocalGroup
  readonly operations: GroupOperations
  readonly peers: PeerPicker
  readonly route: PeerRoute
  readonly invalidations: InvalidationTeller
  readonly keyBytesMax: number
  /** Of the calls of the embedding process; those of the fronts are counted there. */
  readonly metrics: FrontMetrics
}

/**
 * A named set of keys with one source. A Get takes the shortest way to the value: memory of this node, when it owns the
 * key; the owner, when another does; a load from the source by whoever owns it, or by this node when nobody else
 * answers.
 */
export class Group {
  readonly name: string
  readonly #self: () => string
  readonly #local: LocalGroup
  readonly #operations: GroupOperations
  readonly #peers: PeerPicker
  readonly #invalidations: InvalidationTeller
  readonly #keyBytesMax: number
  readonly #metrics: FrontMetrics
  readonly #route: PeerRoute
  #isClosed = false

  constructor(parts: GroupParts) {
    const { name, self, local, operations, peers, route, invalidations, keyBytesMax, metrics } = parts
    this.name = name
    this.#self = self
    this.#operations = operations
    this.#local = local
    this.#peers = peers
    this.#invalidations = invalidations
    this.#keyBytesMax = keyBytesMax
    this.#metrics = metrics
    this.#route = route
  }

  /**
   * The value of a key.
   *
   * @throws CacheError NOT_FOUND when the source has no such key; DEADLINE_EXCEEDED, CANCELLED; UNKNOWN when the getter
   *   failed; INVALID_ARGUMENT for an empty or too long key; UNAVAILABLE while the shard restarts
   */
  async get(key: Key, options: CallOptions = {}): Promise<Uint8Array> {
    const { value, outcome } = await this.#fetch(encodeKey(key), joinActive(options), this.#metrics)
    // Calls that shared one load each get bytes of their own.
    return outcome === 'coalesced' ? value.slice() : value
  }

  /**
   * The values of many keys, in their order: `null` where the source has no such key, a CacheError where a call of get()
   * would have rejected with it, so that one key that fails costs no other its value. What lies in memory is read at
   * once; keys of other nodes go to each owner in one call, keys of this one to a batch getter together.
   *
   * @throws CacheError INVALID_ARGUMENT for over 10 000 keys, FAILED_PRECONDITION when the group or node is closed
   */
  async getMany(keys: Iterable<Key>, options: CallOptions = {}): Promise<(Uint8Array | null | CacheError)[]> {
    const startedMs = performance.now()
    const answers = await this.fetchMany(Array.from(keys, encodeKey), joinActive(options))
    this.#metrics.recordMany(answers, this.#self(), startedMs)
    return answers.map((answer) => {
      if (answer instanceof CacheError) return answer.code === 'NOT_FOUND' ? null : answer
      return answer.outcome === 'coalesced' ? answer.value.slice() : answer.value
    })
  }

  /**
   * The value if it lies in this node's memory. Sends no message, waits for nothing, never loads.
   *
   * @param options.stale true: also a value past its time to live that the options of the group let be served
   */
  peek(key: Key, { stale = false }: { readonly stale?: boolean } = {}): Uint8Array | undefined {
    this.#assertOpen()
    const bytes = encodeKey(key)
    const found = this.#local.read(bytes)?.value ?? this.#local.reader.readCopy(bytes)?.value
    return found ?? (stale ? this.#local.reader.readStale(bytes) : undefined)
  }

  /** Resolves once the owner of the key holds it no more, whether it held it before or not. */
  async delete(key: Key, options: CallOptions = {}): Promise<void> {
    await this.remove(encodeKey(key), options)
  }

  /** Removes everything that this node holds of the group. Other nodes keep what they hold. */
  async clear(): Promise<void> {
    this.#assertOpen()
    this.#route.forgetAll()
    await this.#local.clear()
  }

  /**
   * Changes the eviction policy on this node, in all its shards. Nothing is lost: entries go over in the order in which
   * the old policy would have given them up, while the group goes on serving. `sieve` can collapse for good when the
   * work changes: another policy, or `clear()`, brings the group back.
   *
   * @throws CacheError INVALID_ARGUMENT when there is no policy of that name
   */
  async setPolicy(policy: PolicyName): Promise<void> {
    this.#assertOpen()
    if (!isPolicyName(policy)) throw unknownPolicy(policy)
    await this.#local.setPolicy(policy)
  }

  /**
   * Gives the group another amount of memory on this node. Entries stay, those that the policy would give up first
   * excepted when there is less room; both memories are in use until all are copied. The number of shards stays.
   *
   * @throws CacheError INVALID_ARGUMENT when that is too little for its shards; FAILED_PRECONDITION while another resize
   *   is under way; RESOURCE_EXHAUSTED when there is no such memory; UNAVAILABLE when a shard had to be restarted. The
   *   group is as it was then.
   */
  async resize(maxBytes: number): Promise<void> {
    this.#assertOpen()
    await this.#operations.resize(maxBytes)
    this.#route.resize(maxBytes)
  }

  /** Who owns a key, and what this node's memory has of it. Counts as no hit and keeps nothing alive. */
  async explain(key: Key): Promise<Explanation> {
    this.#assertOpen()
    const bytes = new Uint8Array(encodeKey(key))
    assertKeyLength(bytes.length, this.#keyBytesMax)
    const [peer] = this.#peers.pick(bytes, 1)
    const facts = await this.#operations.explain(bytes)
    const hotCopyMs = peer && this.#local.reader.readCopy(bytes)?.ttlLeftMs
    return {
      owner: peer?.address ?? this.#self(),
      isOwned: peer === undefined,
      ...facts,
      ...(hotCopyMs !== undefined && { hotCopyMs }),
    }
  }

  /** The keys of this node's memory that are asked for most often, at most `countMax` of them: estimates. */
  async hotKeys(countMax = HOT_KEYS): Promise<HotKey[]> {
    this.#assertOpen()
    if (!Number.isInteger(countMax) || countMax < 1 || countMax > HOT_KEYS_MAX) {
      throw new CacheError(
        'INVALID_ARGUMENT',
        `The number of hot keys is ${countMax}, not a whole number from 1 to ${HOT_KEYS_MAX}`,
      )
    }
    return this.#operations.hotKeys(countMax)
  }

  /**
   * Tells of keys whose values are no longer good, so that copies of them can be dropped: they were deleted, evicted, have
   * expired, or the source gave another value, at whichever node owns them; of 'all' when that may be every key. Returns
   * what ends it. {@link Invalidations} says how a copy is kept safely.
   */
  onInvalidate(listener: (keys: Invalidated) => void): () => void {
    this.#assertOpen()
    return this.#invalidations.watch(this.name, listener)
  }

  /** False while the owner of the key does not tell of changes: nobody may keep a copy of its value. */
  covers(key: Key): boolean {
    return this.#invalidations.covers(this.name, encodeKey(key))
  }

  /** Who asks for these keys of this node from here on joins no load that began before. */
  forgetLoads(keys: Invalidated): void {
    this.#local.forgetLoads(keys)
  }

  /** Likewise for keys of other nodes. */
  forgetPeerCalls(keys: Invalidated): void {
    if (keys === 'all') this.#route.forgetAll()
    else for (const key of keys) this.#route.forget(key)
  }

  /** Counters of this node by shard; sends no message. */
  stats(): ShardSample[] {
    return this.#local.reader.stats()
  }

  /** As get(), for fronts: says where the value came from. */
  fetch(key: Uint8Array, options: FetchOptions = {}): Promise<Answer> {
    return this.#fetch(key, options, undefined)
  }

  /** As getMany(), for fronts: says where the values came from. NOT_FOUND is an error like the others. */
  fetchMany(keys: readonly Uint8Array[], options: FetchOptions = {}): Promise<(Answer | CacheError)[]> {
    if (options.trace === undefined) return this.#findMany(keys, options)
    return traced(options.trace, getManySpan(this.name, keys.length), (trace) =>
      this.#findMany(keys, { ...options, trace }),
    )
  }

  async #findMany(keys: readonly Uint8Array[], options: FetchOptions): Promise<(Answer | CacheError)[]> {
    this.#assertOpen()
    if (keys.length > MANY_KEYS_MAX)
      throw new CacheError('INVALID_ARGUMENT', `${keys.length} keys at once, the limit is ${MANY_KEYS_MAX}`)
    const { ask } = new PeerBatch(this.name)
    const answers: (Promise<Answer> | undefined)[] = keys.map((key) => {
      if (!this.#isKey(key)) return this.fetch(key, options)
      if (options.forwarded || this.#owns(key)) return undefined
      return this.#route.fetch(key, options, ask)
    })
    const own = answers.flatMap((answer, index) => (answer ? [] : [index]))
    for (let from = 0; from < own.length; from += PINNED_KEYS_MAX) {
      const some = own.slice(from, from + PINNED_KEYS_MAX)
      const found = this.#local.readMany(some.map((index) => keys[index]!))
      some.forEach((index, at) => {
        this.#local.reader.countersOf(keys[index]!).add(Counter.gets)
        answers[index] = this.#answer(keys[index]!, found[at], options)
      })
    }
    const settled = await Promise.allSettled(answers as Promise<Answer>[])
    return settled.map((result) =>
      result.status === 'fulfilled' ? result.value : CacheError.from(result.reason, 'INTERNAL'),
    )
  }

  /**
   * The hot path of a Get: a hit for the key `bytes[start…end)`, answered in place. For pinned callers.
   *
   * @param forwarded as in {@link FetchOptions}
   * @returns length of the value, to be taken with copyFound(); −1 when fetch() has to answer
   */
  find(bytes: Uint8Array, start: number, end: number, forwarded: boolean): number {
    const length = end - start
    if (this.#isClosed || length === 0 || length > this.#keyBytesMax) return -1
    const { reader } = this.#local
    if (forwarded || this.#peers.owns(bytes, start, end)) return reader.find(bytes, start, end)
    return reader.findCopy(bytes, start, end)
  }

  /** Copies the value that find() found to `target` from `at` on. */
  copyFound(target: Uint8Array, at: number): void {
    this.#local.reader.copyFound(target, at)
  }

  /** Milliseconds that the value which find() found may be kept; Infinity for no limit. */
  foundTtlLeftMs(): number {
    return this.#local.reader.foundTtlLeftMs()
  }

  /** Milliseconds since the value which find() found was stored; Infinity when nobody noted it. */
  foundAgeMs(): number {
    return this.#local.reader.foundAgeMs()
  }

  /** The value that find() found, where it lies in shared memory: good under the pin alone. */
  foundView(): Uint8Array {
    return this.#local.reader.foundView()
  }

  /** Where find() found it, to be compared with another find. */
  get foundStore(): object | undefined {
    return this.#local.reader.foundStore
  }

  get foundPlace(): number {
    return this.#local.reader.foundPlace
  }

  get foundIsCopy(): boolean {
    return this.#local.reader.foundIsCopy
  }

  /** As delete(), for fronts. Rejects with UNAVAILABLE when the owner cannot be reached: it may still hold the key. */
  async remove(key: Uint8Array, options: FetchOptions = {}): Promise<void> {
    this.#assertOpen()
    assertKeyLength(key.length, this.#keyBytesMax)
    // Copies from a time when this node stood in for the owner go as well.
    const removed = this.#local.remove(key)
    // Who asks after this call must not join a peer call that began before it.
    this.#route.forget(key)
    const [owner] = options.forwarded ? [] : this.#peers.pick(key, 1)
    // Both, whatever becomes of the other.
    const results = await Promise.allSettled([removed, owner?.remove(this.name, key, options)])
    if (owner) {
      // The owner tells of it, too, but after its answer.
      this.#route.forget(key)
      this.#invalidations.tell(this.name, [new Uint8Array(key)])
    }
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** True once the group was removed, or its node closed. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** From here on, calls reject. */
  close(): void {
    this.#isClosed = true
    this.#route.close()
  }

  #fetch(key: Uint8Array, options: FetchOptions, metrics: FrontMetrics | undefined): Promise<Answer> {
    if (options.trace === undefined) return this.#find(key, options, metrics)
    return traced(
      options.trace,
      getSpan(this.name),
      (trace) => this.#find(key, { ...options, trace }, metrics),
      (answer) => answerAttributes(answer, this.#self()),
    )
  }

  /** @param metrics counts the call; hits without their time: reading a clock twice would cost a fifth of one */
  async #find(key: Uint8Array, options: FetchOptions, metrics: FrontMetrics | undefined): Promise<Answer> {
    this.#assertOpen()
    assertKeyLength(key.length, this.#keyBytesMax)
    if (!options.forwarded && !this.#owns(key)) {
      const answer = this.#route.fetch(key, options, askAlone(this.name))
      return metrics ? metrics.time(answer, this.#self()) : answer
    }
    const found = this.#local.read(key)
    this.#local.reader.countersOf(key).add(Counter.gets)
    const answer = this.#answer(key, found, options)
    if (!metrics) return answer
    if (!found) return metrics.time(answer, this.#self())
    metrics.count(found.value === null ? RequestOutcome.not_found : RequestOutcome.hit)
    return answer
  }

  #owns(key: Uint8Array): boolean {
    return this.#peers.owns(key, 0, key.length)
  }

  #isKey(key: Uint8Array): boolean {
    return key.length > 0 && key.length <= this.#keyBytesMax
  }

  /** What was found, or what the owner of its shard loads. */
  async #answer(key: Uint8Array, found: Read | undefined, options: CallOptions): Promise<Answer> {
    const counters = this.#local.reader.countersOf(key)
    if (!found) {
      counters.add(Counter.misses)
      return this.#local.load(key, options, this.#owns(key) ? Number.POSITIVE_INFINITY : FALLBACK_TTL_MS)
    }
    counters.add(Counter.hits)
    const { value } = found
    if (value === null) throw notFound()
    return { ...found, value }
  }

  #assertOpen(): void {
    if (this.#isClosed)
      throw new CacheError('FAILED_PRECONDITION', `Group "${this.name}" was removed, or its node closed`)
  }
}
