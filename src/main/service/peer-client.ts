import { type Clock, systemClock } from '../../shared/clock.js'
import { CacheError, Code, type CodeName, codeNameOf } from '../../shared/errors.js'
import type { Answer, CallOptions } from '../call.js'
import type { PollAnswer, PollRequest } from '../invalidation-poll.js'
import type { Peer } from '../peer.js'
import type { UnaryCaller } from '../unary-caller.js'
import { type GroupKey, groupCacheDefinition } from './group-cache-codec.js'
import { PeerChannel } from './peer-channel.js'
import { type FetchManyResult, type FetchResponse, peerDefinition } from './peer-codec.js'
import type { UnaryMethod } from './unary-method.js'

export interface PeerClientOptions {
  /** How long a peer that does not know geekcache.v1.Peer is taken for a plain one, in ms. Default five minutes. */
  readonly plainMs?: number
  readonly clock?: Clock
}

const PLAIN_MS = 5 * 60_000

/** What a plain peer's rejection may mean other than "no answer". */
const PLAIN_CODES: ReadonlySet<CodeName> = new Set(['CANCELLED', 'DEADLINE_EXCEEDED', 'RESOURCE_EXHAUSTED'])

/**
 * Another node, reached over gRPC: by geekcache.v1.Peer, or by pb.GroupCache when it answers that it has no such
 * service, which is remembered until the connection is made anew or `plainMs` have passed.
 *
 * Rejections that are the peer's word on the key: NOT_FOUND, INVALID_ARGUMENT, UNKNOWN (its getter failed).
 * FAILED_PRECONDITION says that the peer lacks the group, so another must be asked; UNAVAILABLE and the like that there
 * was no answer. What a plain peer rejects with tells no missing key from a missing group or a failed source, so it is
 * UNAVAILABLE, whatever it was.
 */
export class PeerClient implements Peer {
  readonly #channel: PeerChannel
  readonly #plainMs: number
  readonly #clock: Clock
  /** Time up to which the peer counts as plain. */
  #plainUntilMs = Number.NEGATIVE_INFINITY
  /** Time up to which the peer counts as one that has no FetchMany. */
  #singlesUntilMs = Number.NEGATIVE_INFINITY

  /** @param caller connects to the address under which the peer is registered; the peer's from here on */
  constructor(caller: UnaryCaller, options: PeerClientOptions = {}) {
    this.#channel = new PeerChannel(caller)
    this.#plainMs = options.plainMs ?? PLAIN_MS
    this.#clock = options.clock ?? systemClock
  }

  get address(): string {
    return this.#channel.address
  }

  /**
   * The value has memory of its own. A plain peer says neither how it came by it nor how long it may be kept: its
   * answers count as loads that must not be kept at all.
   */
  async fetch(group: string, key: Uint8Array, options: CallOptions): Promise<Answer> {
    const request = { group, key }
    const outbound = this.#fixDeadline(options)
    const fetched = await this.#callBetter(peerDefinition.Fetch, request, outbound)
    if (fetched !== undefined) return this.#answerOf(fetched)
    const { value } = await this.#callPlain(groupCacheDefinition.Get, request, outbound)
    return { value, outcome: 'load', answeredBy: this.address, ttlLeftMs: 0 }
  }

  /** In as many calls as the length of the values takes; one for each key to a peer that knows no other way. */
  async fetchMany(
    group: string,
    keys: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<(Answer | CacheError)[]> {
    const outbound = this.#fixDeadline(options)
    const answers: (Answer | CacheError)[] = []
    while (answers.length < keys.length) {
      const left = keys.slice(answers.length)
      const results = await this.#callMany(group, left, outbound)
      if (results === undefined) return [...answers, ...(await this.#fetchEach(group, left, outbound))]
      if (results.length === 0 || results.length > left.length) {
        throw new CacheError(
          'UNAVAILABLE',
          `${this.address}: ${results.length} answers for ${left.length} keys`,
        )
      }
      for (const result of results) answers.push(this.#resultOf(result))
    }
    return answers
  }

  async remove(group: string, key: Uint8Array, options: CallOptions): Promise<void> {
    const request = { group, key }
    const outbound = this.#fixDeadline(options)
    const removed = await this.#callBetter(peerDefinition.Remove, request, outbound)
    if (removed === undefined) await this.#callPlain(groupCacheDefinition.Delete, request, outbound)
  }

  /** Waits for what the peer has to tell of its keys. Rejects with UNIMPLEMENTED when it is none that does. */
  poll(request: PollRequest, options: CallOptions): Promise<PollAnswer> {
    const { session, sequence, groups } = request
    return this.#channel.call(
      peerDefinition.Invalidations,
      { session, sequence, groups: [...groups] },
      options,
    )
  }

  /** Ends the connection. Calls in flight, and all later ones, reject with UNAVAILABLE. */
  close(): void {
    this.#channel.close()
  }

  /** `undefined` when the peer has no such method. */
  async #callMany(
    group: string,
    keys: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<readonly FetchManyResult[] | undefined> {
    if (!this.#channel.connected) this.#singlesUntilMs = Number.NEGATIVE_INFINITY
    if (this.#clock.nowMs() < this.#singlesUntilMs) return undefined
    try {
      const request = { group, keys: [...keys] }
      return (await this.#channel.call(peerDefinition.FetchMany, request, options)).results
    } catch (thrown) {
      if (!(thrown instanceof CacheError) || thrown.code !== 'UNIMPLEMENTED') throw thrown
      this.#singlesUntilMs = this.#clock.nowMs() + this.#plainMs
      return undefined
    }
  }

  async #fetchEach(
    group: string,
    keys: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<(Answer | CacheError)[]> {
    const settled = await Promise.allSettled(keys.map((key) => this.fetch(group, key, options)))
    return settled.map((result) =>
      result.status === 'fulfilled' ? result.value : CacheError.from(result.reason, 'INTERNAL'),
    )
  }

  #answerOf({ value, outcome, ttlLeftMs }: FetchResponse): Answer {
    return { value, outcome: outcome ?? 'load', answeredBy: this.address, ttlLeftMs }
  }

  #resultOf(result: FetchManyResult): Answer | CacheError {
    if (result.code === 0) return this.#answerOf(result)
    const name = codeNameOf(result.code)
    // As with the status of a call: codes outside our list are no peer's word on the key.
    const code = name !== 'CANCELLED' && Code[name] === result.code ? name : 'UNAVAILABLE'
    return new CacheError(code, `${this.address}: ${result.message}`)
  }

  /** `undefined` when the peer is a plain one. */
  async #callBetter<Response>(
    method: UnaryMethod<GroupKey, Response>,
    request: GroupKey,
    options: CallOptions,
  ): Promise<Response | undefined> {
    // A peer that comes back may have been replaced by one that speaks more.
    if (!this.#channel.connected) this.#plainUntilMs = Number.NEGATIVE_INFINITY
    if (this.#clock.nowMs() < this.#plainUntilMs) return undefined
    try {
      return await this.#channel.call(method, request, options)
    } catch (thrown) {
      if (!(thrown instanceof CacheError) || thrown.code !== 'UNIMPLEMENTED') throw thrown
      this.#plainUntilMs = this.#clock.nowMs() + this.#plainMs
      return undefined
    }
  }

  async #callPlain<Response>(
    method: UnaryMethod<GroupKey, Response>,
    request: GroupKey,
    options: CallOptions,
  ): Promise<Response> {
    try {
      return await this.#channel.call(method, request, options)
    } catch (thrown) {
      const error = CacheError.from(thrown, 'INTERNAL')
      if (PLAIN_CODES.has(error.code)) throw error
      throw new CacheError('UNAVAILABLE', error.message, { cause: error })
    }
  }

  /** Both attempts of a call share one deadline: from here on `deadlineMs` is what is left of it when it is read. */
  #fixDeadline({ deadlineMs = Number.POSITIVE_INFINITY, signal, trace }: CallOptions): CallOptions {
    const clock = this.#clock
    const endsMs = clock.nowMs() + deadlineMs
    return {
      get deadlineMs() {
        return endsMs - clock.nowMs()
      },
      ...(signal && { signal }),
      trace,
    }
  }
}
