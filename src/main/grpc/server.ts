import type { Socket } from 'node:net'
import type { SecureContextOptions } from 'node:tls'
import type { ServerCredentials, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { systemClock } from '../../shared/clock.js'
import { TransientSet } from '../../shared/transient-set.js'
import type { AcceptedTransport } from '../sockets/accepted-transport.js'
import { BufferPool } from '../sockets/output-buffer.js'
import type { SocketHandle } from '../sockets/socket-handle.js'
import { SocketTransport } from '../sockets/socket-transport.js'
import { GrpcConnection, type GrpcContext } from './grpc-connection.js'
import { HeldPool } from './held-requests.js'
import { HELD_BODY_BYTES_MAX, type HotContext, HotPath } from './hot-path.js'
import type { HotHandler, HotMethod } from './hot-shapes.js'
import type { ByteBudget } from './http2/byte-budget.js'
import type { Leaver } from './http2/leaver.js'
import type { ConnectionContext } from './http2/server-connection.js'
import { TimeShare } from './http2/time-share.js'
import { TimeSlices } from './http2/time-slices.js'
import { Leavers } from './leavers.js'
import { authContextOf, Listener } from './listener.js'
import { type Handler, type Method, MethodTable, type MethodType } from './method.js'
import { Newcomers } from './newcomers.js'
import { type GrpcServerOptions, type ResolvedOptions, resolveOptions } from './options.js'
import type { IsOrdinary } from './request-shape.js'
import { Rounds } from './rounds.js'
import type { ServerMetrics } from './server-metrics.js'

/** How often connections look at their times, unless shorter limits ask for more. */
const TICK_MS = 1000
const TICK_MS_MIN = 10

/** Fields of responses that are the same from call to call. */
const INDEXABLE: ReadonlySet<string> = new Set([
  'content-type\0application/grpc',
  'grpc-status\x000',
  'grpc-encoding\0gzip',
  'grpc-encoding\0deflate',
])

class Budget implements ByteBudget {
  private left: number

  constructor(lengthBytes: number) {
    this.left = lengthBytes
  }

  take(lengthBytes: number): boolean {
    if (lengthBytes > this.left) return false
    this.left -= lengthBytes
    return true
  }

  give(lengthBytes: number): void {
    this.left += lengthBytes
  }
}

/**
 * A gRPC server with the surface of grpc-js's Server: services, handlers and credentials made for that work here
 * unchanged.
 */
export class GrpcServer {
  private readonly options: ResolvedOptions
  private readonly methods = new MethodTable()
  private readonly connections = new TransientSet<GrpcConnection>()
  private readonly rounds: Rounds<GrpcConnection>
  private readonly newcomers: Newcomers
  private readonly leavers: Leavers
  private readonly listeners = new Map<number, Listener>()
  private readonly context: GrpcContext
  private readonly http2Context: ConnectionContext
  private readonly metrics: ServerMetrics | undefined
  private readonly hotMethods = new Map<string, HotMethod>()
  private readonly hotContext: HotContext
  private ticker: NodeJS.Timeout | undefined
  private stopping = false
  private onStopped: (() => void)[] = []

  /** @throws RangeError of an option outside its bounds */
  constructor(options: GrpcServerOptions = {}) {
    const resolved = resolveOptions(options)
    this.options = resolved
    this.metrics = options.metrics
    const budget = new Budget(resolved.bufferedBytesMax)
    this.context = {
      options: resolved,
      methods: this.methods,
      budget,
      onReadStart: options.onReadStart ?? (() => {}),
      onReadEnd: options.onReadEnd ?? (() => {}),
      onFault: options.onFault ?? (() => {}),
      onClosed: (connection, leaver) => this.onConnectionClosed(connection, leaver),
    }
    this.http2Context = {
      limits: resolved,
      budget,
      pool: new BufferPool(),
      defer: (run) => process.nextTick(run),
      slices: new TimeSlices({ nowMs: () => performance.now(), nextTurn: (run) => setImmediate(run) }),
      nowMs: () => systemClock.nowMs(),
      random: () => Math.random(),
      indexable: (name, value) => INDEXABLE.has(`${name}\0${value}`),
      ...(options.metrics && { metrics: options.metrics }),
    }
    const newTimeShare = () => new TimeShare(this.http2Context.slices)
    this.rounds = new Rounds(this.connections, newTimeShare(), (connection) => connection.tick())
    const { pool, nowMs } = this.http2Context
    const onGone = () => this.onGone()
    this.leavers = new Leavers({ nowMs, newTimeShare, onGone })
    this.newcomers = new Newcomers({
      prefaceTimeoutMs: resolved.prefaceTimeoutMs,
      pool,
      metrics: this.metrics,
      nowMs,
      newTimeShare,
      onWelcome: (transport, startedAtMs) => this.welcome(transport, startedAtMs).http2,
      onLeaving: (leaver) => this.leavers.add(leaver),
      onGone,
    })
    this.hotContext = {
      methods: this.hotMethods,
      receiveBytesMax: resolved.receiveBytesMax,
      heldBody: Buffer.alloc(HELD_BODY_BYTES_MAX),
      heldPool: new HeldPool(),
      onFault: this.context.onFault,
    }
  }

  /** @throws Error for an empty service, and for a method that is there already */
  addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    this.methods.addService(service, implementation)
  }

  removeService(service: ServiceDefinition): void {
    this.methods.removeService(service)
  }

  /** False when there is a method of that path. */
  register(
    path: string,
    handler: Handler,
    serialize: Method['serialize'],
    deserialize: Method['deserialize'],
    type: string,
  ): boolean {
    return this.methods.add({ path, handler, serialize, deserialize, type: type as MethodType })
  }

  unregister(path: string): boolean {
    return this.methods.remove(path)
  }

  /**
   * Answers a unary method from bytes to bytes wherever it can; the method must be there the ordinary way as well, and
   * give the same answers.
   *
   * @param isOrdinary tells header fields that the handler would have to know: requests that have one go the ordinary way
   */
  addHotMethod(path: string, handler: HotHandler, isOrdinary: IsOrdinary = () => false): void {
    this.hotMethods.set(path, { handler, isOrdinary })
  }

  /** Kept for programs written for older grpc-js: a bound server serves. */
  start(): void {}

  /**
   * Listens on HOST:PORT; port 0 takes a free one.
   *
   * @param callback gets the port
   */
  bindAsync(
    address: string,
    credentials: ServerCredentials,
    callback: (error: Error | null, port: number) => void,
  ): void {
    this.bind(address, credentials).then(
      (port) => callback(null, port),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), 0),
    )
  }

  /** The same as a promise. */
  async bind(address: string, credentials: ServerCredentials): Promise<number> {
    const [host, port] = parseAddress(address)
    return this.bindTo({ host, port }, credentials)
  }

  /** The same on the handle of a socket that listens already, and that others may accept from, too. */
  async bindTo(where: object, credentials: ServerCredentials): Promise<number> {
    if (this.stopping) throw new Error('server is shutting down')
    const listener = new Listener(credentials, this.options.handshakeTimeoutMs, (accepted) =>
      this.accept(accepted),
    )
    const bound = await listener.listen(where, this.options.connectionsMax)
    this.listeners.set(bound, listener)
    return bound
  }

  /** File descriptor of the socket that listens on a port; −1 when there is none. */
  descriptorOf(port: number): number {
    return this.listeners.get(port)?.descriptor ?? -1
  }

  /** Exchanges the certificate of all TLS listeners, for new connections. */
  setSecureContext(options: SecureContextOptions): void {
    for (const listener of this.listeners.values()) listener.setSecureContext(options)
  }

  /** Accepts nothing new, lets calls finish, then calls back. */
  tryShutdown(callback: (error?: Error) => void): void {
    this.stopping = true
    for (const listener of this.listeners.values()) listener.close()
    this.onStopped.push(callback)
    this.newcomers.close()
    for (const connection of this.connections.values()) connection.drain()
    this.checkStopped()
  }

  /** Cuts everything. */
  forceShutdown(): void {
    this.stopping = true
    for (const listener of this.listeners.values()) {
      listener.close()
      listener.destroySockets()
    }
    this.newcomers.close()
    this.leavers.close()
    for (const connection of this.connections.values()) connection.destroy()
    this.checkStopped()
  }

  private get connectionCount(): number {
    return this.newcomers.size + this.connections.size + this.leavers.size
  }

  private welcome(transport: AcceptedTransport, startedAtMs: number): GrpcConnection {
    const client = {
      address: transport.remoteAddress,
      authContext: () => (transport instanceof SocketTransport ? authContextOf(transport.socket) : {}),
    }
    const connection = new GrpcConnection(this.context, this.http2Context, transport, client, startedAtMs)
    const makeFastPath = () => new HotPath(connection.http2, connection.admission, this.hotContext)
    connection.http2.streams.makeFastPath = makeFastPath
    this.connections.add(connection)
    return connection
  }

  private accept(accepted: Socket | SocketHandle): void {
    if (this.stopping || this.connectionCount >= this.options.connectionsMax) {
      if (!this.stopping) this.metrics?.connectionRefused()
      if ('destroy' in accepted) accepted.destroy()
      else accepted.close()
      return
    }
    this.metrics?.connectionOpened()
    this.ticker ??= this.startTicker()
    this.newcomers.accept(accepted)
  }

  private startTicker(): NodeJS.Timeout {
    const { options } = this
    const shortestMs = Math.min(
      options.prefaceTimeoutMs,
      options.headerTimeoutMs,
      options.requestStallTimeoutMs,
      options.writeStallTimeoutMs,
      options.idleTimeoutMs,
      options.ageMaxMs,
      options.keepaliveTimeMs,
      options.keepaliveTimeoutMs,
    )
    const tick = () => {
      this.newcomers.tick()
      this.leavers.tick()
      this.rounds.begin()
    }
    const ticker = setInterval(tick, Math.max(TICK_MS_MIN, Math.min(TICK_MS, shortestMs / 4)))
    // The sockets keep the process alive; the ticker alone must not.
    return ticker.unref()
  }

  private onConnectionClosed(connection: GrpcConnection, leaver: Leaver | undefined): void {
    this.connections.delete(connection)
    if (leaver === undefined) this.onGone()
    else this.leavers.add(leaver)
  }

  private onGone(): void {
    this.metrics?.connectionClosed()
    if (this.connectionCount > 0) return
    clearInterval(this.ticker)
    this.ticker = undefined
    if (this.stopping) this.checkStopped()
  }

  private checkStopped(): void {
    if (this.connectionCount > 0) return
    const callbacks = this.onStopped
    this.onStopped = []
    for (const callback of callbacks) callback()
  }
}

/** @throws Error unless it is HOST:PORT or [IPV6]:PORT */
function parseAddress(address: string): [host: string, port: number] {
  const match = /^(?:\[([^\]]+)\]|([^:]*)):(\d{1,5})$/.exec(
    address.replace(/^(?:dns|ipv4|ipv6):(?:\/\/\/)?/, ''),
  )
  const port = Number(match?.[3])
  if (match === null || port > 65_535) throw new Error(`address must be HOST:PORT, not "${address}"`)
  return [match[1] ?? match[2] ?? '', port]
}
