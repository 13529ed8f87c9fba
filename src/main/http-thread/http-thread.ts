import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { CacheError } from '../../shared/errors.js'
import { TIMER_MS_MAX } from '../../shared/limits.js'
import type { Log } from '../node-options.js'
import { EndFlag } from './end-flag.js'
import type { HttpThreadEvent, HttpThreadOrder, HttpThreadSpec } from './http-thread-spec.js'

const ENTRY = new URL('./entry.js', import.meta.url)

/** A thread that should have ended may take this much longer than the requests that it waited for. */
const END_MARGIN_MS = 2000

/** How long the end of the process waits for the thread to close what it has open. */
const EXIT_WAIT_MS = 2000

/** What a thread says once it serves. */
export type Up = Extract<HttpThreadEvent, { kind: 'up' }>

export interface HttpThreadOptions {
  readonly spec: Omit<HttpThreadSpec, 'ended'>
  readonly log: Log
  /** It has ended by itself, after it was up. */
  readonly onDeath: (error: CacheError) => void
}

/**
 * One front thread, seen from the main thread.
 *
 *     starting ──► up ──► closing ──► ended
 *
 * With uWebSockets.js open its end would abort the process, whoever ends it. So it is never terminated: it is told to close
 * and ends by itself; also when the process ends without a shutdown, by `process.exit` or by an error that nobody
 * caught, which waits for that.
 */
export class HttpThread {
  readonly #worker: Worker
  readonly #ended = new EndFlag()
  readonly #log: Log
  readonly #onDeath: (error: CacheError) => void
  #state: 'starting' | 'up' | 'closing' | 'ended' = 'starting'
  readonly #onExit = (): void => {
    this.#order({ kind: 'close' })
    this.#ended.wait(EXIT_WAIT_MS)
  }

  constructor({ spec, log, onDeath }: HttpThreadOptions) {
    this.#log = log
    this.#onDeath = onDeath
    this.#worker = new Worker(ENTRY, {
      workerData: { ...spec, ended: this.#ended.memory } satisfies HttpThreadSpec,
      transferList: [spec.handle],
      name: 'geek-cache HTTP',
    })
    process.on('exit', this.#onExit)
  }

  /** Resolves when it serves; rejects when it cannot: then it ends. Called once. */
  async start(): Promise<Up> {
    const worker = this.#worker
    let cause: unknown
    worker.on('error', (error) => {
      cause = error
    })
    return new Promise((resolve, reject) => {
      worker.on('message', (event: HttpThreadEvent) => {
        if (event.kind === 'log') this.#log[event.level](event.fields, event.message)
        else if (event.kind === 'failed') reject(new CacheError(event.failure.code, event.failure.message))
        else {
          if (this.#state === 'starting') this.#state = 'up'
          resolve(event)
        }
      })
      worker.once('exit', (code) => {
        const wasUp = this.#state === 'up'
        this.#state = 'ended'
        process.off('exit', this.#onExit)
        const why = cause instanceof Error ? cause.message : `exit code ${code}`
        const error = new CacheError('UNAVAILABLE', `A front thread ended: ${why}`, { cause })
        reject(error)
        if (wasUp) this.#onDeath(error)
      })
    })
  }

  setReady(isReady: boolean): void {
    this.#order({ kind: 'ready', isReady })
  }

  /** Takes no more connections, waits at most `graceMs` for requests under way, then ends. Never rejects. */
  async shutdown(graceMs: number): Promise<void> {
    if (this.#state === 'ended') return
    this.#state = 'closing'
    this.#order({ kind: 'shutdown', graceMs })
    const limitMs = Math.min(Math.ceil(graceMs) + END_MARGIN_MS, TIMER_MS_MAX)
    await once(this.#worker, 'exit', { signal: AbortSignal.timeout(limitMs) }).catch(() => {
      // It does not keep the process; that process.exit waits for it once more is all that is left to do.
      this.#worker.unref()
      this.#log.error({ graceMs }, 'A front thread does not end')
    })
  }

  #order(order: HttpThreadOrder): void {
    this.#worker.postMessage(order)
  }
}
