import type { CancelSignal } from '../shared/cancel.js'
import type { Clock } from '../shared/clock.js'
import { Counter } from '../shared/counters.js'
import { CacheError, type CodeName } from '../shared/errors.js'
import { binaryKey } from '../shared/key.js'
import { FALLBACK_TTL_MS } from '../shared/limits.js'
import { type FlightContext, Singleflight } from '../shared/singleflight.js'
import type { TraceParent } from '../shared/tracing.js'
import type { Answer, CallOptions } from './call.js'
import type { InvalidationTeller } from './invalidations.js'
import type { LocalGroup } from './local-group.js'
import type { Peer, PeerPicker } from './peer.js'
import type { AskPeer } from './peer-batch.js'

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

/** For whom a peer is asked. */
interface PeerTurn {
  readonly signal: CancelSignal
  /** Time that is left for all peers, in ms. */
  readonly leftMs: number
  readonly trace: TraceParent | undefined
}

export interface PeerRouteParts {
  /** Of the group. */
  readonly name: string
  readonly local: LocalGroup
  readonly peers: PeerPicker
  readonly invalidations: InvalidationTeller
  readonly clock: Clock
}

/** The way to the values of a group that other nodes own: to their owners, or past them when they do not answer. */
export class PeerRoute {
  readonly #name: string
  readonly #local: LocalGroup
  readonly #invalidations: InvalidationTeller
  readonly #peers: PeerPicker
  readonly #clock: Clock
  readonly #flights = new Singleflight<Answer>()

  constructor({ name, local, peers, invalidations, clock }: PeerRouteParts) {
    this.#name = name
    this.#invalidations = invalidations
    this.#local = local
    this.#peers = peers
    this.#clock = clock
  }

  /** Who asks from here on joins no call that began before. */
  forget(key: Uint8Array): void {
    this.#flights.forget(binaryKey(key))
  }

  /** As forget() for all keys. */
  forgetAll(): void {
    this.#flights.forgetAll()
  }

  /** The value of a key that another node owns; one way for all who ask at a time. */
  async fetch(callersKey: Uint8Array, options: CallOptions, ask: AskPeer): Promise<Answer> {
    const key = new Uint8Array(callersKey)
    const { result, isFirst } = this.#flights.join(binaryKey(key), options, (flight) =>
      this.#askPeers(key, flight, ask, options.trace),
    )
    if (!isFirst) this.#local.reader.countersOf(key).add(Counter.coalesced)
    const answer = await result
    return isFirst ? answer : { ...answer, outcome: 'coalesced' }
  }

  /**
   * The owner first, then who takes over from it, then this node: the source can answer, so the caller gets it. The owner
   * tells of its own value only, so any other is told of at once: nobody may keep a copy of it.
   */
  async #askPeers(
    key: Uint8Array,
    flight: FlightContext,
    ask: AskPeer,
    trace: TraceParent | undefined,
  ): Promise<Answer> {
    const counters = this.#local.reader.countersOf(key)
    const endsMs = this.#clock.nowMs() + flight.deadlineMs
    let isOwner = true
    for (const peer of this.#peers.pick(key, OWNERS_ASKED)) {
      if (!peer) break
      counters.add(Counter.peer_gets)
      const turn = { signal: flight.signal, leftMs: endsMs - this.#clock.nowMs(), trace }
      const answer = await this.#askPeer(peer, key, turn, ask)
      if (answer) {
        if (!isOwner) this.#invalidations.tell(this.#name, [key])
        return answer
      }
      isOwner = false
      counters.add(Counter.peer_errors)
    }
    counters.add(Counter.fallbacks)
    const found = this.#local.read(key)
    // The waiters of this flight keep their own deadlines.
    const answer = found?.value
      ? { ...found, value: found.value }
      : await this.#local.load(key, { signal: flight.signal, trace }, FALLBACK_TTL_MS)
    this.#invalidations.tell(this.#name, [key])
    return answer
  }

  /** Undefined when there was no answer. */
  async #askPeer(
    peer: Peer,
    key: Uint8Array,
    { signal, leftMs, trace }: PeerTurn,
    ask: AskPeer,
  ): Promise<Answer | undefined> {
    // Once the first waiter has gone, those who are left have more time than it had.
    const deadlineMs = leftMs > 0 ? leftMs * PEER_TIME_SHARE : Number.POSITIVE_INFINITY
    try {
      return await ask(peer, key, { deadlineMs, signal, trace })
    } catch (thrown) {
      const error = CacheError.from(thrown)
      if (PEER_ANSWERS.has(error.code) || signal.aborted) throw error
      return undefined
    }
  }
}
