import type { LiveStats } from '../live/live-reply.js'
import type { CounterSample, RingMember } from '../main/node-view.js'
import { CacheError } from '../shared/errors.js'
import { ask, type RequestOptions } from './ask.js'
import { ClientGroup, type Key, keyBytesOf } from './client-group.js'
import { type LinkState, LiveLink } from './live-link.js'
import type { LiveSocketClass } from './live-socket.js'

const STATS_EVERY_MS = 1000

export interface ConnectOptions {
  /** Default the global WebSocket of browsers and Node 22; for older Node the class of the package `ws`. */
  readonly WebSocket?: LiveSocketClass
  /** Told of every change, `connecting` the first. */
  readonly onState?: (state: LinkState) => void
}

/** The counters of a node at one moment, and what each of them is. */
export interface StatsView {
  /** The node's own time, in ms: rates are differences of counters over differences of this. */
  readonly atMs: number
  readonly counters: readonly CounterSample[]
}

/**
 * Connects to a node's WebSocket, `ws://HOST:PORT/v1/ws`. Does not wait for the connection: requests wait for it, until
 * their deadline.
 *
 * @throws CacheError INVALID_ARGUMENT for a URL that is none, FAILED_PRECONDITION when there is no WebSocket class
 */
export function connect(url: string, options: ConnectOptions = {}): CacheClient {
  const Socket = options.WebSocket ?? (globalThis as { WebSocket?: LiveSocketClass }).WebSocket
  if (Socket === undefined) {
    throw new CacheError(
      'FAILED_PRECONDITION',
      'There is no WebSocket here: give the class of the package "ws"',
    )
  }
  const link = new LiveLink({
    newSocket: () => new Socket(url),
    after: (ms, fire) => {
      const timer = setTimeout(fire, ms)
      return () => clearTimeout(timer)
    },
    random: Math.random,
    onState: options.onState ?? (() => {}),
  })
  link.start()
  return new CacheClient(link)
}

/** A node, over one WebSocket that is made again when it breaks. Comes from {@link connect}. */
export class CacheClient {
  readonly #link: LiveLink

  /** Use {@link connect}. */
  constructor(link: LiveLink) {
    this.#link = link
  }

  get state(): LinkState {
    return this.#link.state
  }

  group(name: string): ClientGroup {
    return new ClientGroup(name, this.#link)
  }

  /** All counters of the node. */
  async stats(options: RequestOptions = {}): Promise<{ self: string; counters: readonly CounterSample[] }> {
    const { self, counters } = await ask(this.#link, { kind: 'stats' }, 'stats', options)
    return { self, counters }
  }

  /** The members of the ring; with a key, also its owner and who would take over from it. */
  async ring(
    key: Key = '',
    options: RequestOptions = {},
  ): Promise<{ members: readonly RingMember[]; owners: readonly string[] }> {
    const { members, owners } = await ask(this.#link, { kind: 'ring', key: keyBytesOf(key) }, 'ring', options)
    return { members, owners }
  }

  /**
   * All counters, again and again. Goes on after the connection was made again; then the node may be another one, with
   * a time of its own.
   *
   * @param options.onError told when the node refuses
   * @returns what ends it
   */
  watchStats(
    onStats: (stats: StatsView) => void,
    {
      everyMs = STATS_EVERY_MS,
      onError = () => {},
    }: { readonly everyMs?: number; readonly onError?: (error: CacheError) => void } = {},
  ): () => void {
    let series: LiveStats['series']
    return this.#link.subscribe({
      call: { kind: 'watchStats', everyMs },
      onWatching: () => {
        series = undefined
      },
      onLost: () => {},
      onPush: (answer) => {
        if (answer.kind !== 'liveStats') return
        const { atMs, values } = answer.stats
        series = answer.stats.series ?? series
        const counters = (series ?? []).map((of, index) => ({ ...of, value: values[index] ?? 0 }))
        onStats({ atMs, counters })
      },
      onError,
    })
  }

  /** Requests under way, and later ones, reject with FAILED_PRECONDITION. */
  close(): void {
    this.#link.close()
  }
}
