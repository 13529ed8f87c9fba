import type { Clock } from '../shared/clock.js'
import { Counter } from '../shared/counters.js'
import { binaryKey } from '../shared/key.js'
import { FALLBACK_TTL_MS } from '../shared/limits.js'
import { type FlightContext, Singleflight } from '../shared/singleflight.js'
import type { TraceParent } from '../shared/tracing.js'
import { askPeer } from './ask-peer.js'
import type { Answer, CallOptions } from './call.js'
import type { HotCopies } from './hot-copies.js'
import type { InvalidationTeller } from './invalidations.js'
import type { LocalGroup } from './local-group.js'
import type { PeerPicker } from './peer.js'
import type { AskPeer } from './peer-batch.js'

/** How many nodes are asked for a key before this one loads it: its owner, and who takes over from the owner. */
const OWNERS_ASKED = 2

export interface PeerRouteParts {
  /** Of the group. */
  readonly name: string
  readonly local: LocalGroup
  readonly peers: PeerPicker
  readonly invalidations: InvalidationTeller
  readonly copies: HotCopies
  readonly clock: Clock
}

/** The way to the values of a group that other nodes own: to their owners, or past them when they do not answer. */
export class PeerRoute {
  readonly #name: string
  readonly #local: LocalGroup
  readonly #invalidations: InvalidationTeller
  readonly #peers: PeerPicker
  readonly #copies: HotCopies
  readonly #clock: Clock
  readonly #flights = new Singleflight<Answer>()

  constructor({ name, local, peers, invalidations, copies, clock }: PeerRouteParts) {
    this.#name = name
    this.#invalidations = invalidations
    this.#local = local
    this.#peers = peers
    this.#copies = copies
    this.#clock = clock
  }

  /** Who asks from here on joins no call that began before, and finds no copy. */
  forget(key: Uint8Array): void {
    this.#flights.forget(binaryKey(key))
    this.#copies.drop(key)
  }

  /** As forget() for all keys. */
  forgetAll(): void {
    this.#flights.forgetAll()
    this.#copies.dropAll()
  }

  /** The group has another amount of memory. */
  resize(maxBytes: number): void {
    this.#copies.resize(maxBytes)
  }

  close(): void {
    this.#copies.close()
  }

  /** The value of a key that another node owns: a hot copy, or one way to it for all who ask at a time. */
  async fetch(callersKey: Uint8Array, options: CallOptions, ask: AskPeer): Promise<Answer> {
    const copy = this.#local.readCopy(callersKey)
    if (copy) return copy
    this.#local.reader.countersOf(callersKey).add(Counter.gets)
    const key = new Uint8Array(callersKey)
    this.#copies.note(key)
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
    const stamp = this.#copies.begin(key)
    let isOwner = true
    for (const peer of this.#peers.pick(key, OWNERS_ASKED)) {
      if (!peer) break
      counters.add(Counter.peer_gets)
      const call = { signal: flight.signal, leftMs: endsMs - this.#clock.nowMs(), trace }
      const answer = await askPeer(peer, key, call, ask)
      if (answer) {
        if (!isOwner) this.#tellOfOther(key)
        else if (!flight.isForgotten()) this.#copies.keep(key, stamp, answer)
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
    this.#tellOfOther(key)
    return answer
  }

  #tellOfOther(key: Uint8Array): void {
    this.#copies.drop(key)
    this.#invalidations.tell(this.#name, [key])
  }
}
