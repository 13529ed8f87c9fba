import { MessageChannel, type MessagePort, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import { CacheError } from '../../shared/errors.js'
import { packLoads } from '../../shared/load-pack.js'
import type { ShardReply, ShardRequest, ShardSpec } from '../../shared/messages.js'
import type { Pack } from '../../shared/pack.js'
import type { Epochs } from '../../shared/store/epoch.js'
import { unpackValues } from '../../shared/value-pack.js'
import type { Log } from '../node-options.js'

const ENTRY = new URL('../../worker/piscina-entry.cjs', import.meta.url).href

/** A thread that dies this soon after its start is given a pause before the next try. */
const EARLY_DEATH_MS = 1000
const RESTART_DELAY_MS_MIN = 20
const RESTART_DELAY_MS_MAX = 1000

const HEARTBEAT_CHECK_MS = 250

/** A thread that loads its modules may take this long for its first heartbeat. */
const START_MS_MAX = 10_000

/** What a shard thread tells whoever talks to it. */
export interface ShardThreadEvents {
  /** A new thread is there and knows nothing yet. Also for the first one. */
  onStart(): void
  onReply(reply: ShardReply): void
  /** The thread is gone, and with it everything that it had not answered. A new one comes by itself. */
  onDeath(error: CacheError): void
}

export interface ShardThreadOptions {
  readonly spec: ShardSpec
  readonly epochs: Epochs
  /** How long the event loop of the thread may stand still before it is replaced. */
  readonly stallMs: number
  readonly log: Log
  readonly events: ShardThreadEvents
}

/**
 * The worker thread of one shard: a Piscina pool of exactly one thread with one task, `serve`, that never ends by
 * itself. When the thread dies (the getter called process.exit, threw outside of a promise, ran out of memory) or
 * stands still (the getter blocks it), a new one takes its place.
 *
 *     starting ──► running ──► dead ──► starting …          closed from any of them
 *
 * A store has one writer: the next thread starts only when the one before has ended. Piscina tells of a death earlier
 * than that, while the thread may still be in the middle of a write.
 */
export class ShardThread {
  readonly #options: ShardThreadOptions
  readonly #pool: Piscina
  readonly #heartbeat: Int32Array
  readonly #watch: NodeJS.Timeout
  #state: 'starting' | 'running' | 'dead' | 'closed' = 'dead'
  #port: MessagePort | undefined
  /** The thread that has the task, or will have it. */
  #worker: Worker | undefined
  #abort = new AbortController()
  #startedMs = 0
  #restartDelayMs = 0
  #restart: NodeJS.Timeout | undefined
  #beat = { count: 0, stillMs: 0 }

  constructor(options: ShardThreadOptions) {
    this.#options = options
    this.#heartbeat = new Int32Array(options.spec.heartbeat)
    this.#pool = new Piscina({
      filename: ENTRY,
      name: 'serve',
      minThreads: 1,
      maxThreads: 1,
      idleTimeout: Number.POSITIVE_INFINITY,
      // The default blocks the event loop of an idle thread, and with it the port.
      atomics: 'disabled',
    })
    // Deaths are told by the task that they end; without a listener Piscina would throw them here.
    this.#pool.on('error', () => {})
    this.#watch = setInterval(() => this.#checkHeartbeat(), HEARTBEAT_CHECK_MS).unref()
  }

  /** Starts the first thread. */
  start(): void {
    const { port1, port2 } = new MessageChannel()
    this.#state = 'starting'
    this.#startedMs = performance.now()
    this.#beat = { count: this.#heartbeat[0]!, stillMs: 0 }
    this.#port = port1
    this.#abort = new AbortController()
    const { events } = this.#options
    port1.on('message', (replies: (ShardReply | Pack)[]) => {
      // Nothing of a thread is heard after its death was told.
      if (this.#port === port1) unpackValues(replies, (reply) => events.onReply(reply))
    })
    this.#pool
      .run({ spec: this.#options.spec, port: port2 }, { transferList: [port2], signal: this.#abort.signal })
      .then(
        () => this.#died(new Error('its task ended')),
        (error: unknown) => this.#died(error),
      )
    this.#worker = this.#pool.threads[0]
    events.onStart()
  }

  /** Sends requests, in order. They are lost when the thread dies: onDeath says so. */
  send(requests: readonly ShardRequest[]): void {
    this.#port?.postMessage(packLoads(requests))
  }

  /** Ends the thread, at once. */
  async close(): Promise<void> {
    this.#state = 'closed'
    clearInterval(this.#watch)
    clearTimeout(this.#restart)
    this.#port?.close()
    await Promise.all([this.#pool.destroy(), this.#worker?.terminate()])
    this.#options.epochs.unpin(this.#options.spec.thread)
  }

  /** Ends the thread as a fault would: for tests of what happens then. */
  kill(): void {
    this.#abort.abort()
  }

  #died(cause: unknown): void {
    if (this.#state === 'closed') return
    this.#state = 'dead'
    this.#port?.close()
    this.#port = undefined
    const { spec, log, events } = this.#options
    const livedMs = performance.now() - this.#startedMs
    const isEarly = livedMs < EARLY_DEATH_MS
    this.#restartDelayMs = isEarly
      ? Math.min(Math.max(this.#restartDelayMs * 2, RESTART_DELAY_MS_MIN), RESTART_DELAY_MS_MAX)
      : 0
    const reason = cause instanceof Error ? cause.message : String(cause)
    log.error(
      { shard: spec.shard, reason, restartDelayMs: this.#restartDelayMs },
      'worker thread died; starting another',
    )
    events.onDeath(
      new CacheError('UNAVAILABLE', `Shard ${spec.shard} is being restarted; try again`, { cause }),
    )
    void this.#replace()
  }

  async #replace(): Promise<void> {
    // Resolves when the thread has ended, at once if it has already.
    await this.#worker?.terminate()
    this.#options.epochs.unpin(this.#options.spec.thread)
    if (this.#state !== 'dead') return
    this.#restart = setTimeout(() => this.start(), this.#restartDelayMs)
  }

  #checkHeartbeat(): void {
    const count = this.#heartbeat[0]!
    if (count !== this.#beat.count) {
      this.#beat = { count, stillMs: 0 }
      if (this.#state === 'starting') this.#state = 'running'
      return
    }
    // Counted, not measured: while the whole process stands still, no check takes place.
    this.#beat.stillMs += HEARTBEAT_CHECK_MS
    const { stallMs, spec, log } = this.#options
    const limitMs = this.#state === 'starting' ? Math.max(stallMs, START_MS_MAX) : stallMs
    if (this.#state === 'dead' || this.#beat.stillMs <= limitMs) return
    log.error({ shard: spec.shard, blockedMs: this.#beat.stillMs }, 'worker thread is blocked')
    this.#beat.stillMs = 0
    this.#abort.abort()
  }
}
