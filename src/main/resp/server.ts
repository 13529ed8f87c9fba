import net, { type Socket } from 'node:net'
import tls, { type SecureContextOptions, type TlsOptions } from 'node:tls'
import type { NodeCounterRow } from '../../shared/node-counters.js'
import type { DropCause } from '../../shared/node-metrics.js'
import type { ReaderPin } from '../../shared/store/reader-pin.js'
import { TransientMap } from '../../shared/transient-map.js'
import type { Invalidations } from '../invalidations.js'
import type { Log } from '../node-options.js'
import type { NodeView } from '../node-view.js'
import { acceptedTransport } from '../sockets/accepted-transport.js'
import { localAddressOf, remoteAddressOf } from '../sockets/address.js'
import { ListeningSocket } from '../sockets/listening-socket.js'
import { BufferPool } from '../sockets/output-buffer.js'
import { ReadBuffer } from '../sockets/read-buffer.js'
import { allCommands } from './commands.js'
import { type ConnectionParts, RespConnection } from './connection.js'
import { Dispatch } from './dispatch.js'
import { HotGet } from './hot-get.js'
import { KeySpace, type RespGroup } from './key-space.js'
import type { RespLimits } from './limits.js'
import { RespMetrics } from './resp-metrics.js'
import type { RespContext, Session } from './session.js'
import { Tracker } from './tracker.js'

export interface RespServerParts {
  readonly groups: Iterable<RespGroup>
  readonly node: NodeView
  readonly invalidations: Invalidations
  /** Of the thread that the server runs in. */
  readonly pin: ReaderPin
  readonly counters: NodeCounterRow
  readonly limits: RespLimits
  /** Certificate and key; plain text without them. */
  readonly tls: TlsOptions | undefined
  readonly password: string | undefined
  readonly defaultGroup: string | undefined
  readonly deadlineMs: number
  /** Of this package. */
  readonly version: string
  readonly log: Log
}

/** Connections above the limit that are accepted for as long as it takes to tell them. */
const REFUSALS_AT_A_TIME = 128

/** Serves the Redis protocol on one address. */
export class RespServer {
  readonly #parts: RespServerParts
  readonly #metrics: RespMetrics
  readonly #tracker: Tracker
  readonly #connections = new TransientMap<number, RespConnection>()
  readonly #connectionParts: ConnectionParts
  readonly #listening: ListeningSocket
  readonly #startedAtMs = Date.now()
  readonly #readBuffer = new ReadBuffer()
  #address = ''
  #nextId = 1
  #ticker: NodeJS.Timeout | undefined
  #heldBytes = 0
  #readStartedMs = 0
  #isStopping = false
  #onQuiet: () => void = doNothing

  constructor(parts: RespServerParts) {
    this.#parts = parts
    this.#metrics = new RespMetrics(parts.counters)
    const { limits, pin, invalidations, defaultGroup } = parts
    this.#tracker = new Tracker({ invalidations, metrics: this.#metrics, limits, clock: pin, defaultGroup })
    const context = this.#newContext()
    this.#connectionParts = {
      context,
      pool: new BufferPool(),
      hotGet: new HotGet(context.keys),
      dispatch: new Dispatch(allCommands(), (error) => {
        parts.log.error({ err: error }, 'Fault in the RESP front')
      }),
      strangerLimits: {
        ...limits,
        argCountMax: limits.strangerArgCountMax,
        requestBytesMax: limits.strangerBytesMax,
        inlineBytesMax: limits.strangerBytesMax,
      },
      onReadStart: () => this.#onReadStart(),
      onReadEnd: () => this.#onReadEnd(),
      onHeld: (bytes) => this.#onHeld(bytes),
      onQuiet: () => this.#onQuiet(),
      onClosed: ({ session: { id } }) => this.#onClosed(id),
    }
    this.#listening = new ListeningSocket(this.#newServer())
  }

  /** Listens; answers the port. Rejects with the system's error. */
  async listen(host: string, port: number): Promise<number> {
    const { limits } = this.#parts
    const bound = await this.#listening.listen({ host, port }, limits.connectionsMax + REFUSALS_AT_A_TIME)
    this.#address = host.includes(':') ? `[${host}]:${bound}` : `${host}:${bound}`
    this.#ticker = setInterval(() => this.#tick(), limits.tickMs).unref()
    return bound
  }

  /** New connections get this certificate. */
  setSecureContext(options: SecureContextOptions): void {
    this.#listening.setSecureContext(options)
  }

  /** Accepts and reads no more, waits at most `graceMs` for what is under way, then closes all connections. */
  async shutdown(graceMs: number): Promise<void> {
    this.#isStopping = true
    this.#listening.close()
    for (const connection of this.#connections.values()) connection.finish()
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, graceMs)
      const onQuiet = (): void => {
        if (!this.#connections.values().every(({ isQuiet }) => isQuiet)) return
        clearTimeout(timer)
        resolve()
      }
      this.#onQuiet = onQuiet
      onQuiet()
    })
    this.#onQuiet = doNothing
    clearInterval(this.#ticker)
    this.#listening.destroySockets()
    for (const connection of this.#connections.values()) connection.destroy()
    this.#tracker.close()
  }

  #newContext(): RespContext {
    const { groups, node, limits, pin, password, defaultGroup, deadlineMs, version, log } = this.#parts
    const server = this
    return {
      keys: new KeySpace(groups, defaultGroup),
      node,
      tracker: this.#tracker,
      metrics: this.#metrics,
      limits,
      clock: pin,
      password,
      deadlineMs,
      version,
      startedAtMs: this.#startedAtMs,
      get address() {
        return server.#address
      },
      *groupNames() {
        for (const { name } of groups) yield name
      },
      *clients() {
        for (const { session } of server.#connections.values()) yield session
      },
      client: (id) => this.#connections.get(id)?.session,
      onDropped: ({ host }: Session, cause: DropCause, why) => {
        this.#metrics.front.connectionDropped(cause)
        log.warn({ client: host.remoteAddress, why }, 'Connection of a Redis client dropped')
      },
    }
  }

  #newServer(): net.Server {
    const { tls: secure, limits } = this.#parts
    const options = {
      noDelay: true,
      // Who sends its requests and closes its end still wants the replies.
      allowHalfOpen: true,
      keepAlive: true,
      keepAliveInitialDelay: limits.keepaliveMs,
    }
    if (secure === undefined)
      return net.createServer({ ...options, pauseOnConnect: true }, (socket) => this.#accept(socket))
    return tls.createServer(
      { ...options, minVersion: 'TLSv1.2', handshakeTimeout: limits.handshakeTimeoutMs, ...secure },
      (socket) => this.#accept(socket),
    )
  }

  #accept(socket: Socket): void {
    if (this.#isStopping || this.#connections.size >= this.#parts.limits.connectionsMax) {
      this.#metrics.front.connectionRefused()
      socket.end('-ERR max number of clients reached\r\n', () => socket.destroy())
      return
    }
    const id = this.#nextId++
    const addresses = { remoteAddress: remoteAddressOf(socket), localAddress: localAddressOf(socket) }
    const { pool } = this.#connectionParts
    const transport = acceptedTransport(socket, pool, this.#readBuffer, this.#metrics.front)
    const connection = new RespConnection(id, this.#connectionParts, transport, addresses)
    this.#connections.set(id, connection)
    this.#metrics.front.connectionOpened()
    transport.attach(connection)
  }

  #onReadStart(): void {
    this.#parts.pin.enter()
    this.#readStartedMs = performance.now()
  }

  #onReadEnd(): void {
    this.#parts.pin.leave()
    this.#metrics.recordHits(this.#readStartedMs)
  }

  #onClosed(id: number): void {
    if (this.#connections.delete(id)) this.#metrics.front.connectionClosed()
    this.#onQuiet()
  }

  #onHeld(bytes: number): void {
    this.#heldBytes += bytes
    this.#metrics.setHeld(this.#heldBytes)
    if (bytes < 0 || this.#heldBytes <= this.#parts.limits.totalBytesMax) return
    let largest: RespConnection | undefined
    for (const connection of this.#connections.values()) {
      if (largest === undefined || connection.heldBytes > largest.heldBytes) largest = connection
    }
    largest?.drop('memory', 'all clients together made the node hold too much, and it the most')
  }

  #tick(): void {
    const nowMs = this.#parts.pin.nowMs()
    for (const connection of this.#connections.values()) connection.tick(nowMs)
  }
}

function doNothing(): void {}
