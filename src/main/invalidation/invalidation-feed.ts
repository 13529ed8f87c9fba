import { randomUUID } from 'node:crypto'
import { type Clock, systemClock } from '../../shared/clock.js'
import { CacheError } from '../../shared/errors.js'
import type { CallOptions } from '../call.js'
import {
  POLL_BYTES_MAX,
  POLL_KEYS_MAX,
  type PollAnswer,
  type PolledEvent,
  type PolledNode,
  type PollRequest,
} from '../invalidation-poll.js'
import type { Invalidated, Watcher } from '../invalidations.js'

/** Keys, and their bytes, that are kept for peers that were not there; whoever missed more is told of all. */
export const FEED_KEYS_MAX = 16_384
export const FEED_BYTES_MAX = 1 << 20
/** What an event counts as beside its keys. */
const EVENT_KEYS = 1

/** Polls that may wait at a time. */
const POLLS_MAX = 256

/** Longest wait of one poll. */
export const POLL_WAIT_MS = 2000

/** Part of a poll's deadline that it may wait, so that its answer comes in time. */
const WAIT_SHARE = 2 / 3

/** How long a group is watched for peers after the last poll for it. */
export const LEASE_MS = 10_000
const LEASE_CHECK_MS = 1000

/** What the feed hears from. */
export interface FeedSource {
  subscribeLocal(group: string, watcher: Watcher): () => void
  coversLocal(group: string): boolean
  hasGroup(name: string): boolean
}

interface Lease {
  readonly stop: () => void
  endsMs: number
}

interface LoggedEvent extends PolledEvent {
  readonly keyCount: number
  readonly bytes: number
}

interface Waiting {
  readonly names: ReadonlySet<string>
  /** What the peer knows of; moves on past what is none of its business. */
  sequence: number
  wake(): void
}

/**
 * What this node tells its peers: the last events of its own memory, numbered, of the groups that peers poll for. A peer
 * that asks for what is no longer there, or for another session, is told to take everything for changed.
 */
export class InvalidationFeed implements PolledNode {
  readonly #source: FeedSource
  readonly #clock: Clock
  readonly #session = randomUUID()
  readonly #leases = new Map<string, Lease>()
  readonly #waiting = new Set<Waiting>()
  /** The last ones; the newest has the number `#sequence`. */
  #events: LoggedEvent[] = []
  #keyCount = 0
  #bytes = 0
  #sequence = 0
  #timer: NodeJS.Timeout | undefined
  #isClosed = false

  constructor(source: FeedSource, clock: Clock = systemClock) {
    this.#source = source
    this.#clock = clock
  }

  async poll(request: PollRequest, { deadlineMs, signal }: CallOptions): Promise<PollAnswer> {
    this.#assertOpen()
    if (this.#waiting.size >= POLLS_MAX)
      throw new CacheError('RESOURCE_EXHAUSTED', `More than ${POLLS_MAX} peers wait for invalidations`)
    if (signal?.aborted) throw new CacheError('CANCELLED', 'The peer went away')
    this.#lease(request)
    const waiting = { names: new Set(request.groups.map(({ name }) => name)), sequence: request.sequence }
    if (!this.#hasNews(request, waiting)) {
      const waitMs = Math.min(POLL_WAIT_MS, (deadlineMs ?? Number.POSITIVE_INFINITY) * WAIT_SHARE)
      await this.#wait(request, waiting, waitMs, signal)
      this.#assertOpen()
      this.#lease(request)
    }
    return this.#answer(request, waiting)
  }

  /** Groups that are watched for peers. */
  get leasedGroups(): string[] {
    return [...this.#leases.keys()]
  }

  /** Lets go of groups that nobody polled for lately: who comes back is told that it missed something. */
  expireLeases(): void {
    const nowMs = this.#clock.nowMs()
    for (const [group, lease] of this.#leases) {
      if (nowMs < lease.endsMs) continue
      this.#leases.delete(group)
      lease.stop()
      this.#append(group, 'all')
    }
    if (this.#leases.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Polls that wait, and later ones, reject with UNAVAILABLE. */
  close(): void {
    this.#isClosed = true
    clearInterval(this.#timer)
    for (const { stop } of this.#leases.values()) stop()
    this.#leases.clear()
    for (const { wake } of this.#waiting) wake()
  }

  #lease({ groups }: PollRequest): void {
    const endsMs = this.#clock.nowMs() + LEASE_MS
    for (const { name } of groups) {
      const lease = this.#leases.get(name)
      if (lease) lease.endsMs = endsMs
      else if (this.#source.hasGroup(name)) {
        const stop = this.#source.subscribeLocal(name, {
          onInvalidated: (keys) => this.#append(name, keys),
          onCoverage: () => this.#wake(name),
        })
        this.#leases.set(name, { stop, endsMs })
      }
    }
    if (this.#leases.size > 0) this.#timer ??= setInterval(() => this.expireLeases(), LEASE_CHECK_MS).unref()
  }

  #append(group: string, keys: Invalidated): void {
    const bytes = keys === 'all' ? 0 : keys.reduce((sum, key) => sum + key.length, 0)
    const event = { group, keys, bytes, keyCount: EVENT_KEYS + (keys === 'all' ? 0 : keys.length) }
    this.#events.push(event)
    this.#sequence++
    this.#keyCount += event.keyCount
    this.#bytes += event.bytes
    this.#forgetOldest()
    for (const waiting of this.#waiting) {
      if (waiting.names.has(group)) waiting.wake()
      else waiting.sequence = this.#sequence
    }
  }

  #forgetOldest(): void {
    let gone = 0
    while (this.#keyCount > FEED_KEYS_MAX || this.#bytes > FEED_BYTES_MAX) {
      const oldest = this.#events[gone++]!
      this.#keyCount -= oldest.keyCount
      this.#bytes -= oldest.bytes
    }
    if (gone > 0) this.#events.splice(0, gone)
  }

  #wake(group: string): void {
    for (const { names, wake } of this.#waiting) if (names.has(group)) wake()
  }

  /** Number of the event before the first that is kept. */
  get #oldest(): number {
    return this.#sequence - this.#events.length
  }

  #isReset({ session }: PollRequest, sequence: number): boolean {
    return session !== this.#session || sequence < this.#oldest || sequence > this.#sequence
  }

  #hasNews(request: PollRequest, { names, sequence }: Pick<Waiting, 'names' | 'sequence'>): boolean {
    if (this.#isReset(request, sequence)) return true
    if (request.groups.some(({ name, isCovered }) => this.#isCovered(name) !== isCovered)) return true
    return this.#events.slice(sequence - this.#oldest).some(({ group }) => names.has(group))
  }

  #isCovered(name: string): boolean {
    return this.#leases.has(name) && this.#source.coversLocal(name)
  }

  #wait(
    request: PollRequest,
    start: Pick<Waiting, 'names' | 'sequence'>,
    waitMs: number,
    signal: CallOptions['signal'],
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', leave)
        this.#waiting.delete(waiting)
        start.sequence = waiting.sequence
      }
      const leave = (): void => {
        done()
        reject(new CacheError('CANCELLED', 'The peer went away'))
      }
      const finish = (): void => {
        done()
        resolve()
      }
      const waiting: Waiting = {
        ...start,
        wake: () => {
          if (this.#isClosed || this.#hasNews(request, waiting)) finish()
        },
      }
      const timer = setTimeout(finish, waitMs)
      signal?.addEventListener('abort', leave)
      this.#waiting.add(waiting)
    })
  }

  #answer(request: PollRequest, { names, sequence }: Pick<Waiting, 'names' | 'sequence'>): PollAnswer {
    const covered = request.groups.flatMap(({ name }) => (this.#isCovered(name) ? [name] : []))
    const known = { session: this.#session, covered }
    if (this.#isReset(request, sequence)) {
      return { ...known, sequence: this.#sequence, isReset: true, events: [] }
    }
    const events: PolledEvent[] = []
    let [keyCount, bytes, upTo] = [0, 0, sequence]
    for (const event of this.#events.slice(sequence - this.#oldest)) {
      if (names.has(event.group)) {
        keyCount += event.keyCount
        bytes += event.bytes
        if (events.length > 0 && (keyCount > POLL_KEYS_MAX || bytes > POLL_BYTES_MAX)) break
        events.push({ group: event.group, keys: event.keys })
      }
      upTo++
    }
    return { ...known, sequence: upTo, isReset: false, events }
  }

  #assertOpen(): void {
    if (this.#isClosed) throw new CacheError('UNAVAILABLE', 'The node is closing')
  }
}
