import { type Clock, systemClock } from '../../shared/clock.js'
import { CacheError } from '../../shared/errors.js'
import type { CallOptions } from '../call.js'
import { POLL_GROUPS_MAX, type PollAnswer, type PollRequest } from '../invalidation-poll.js'
import type { Invalidated } from '../invalidations.js'
import { POLL_WAIT_MS } from './invalidation-feed.js'

/** A peer, as its invalidations are asked for. Rejects with UNIMPLEMENTED when it does not tell any. */
export interface PolledPeer {
  readonly address: string
  poll(request: PollRequest, options: CallOptions): Promise<PollAnswer>
}

export interface PeerWatchParts {
  /** Names of the groups that are watched now. */
  readonly groups: () => readonly string[]
  readonly onTold: (group: string, keys: Invalidated) => void
  readonly onCoverage: (group: string) => void
  readonly clock?: Clock
  /** In [0, 1). */
  readonly random?: () => number
  readonly times?: Partial<PeerWatchTimes>
}

export interface PeerWatchTimes {
  /** How long an answer may take. A peer answers within two thirds of this, or POLL_WAIT_MS. */
  readonly deadlineMs: number
  /** Least time from one poll to the next: what happens meanwhile goes into one answer. */
  readonly periodMs: number
  /** Pauses after polls that failed, each up to twice as long as the one before. */
  readonly pauseMsMin: number
  readonly pauseMsMax: number
  /** Pause after a peer said that it knows nothing of invalidations. */
  readonly silentMs: number
}

const TIMES: PeerWatchTimes = {
  deadlineMs: POLL_WAIT_MS + 1000,
  periodMs: 5,
  pauseMsMin: 50,
  pauseMsMax: 2000,
  silentMs: 30_000,
}

/**
 * Hears from one peer, by one call after the other that each wait there for news, while any group is watched. What the
 * peer may have told unheard, because a call failed or it was restarted, counts as a change of all its keys.
 */
export class PeerWatch {
  readonly peer: PolledPeer
  readonly #parts: PeerWatchParts
  readonly #times: PeerWatchTimes
  readonly #clock: Clock
  readonly #covered = new Set<string>()
  #session = ''
  #sequence = 0
  #failures = 0
  #isRunning = false
  #isClosed = false
  /** Ends the poll, or the pause, that is under way. */
  #interrupt = new AbortController()

  constructor(peer: PolledPeer, parts: PeerWatchParts) {
    this.peer = peer
    this.#parts = parts
    this.#times = { ...TIMES, ...parts.times }
    this.#clock = parts.clock ?? systemClock
  }

  covers(group: string): boolean {
    return this.#covered.has(group)
  }

  /** The groups that are watched are others now. */
  refresh(): void {
    const groups = this.#parts.groups()
    for (const group of this.#covered) if (!groups.includes(group)) this.#covered.delete(group)
    if (!this.#isRunning) void this.#run()
    // A pause goes on: there is nobody to ask.
    else if (this.#failures === 0) this.#interrupt.abort()
  }

  /** Nothing more is heard; who watches is told so. */
  close(): void {
    this.#isClosed = true
    this.#interrupt.abort()
    this.#lose()
  }

  async #run(): Promise<void> {
    this.#isRunning = true
    while (!this.#isClosed && this.#parts.groups().length > 0) {
      this.#interrupt = new AbortController()
      const endsMs = this.#clock.nowMs() + this.#times.periodMs
      await this.#pause(await this.#pollOnce(endsMs))
    }
    this.#isRunning = false
    this.#session = ''
  }

  /** @returns how long to pause before the next poll */
  async #pollOnce(endsMs: number): Promise<number> {
    const { signal } = this.#interrupt
    const groups = this.#parts.groups().slice(0, POLL_GROUPS_MAX)
    const request = {
      session: this.#session,
      sequence: this.#sequence,
      groups: groups.map((name) => ({ name, isCovered: this.#covered.has(name) })),
    }
    try {
      const answer = await this.peer.poll(request, { deadlineMs: this.#times.deadlineMs, signal })
      if (this.#isClosed) return 0
      this.#failures = 0
      this.#take(answer)
      return endsMs - this.#clock.nowMs()
    } catch (thrown) {
      // Interrupted: the next poll, for other groups, tells of all that this one would have told.
      if (signal.aborted) return 0
      this.#lose()
      return this.#pauseMsAfter(CacheError.from(thrown))
    }
  }

  #pauseMsAfter({ code }: CacheError): number {
    const { pauseMsMin, pauseMsMax, silentMs } = this.#times
    const fullMs =
      code === 'UNIMPLEMENTED' ? silentMs : Math.min(pauseMsMin * 2 ** this.#failures, pauseMsMax)
    // Bounded, so that the power stays finite.
    this.#failures = Math.min(this.#failures + 1, 30)
    return fullMs * (0.5 + 0.5 * (this.#parts.random ?? Math.random)())
  }

  #take({ session, sequence, isReset, covered, events }: PollAnswer): void {
    const watched = new Set(this.#parts.groups())
    const knowsAll = session === this.#session && !isReset && sequence >= this.#sequence
    this.#session = session
    this.#sequence = sequence
    const before = [...this.#covered]
    this.#covered.clear()
    for (const group of covered) if (watched.has(group)) this.#covered.add(group)
    if (knowsAll)
      for (const { group, keys } of events) if (watched.has(group)) this.#parts.onTold(group, keys)
    for (const group of before) {
      if (!knowsAll || !this.#covered.has(group)) this.#parts.onTold(group, 'all')
      if (!this.#covered.has(group)) this.#parts.onCoverage(group)
    }
    for (const group of this.#covered) if (!before.includes(group)) this.#parts.onCoverage(group)
  }

  /** The peer cannot be heard: its keys are covered no more. */
  #lose(): void {
    const before = [...this.#covered]
    this.#covered.clear()
    this.#session = ''
    this.#sequence = 0
    for (const group of before) {
      this.#parts.onTold(group, 'all')
      this.#parts.onCoverage(group)
    }
  }

  #pause(forMs: number): Promise<void> {
    const { signal } = this.#interrupt
    if (forMs <= 0 || (signal.aborted && this.#failures === 0) || this.#isClosed) return Promise.resolve()
    return new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', end)
        resolve()
      }
      const timer = setTimeout(end, forMs).unref()
      signal.addEventListener('abort', end)
    })
  }
}
