import type { Socket } from 'node:net'
import { Code } from '../../../shared/errors.js'
import { TransientSet } from '../../../shared/transient-set.js'
import { SocketTransport } from '../../sockets/socket-transport.js'
import { Backoff } from './backoff.js'
import { ClientConnection, type ClientConnectionContext, type ConnectionUser } from './client-connection.js'
import type { CallHolder, PendingCall } from './pending-call.js'

/** What a subchannel needs from outside. */
export interface SubchannelContext extends Omit<ClientConnectionContext, 'keepaliveTimeMs'> {
  connect(): Socket
  /** In [0, 1). */
  random(): number
  onFault(error: unknown): void
}

/**
 * idle ─ call ► connecting ─ SETTINGS ► ready ─ lost, GOAWAY, ids used up ► idle
 *               connecting ─ failed ► away ─ pause over ► retrying ─ SETTINGS ► ready
 *                                      ▲                      └──── failed ────► away
 * any ─ close() ► closed
 *
 * Calls wait while it is connecting, which takes connectTimeoutMs at most; while it is away or retrying, the server is known
 * to be away and they fail at once.
 */
export type SubchannelState = 'idle' | 'connecting' | 'ready' | 'away' | 'retrying' | 'closed'

/** Connections that the server has sent away and that still have calls; the oldest of more is cut. */
const DRAINING_MAX = 8
const TICK_MS = 1000
const TICK_MS_MIN = 10
const KEEPALIVE_TIME_MS_MAX = 0x3fff_ffff

/** At most one current connection to one server, made when it is needed and made anew when it is lost. */
export class Subchannel implements CallHolder {
  private readonly context: SubchannelContext
  private readonly backoff: Backoff
  /** In the order in which they came. */
  private readonly waiting = new TransientSet<PendingCall>()
  /** All that have a socket, the oldest first. */
  private readonly connections = new Set<ClientConnection>()
  private current: ClientConnection | undefined
  private currentState: SubchannelState = 'idle'
  private timer: NodeJS.Timeout | undefined
  private ticker: NodeJS.Timeout | undefined
  private keepaliveTimeMs: number
  private failure = ''

  constructor(context: SubchannelContext) {
    this.context = context
    this.backoff = new Backoff(context.limits.reconnectPauseMs, () => context.random())
    this.keepaliveTimeMs = context.limits.keepaliveTimeMs
  }

  get state(): SubchannelState {
    return this.currentState
  }

  /** Calls that wait or are under way on the current connection. */
  get load(): number {
    return this.waiting.size + (this.current?.streams.openCount ?? 0)
  }

  submit(call: PendingCall): void {
    switch (this.currentState) {
      case 'ready':
        if (this.waiting.size === 0 && this.current!.hasRoom) this.current!.open(call)
        else this.wait(call)
        return
      case 'idle':
        this.wait(call)
        this.connect()
        return
      case 'connecting':
        this.wait(call)
        return
      case 'closed':
        call.settle(Code.UNAVAILABLE, 'connection is closed')
        return
      default:
        call.settle(Code.UNAVAILABLE, `not reachable: ${this.failure}`)
    }
  }

  /** For a call that waits here. */
  abandon(call: PendingCall): void {
    this.waiting.delete(call)
  }

  /** Connects, if nobody has asked for it yet. */
  prepare(): void {
    if (this.currentState === 'idle') this.connect()
  }

  close(): void {
    if (this.currentState === 'closed') return
    this.setState('closed')
    this.current = undefined
    this.settleWaiting('connection is closed')
    for (const connection of [...this.connections]) connection.close('connection is closed')
  }

  private setState(state: SubchannelState): void {
    clearTimeout(this.timer)
    this.currentState = state
  }

  private wait(call: PendingCall): void {
    call.holder = this
    this.waiting.add(call)
  }

  private connect(): void {
    const { connectTimeoutMs } = this.context.limits
    this.setState(this.currentState === 'away' ? 'retrying' : 'connecting')
    this.failure = `no connection within ${connectTimeoutMs} ms`
    const connection = this.newConnection()
    if (connection === undefined) {
      this.onLost(undefined)
      return
    }
    this.current = connection
    this.timer = setTimeout(() => connection.destroy(), connectTimeoutMs)
    connection.start()
  }

  private newConnection(): ClientConnection | undefined {
    const { context } = this
    let socket: Socket
    try {
      socket = context.connect()
    } catch (error) {
      // What is no address leads to nobody.
      this.failure = error instanceof Error ? error.message : String(error)
      return undefined
    }
    const transport = new SocketTransport(socket, context.pool)
    const connection: ClientConnection = new ClientConnection(
      { ...context, keepaliveTimeMs: this.keepaliveTimeMs, nowMs: () => context.nowMs() },
      transport,
      this.userOf(() => connection),
    )
    socket.once('error', (error) => {
      if (this.current === connection) this.failure = error.message
    })
    transport.attach(connection)
    this.connections.add(connection)
    this.ticker ??= this.startTicker()
    return connection
  }

  private userOf(connection: () => ClientConnection): ConnectionUser {
    return {
      onReady: () => this.onReady(connection()),
      onRoom: () => {
        if (this.waiting.size > 0 && this.currentState === 'ready') this.sendWaiting()
      },
      onDraining: (reason) => {
        if (this.current !== connection()) return
        if (connection().state === 'closing') this.failure = reason
        this.onLost(connection())
      },
      onTooManyPings: () => {
        this.keepaliveTimeMs = Math.min(2 * this.keepaliveTimeMs, KEEPALIVE_TIME_MS_MAX)
      },
      onUnprocessed: (call) => this.resubmit(call),
      onFault: (error) => this.context.onFault(error),
      onClosed: () => this.onClosed(connection()),
    }
  }

  private onReady(connection: ClientConnection): void {
    if (this.current !== connection) return
    this.backoff.reset()
    this.setState('ready')
    this.sendWaiting()
  }

  private sendWaiting(): void {
    while (this.waiting.size > 0 && this.current?.hasRoom === true) {
      for (const call of this.waiting.take(1)) this.current.open(call)
    }
  }

  /** There is no current connection any more: the attempt failed, or it takes no more calls. */
  private onLost(connection: ClientConnection | undefined): void {
    const wasReady = this.currentState === 'ready'
    this.current = undefined
    if (!wasReady) {
      this.setState('away')
      this.timer = setTimeout(() => this.connect(), this.backoff.next()).unref()
      this.settleWaiting(this.failure)
      return
    }
    this.setState('idle')
    for (const call of this.waiting.take(this.waiting.size)) this.resubmit(call)
    if (connection?.state === 'draining') this.limitDraining()
  }

  /** Once per call, so that no server can keep it moving. */
  private resubmit(call: PendingCall): void {
    if (call.settled) return
    if (call.moved) {
      call.settle(Code.UNAVAILABLE, 'the server takes no calls')
      return
    }
    call.moved = true
    call.holder = undefined
    this.submit(call)
  }

  private settleWaiting(message: string): void {
    for (const call of this.waiting.take(this.waiting.size)) call.settle(Code.UNAVAILABLE, message)
  }

  private limitDraining(): void {
    if (this.connections.size <= DRAINING_MAX) return
    for (const oldest of this.connections) {
      if (oldest === this.current) continue
      oldest.destroy()
      return
    }
  }

  private onClosed(connection: ClientConnection): void {
    this.connections.delete(connection)
    if (this.connections.size > 0) return
    clearInterval(this.ticker)
    this.ticker = undefined
  }

  private startTicker(): NodeJS.Timeout {
    const { keepaliveTimeMs, keepaliveTimeoutMs } = this.context.limits
    const shortestMs = Math.min(keepaliveTimeMs, keepaliveTimeoutMs)
    const tick = () => {
      for (const connection of [...this.connections]) connection.tick()
    }
    // The sockets keep the process alive; the ticker alone must not.
    return setInterval(tick, Math.max(TICK_MS_MIN, Math.min(TICK_MS, shortestMs / 4))).unref()
  }
}
