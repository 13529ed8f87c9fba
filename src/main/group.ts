import type { CancelSignal } from '../shared/cancel.js'
import { type Clock, systemClock } from '../shared/clock.js'
import { Counter } from '../shared/counters.js'
import { CacheError, type CodeName } from '../shared/errors.js'
import type { ShardSample } from '../shared/group-reader.js'
import { assertKeyLength, binaryKey, encodeKey, type Key } from '../shared/key.js'
import { FALLBACK_TTL_MS, MANY_KEYS_MAX } from '../shared/limits.js'
import type { HotKey, KeyFacts } from '../shared/operation.js'
import { isPolicyName, type PolicyName, unknownPolicy } from '../shared/policy-names.js'
import { type FlightContext, Singleflight } from '../shared/singleflight.js'
import type { Answer, CallOptions } from './call.js'
import type { GroupOperations } from './group-operations.js'
import { type LocalGroup, notFound, type Read } from './local-group.js'
import type { Peer, PeerPicker } from './peer.js'
import { type AskPeer, PeerBatch } from './peer-batch.js'

/** How many nodes are asked for a key before this one loads it: its owner, and who takes over from the owner. */
const OWNERS_ASKED = 2

/** Part of the time left that one peer may take, so that there is time for another way when it hangs. */
const PEER_TIME_SHARE = 0.6

/** Rejections of a peer that are its word on the key; with any other code somebody else is asked. */
const PEER_ANSWERS: ReadonlySet<CodeName> = new Set([
  'NOT_FOUND',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'RESOURCE_EXHAUSTED',
])

/** Hot keys that are told unless more are asked for, and most that can be. */
const HOT_KEYS = 32
const HOT_KEYS_MAX = 4096

/** Where a key lives, and what this node has of it. */
export interface Explanation extends KeyFacts {
  /** Address of the node that owns the key. */
  readonly owner: string
  /** True when that is this node. */
  readonly isOwned: boolean
  /** The part of this node's memory that the key would be in. */
  readonly shard: number
}

/** Keys that are read under one pin: writers wait for it. */
const PINNED_KEYS_MAX = 256

/** One key at a time. */
const askAlone =
  (group: string): AskPeer =>
  (peer, key, options) =>
    peer.fetch(group, key, options)

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
  readonly keyBytesMax: number
  readonly clock?: Clock
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
  readonly #keyBytesMax: number
  readonly #clock: Clock
  readonly #peerFlights = new Singleflight<Answer>()
  #isClosed = false

  constructor({ name, self, local, operations, peers, keyBytesMax, clock = systemClock }: GroupParts) {
    this.name = name
    this.#self = self
    this.#operations = operations
    this.#local = local
    this.#peers = peers
    this.#keyBytesMax = keyBytesMax
    this.#clock = clock
  }

  /**
   * The value of a key.
   *
   * @throws CacheError NOT_FOUND when the source has no such key; DEADLINE_EXCEEDED, CANCELLED; UNKNOWN when the getter
   *   failed; INVALID_ARGUMENT for an empty or too long key; UNAVAILABLE while the shard restarts
   */
  async get(key: Key, options: CallOptions = {}): Promise<Uint8Array> {
    const { value, outcome } = await this.fetch(encodeKey(key), options)
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
    const answers = await this.fetchMany(Array.from(keys, encodeKey), options)
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
    return this.#local.read(bytes)?.value ?? (stale ? this.#local.reader.readStale(bytes) : undefined)
  }

  /** Resolves once the owner of the key holds it no more, whether it held it before or not. */
  async delete(key: Key, options: CallOptions = {}): Promise<void> {
    await this.remove(encodeKey(key), options)
  }

  /** Removes everything that this node holds of the group. Other nodes keep what they hold. */
  async clear(): Promise<void> {
    this.#assertOpen()
    this.#peerFlights.forgetAll()
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
  }

  /** Who owns a key, and what this node's memory has of it. Counts as no hit and keeps nothing alive. */
  async explain(key: Key): Promise<Explanation> {
    this.#assertOpen()
    const bytes = new Uint8Array(encodeKey(key))
    assertKeyLength(bytes.length, this.#keyBytesMax)
    const [peer] = this.#peers.pick(bytes, 1)
    const facts = await this.#operations.explain(bytes)
    return { owner: peer?.address ?? this.#self(), isOwned: peer === undefined, ...facts }
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

  /** Counters of this node by shard; sends no message. */
  stats(): ShardSample[] {
    return this.#local.reader.stats()
  }

  /** As get(), for fronts: says where the value came from. */
  async fetch(key: Uint8Array, options: FetchOptions = {}): Promise<Answer> {
    this.#assertOpen()
    assertKeyLength(key.length, this.#keyBytesMax)
    const counters = this.#local.reader.countersOf(key)
    counters.add(Counter.gets)
    if (!options.forwarded && !this.#owns(key)) return this.#fetchFromPeers(key, options, askAlone(this.name))
    return this.#answer(key, this.#local.read(key), options)
  }

  /** As getMany(), for fronts: says where the values came from. NOT_FOUND is an error like the others. */
  async fetchMany(keys: readonly Uint8Array[], options: FetchOptions = {}): Promise<(Answer | CacheError)[]> {
    this.#assertOpen()
    if (keys.length > MANY_KEYS_MAX)
      throw new CacheError('INVALID_ARGUMENT', `${keys.length} keys at once, the limit is ${MANY_KEYS_MAX}`)
    const { ask } = new PeerBatch(this.name)
    const answers: (Promise<Answer> | undefined)[] = keys.map((key) => {
      if (!this.#isKey(key)) return this.fetch(key, options)
      if (options.forwarded || this.#owns(key)) return undefined
      this.#local.reader.countersOf(key).add(Counter.gets)
      return this.#fetchFromPeers(key, options, ask)
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
    if (!forwarded && !this.#peers.owns(bytes, start, end)) return -1
    return this.#local.reader.find(bytes, start, end)
  }

  /** Copies the value that find() found to `target` from `at` on. */
  copyFound(target: Uint8Array, at: number): void {
    this.#local.reader.copyFound(target, at)
  }

  /** Milliseconds that the value which find() found may be kept; Infinity for no limit. */
  foundTtlLeftMs(): number {
    return this.#local.reader.foundTtlLeftMs()
  }

  /** As delete(), for fronts. Rejects with UNAVAILABLE when the owner cannot be reached: it may still hold the key. */
  async remove(key: Uint8Array, options: FetchOptions = {}): Promise<void> {
    this.#assertOpen()
    assertKeyLength(key.length, this.#keyBytesMax)
    // Copies from a time when this node stood in for the owner go as well.
    const removed = this.#local.remove(key)
    // Who asks after this call must not join a peer call that began before it.
    this.#peerFlights.forget(binaryKey(key))
    const [owner] = options.forwarded ? [] : this.#peers.pick(key, 1)
    // Both, whatever becomes of the other.
    const results = await Promise.allSettled([removed, owner?.remove(this.name, key, options)])
    for (const result of results) if (result.status === 'rejected') throw result.reason
  }

  /** True once the group was removed, or its node closed. */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** From here on, calls reject. */
  close(): void {
    this.#isClosed = true
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

  async #fetchFromPeers(callersKey: Uint8Array, options: CallOptions, ask: AskPeer): Promise<Answer> {
    const key = new Uint8Array(callersKey)
    const { result, isFirst } = this.#peerFlights.join(binaryKey(key), options, (flight) =>
      this.#askPeers(key, flight, ask),
    )
    if (!isFirst) this.#local.reader.countersOf(key).add(Counter.coalesced)
    const answer = await result
    return isFirst ? answer : { ...answer, outcome: 'coalesced' }
  }

  /** The owner first, then who takes over from it, then this node: the source can answer, so the caller gets it. */
  async #askPeers(key: Uint8Array, flight: FlightContext, ask: AskPeer): Promise<Answer> {
    const counters = this.#local.reader.countersOf(key)
    const endsMs = this.#clock.nowMs() + flight.deadlineMs
    for (const peer of this.#peers.pick(key, OWNERS_ASKED)) {
      if (!peer) break
      counters.add(Counter.peer_gets)
      const answer = await this.#askPeer(peer, key, flight.signal, endsMs - this.#clock.nowMs(), ask)
      if (answer) return answer
      counters.add(Counter.peer_errors)
    }
    counters.add(Counter.fallbacks)
    const found = this.#local.read(key)
    if (found?.value) return { ...found, value: found.value }
    // The waiters of this flight keep their own deadlines.
    return this.#local.load(key, { signal: flight.signal }, FALLBACK_TTL_MS)
  }

  /** Undefined when there was no answer. */
  async #askPeer(
    peer: Peer,
    key: Uint8Array,
    signal: CancelSignal,
    leftMs: number,
    ask: AskPeer,
  ): Promise<Answer | undefined> {
    // Once the first waiter has gone, those who are left have more time than it had.
    const deadlineMs = leftMs > 0 ? leftMs * PEER_TIME_SHARE : Number.POSITIVE_INFINITY
    try {
      return await ask(peer, key, { deadlineMs, signal })
    } catch (thrown) {
      const error = CacheError.from(thrown)
      if (PEER_ANSWERS.has(error.code) || signal.aborted) throw error
      return undefined
    }
  }

  #assertOpen(): void {
    if (this.#isClosed)
      throw new CacheError('FAILED_PRECONDITION', `Group "${this.name}" was removed, or its node closed`)
  }
}
