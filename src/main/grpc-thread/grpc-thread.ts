import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { CacheError } from '../../shared/errors.js'
import { TIMER_MS_MAX } from '../../shared/limits.js'
import type { Log } from '../node-options.js'
import type { GrpcThreadEvent, GrpcThreadOrder, GrpcThreadSpec } from './grpc-thread-spec.js'

const ENTRY = new URL('./entry.js', import.meta.url)

const RESTART_DELAY_MS_MIN = 20
const RESTART_DELAY_MS_MAX = 5000

/** A thread that should have ended may take this much longer than the calls that it waited for. */
const END_MARGIN_MS = 1000

export interface GrpcThreadOptions {
  /** Made anew for every thread that is started: a handle serves one. */
  readonly newSpec: () => GrpcThreadSpec
  readonly log: Log
}

/**
 * A thread that serves gRPC beside the main thread. One that dies takes its connections with it; the clients connect
 * again and the others serve them, until a new thread is up.
 *
 *     starting ──► up ──► dead ──► starting …          closed from any of them
 */
export class GrpcThread {
  readonly #options: GrpcThreadOptions
  #state: 'starting' | 'up' | 'dead' | 'closed' = 'dead'
  #worker: Worker | undefined
  #restartDelayMs = 0
  #restart: NodeJS.Timeout | undefined

  constructor(options: GrpcThreadOptions) {
    this.#options = options
  }

  /** Resolves when the first thread is up; rejects when it cannot start. */
  start(): Promise<void> {
    return this.#launch()
  }

  /** Takes no more calls, waits at most `graceMs` for those in flight, then ends. Never rejects. */
  async shutdown(graceMs: number): Promise<void> {
    const wasUp = this.#state === 'up'
    this.#state = 'closed'
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (worker && wasUp) {
      const order: GrpcThreadOrder = { graceMs }
      const limitMs = Math.min(Math.ceil(graceMs) + END_MARGIN_MS, TIMER_MS_MAX)
      worker.postMessage(order)
      await once(worker, 'exit', { signal: AbortSignal.timeout(limitMs) }).catch(() => {})
    }
    await worker?.terminate()
  }

  /** Ends the thread as a fault would: for tests of what happens then. */
  kill(): void {
    void this.#worker?.terminate()
  }

  async #launch(): Promise<void> {
    this.#state = 'starting'
    try {
      this.#worker = this.#newWorker()
    } catch (thrown) {
      this.#died(CacheError.from(thrown))
      throw thrown
    }
    await this.#follow(this.#worker)
  }

  #newWorker(): Worker {
    const spec = this.#options.newSpec()
    return new Worker(ENTRY, { workerData: spec, transferList: [spec.handle], name: 'geek-cache gRPC' })
  }

  /** Resolves when the thread is up, rejects when it ends before that. */
  #follow(worker: Worker): Promise<void> {
    let cause: unknown
    worker.on('error', (error) => {
      cause = error
    })
    return new Promise((resolve, reject) => {
      worker.on('message', (event: GrpcThreadEvent) => {
        if (event.kind === 'log') {
          this.#options.log[event.level](event.fields, event.message)
          return
        }
        if (this.#state === 'starting') this.#state = 'up'
        this.#restartDelayMs = 0
        resolve()
      })
      worker.once('exit', (code) => {
        const why = cause instanceof Error ? cause.message : `exit code ${code}`
        const error = new CacheError('UNAVAILABLE', `A gRPC thread ended: ${why}`, { cause })
        this.#died(error)
        reject(error)
      })
    })
  }

  #died(error: CacheError): void {
    if (this.#state === 'closed') return
    this.#state = 'dead'
    this.#restartDelayMs = Math.min(
      Math.max(this.#restartDelayMs * 2, RESTART_DELAY_MS_MIN),
      RESTART_DELAY_MS_MAX,
    )
    const { log } = this.#options
    log.error(
      { reason: error.message, restartDelayMs: this.#restartDelayMs },
      'gRPC thread died; starting another',
    )
    // Its failure is told by #died().
    this.#restart = setTimeout(() => this.#launch().catch(() => {}), this.#restartDelayMs)
  }
}
