import { type AddressInfo, createServer } from 'node:net'
import { isMainThread, type MessagePort } from 'node:worker_threads'
import { CacheError } from '../shared/errors.js'
import { parseAddress } from './cluster/address.js'
import type { Front } from './front.js'
import { HttpThread, type HttpThreadOptions, type Up } from './http-thread/http-thread.js'
import type { HttpThreadSpec } from './http-thread/http-thread-spec.js'
import { listenError } from './listen-error.js'
import type { Log, NodeOptions } from './node-options.js'

export interface HttpFrontParts {
  readonly options: NodeOptions
  readonly log: Log
  /** A handle for one more thread that shares the cache. */
  readonly newHandle: () => MessagePort
}

const RESTART_DELAY_MS_MIN = 20
const RESTART_DELAY_MS_MAX = 5000

/** Ports of the system's choice that are tried before the front gives up. */
const PORT_TRIES = 5

/** HTTP and WebSocket of a node, in front threads of their own that listen on one port. */
export class HttpFront implements Front {
  readonly name = 'HTTP'
  readonly #parts: HttpFrontParts
  readonly #host: string
  readonly #threads = new Set<HttpThread>()
  #address: string
  #isReady = false
  #isClosing = false
  #restartDelayMs = 0
  #restart: NodeJS.Timeout | undefined

  constructor(parts: HttpFrontParts, address: string) {
    this.#parts = parts
    this.#address = address
    this.#host = parseAddress(address).host
  }

  get address(): string {
    return this.#address
  }

  async start(): Promise<void> {
    const { httpThreads = 1, httpEngine = 'auto' } = this.#parts.options
    // With a certificate, the port is shared by the listeners of the old one and of the new one.
    const isShared = httpThreads > 1 || this.#parts.options.tls !== undefined
    const obstacle = this.#obstacle()
    const engine = obstacle === undefined ? httpEngine : 'node'
    const first = await this.#startFirst({ engine, isShared })
    this.#address = this.#address.replace(/\d+$/, String(first.port))
    if (first.engine === 'node:http') {
      this.#tellEngine(httpThreads, httpEngine, obstacle ?? first.reason)
      return
    }
    const more = Array.from({ length: httpThreads - 1 }, () =>
      this.#startThread({ port: first.port, engine: 'uws', isShared: true }),
    )
    await Promise.all(more)
  }

  setReady(isReady: boolean): void {
    this.#isReady = isReady
    for (const thread of this.#threads) thread.setReady(isReady)
  }

  async shutdown(graceMs: number): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#restart)
    await Promise.all(Array.from(this.#threads, (thread) => thread.shutdown(graceMs)))
    this.#threads.clear()
  }

  /** A port of the system's choice is free; to be shared, it must be known before, and somebody else may take it until then. */
  async #startFirst(how: Pick<HttpThreadSpec, 'engine' | 'isShared'>): Promise<Up> {
    const { port } = parseAddress(this.#address)
    if (port === 0 && !how.isShared) return this.#startThread({ ...how, port })
    for (let triesLeft = port === 0 ? PORT_TRIES : 1; ; triesLeft -= 1) {
      const free = await freePort(this.#host, port, this.#address)
      try {
        return await this.#startThread({ ...how, port: free })
      } catch (thrown) {
        if (triesLeft === 1 || CacheError.from(thrown).code !== 'FAILED_PRECONDITION') throw thrown
      }
    }
  }

  async #startThread(how: Pick<HttpThreadSpec, 'port' | 'engine' | 'isShared'>) {
    const { options, log, newHandle } = this.#parts
    const spec: HttpThreadOptions['spec'] = {
      handle: newHandle(),
      host: this.#host,
      ...how,
      planes: options.admin === undefined ? 'all' : 'data',
      isReady: this.#isReady,
      hosts: options.httpHosts,
      tls: options.tls,
    }
    const thread: HttpThread = new HttpThread({
      spec,
      log,
      onDeath: (error) => {
        this.#threads.delete(thread)
        this.#replace({ ...how, port: parseAddress(this.#address).port }, error)
      },
    })
    this.#threads.add(thread)
    const up = await thread.start()
    this.#restartDelayMs = 0
    return up
  }

  /** Only a thread on node:http can die alone; the process goes with one on uWebSockets.js. */
  #replace(how: Pick<HttpThreadSpec, 'port' | 'engine' | 'isShared'>, error: Error): void {
    if (this.#isClosing) return
    const doubled = Math.max(this.#restartDelayMs * 2, RESTART_DELAY_MS_MIN)
    this.#restartDelayMs = Math.min(doubled, RESTART_DELAY_MS_MAX)
    const { log } = this.#parts
    log.error(
      { reason: error.message, restartDelayMs: this.#restartDelayMs },
      'Front thread died; starting another',
    )
    this.#restart = setTimeout(() => {
      this.#startThread(how).catch((thrown) => this.#replace(how, thrown))
    }, this.#restartDelayMs)
  }

  /** Why uWebSockets.js must not be used here, if it must not. */
  #obstacle(): string | undefined {
    const { tls } = this.#parts.options
    if (!isMainThread) return 'the node runs in a thread that others can end, and with it the process'
    return tls?.requireClientCert ? 'it cannot insist on certificates of clients' : undefined
  }

  #tellEngine(httpThreads: number, wanted: string, reason: string | undefined): void {
    const { log } = this.#parts
    if (httpThreads > 1) log.warn({ httpThreads }, 'On node:http, one thread serves HTTP')
    if (wanted === 'node') return
    log.warn({ reason }, 'HTTP is served by node:http: uWebSockets.js cannot be used')
  }
}

/**
 * The port, once nobody listens on it. Threads that share a port on uWebSockets.js share it with anybody who does likewise,
 * another node for instance: so that one is refused here, where the system also says why.
 */
async function freePort(host: string, port: number, address: string): Promise<number> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port, exclusive: true }, resolve)
    })
    return (server.address() as AddressInfo).port
  } catch (thrown) {
    throw listenError(address, thrown)
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}
