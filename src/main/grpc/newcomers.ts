import { Socket } from 'node:net'
import { TransientSet } from '../../shared/transient-set.js'
import { type AcceptedTransport, acceptedTransport } from '../sockets/accepted-transport.js'
import { DirectTransport } from '../sockets/direct-transport.js'
import type { BufferPool } from '../sockets/output-buffer.js'
import { ReadBuffer } from '../sockets/read-buffer.js'
import { SilentHandles } from '../sockets/silent-handles.js'
import type { SocketHandle } from '../sockets/socket-handle.js'
import type { SocketUser } from '../sockets/transport.js'
import { Leaver } from './http2/leaver.js'
import type { TimeShare } from './http2/time-share.js'
import { isWorthAnswering, Newcomer } from './newcomer.js'
import { Rounds } from './rounds.js'
import type { ServerMetrics } from './server-metrics.js'

/** What newcomers need of their server. */
export interface NewcomersHost {
  readonly prefaceTimeoutMs: number
  readonly pool: BufferPool
  readonly metrics: ServerMetrics | undefined
  nowMs(): number
  newTimeShare(): TimeShare
  /** One speaks HTTP/2, as far as one can tell; answers who has its transport from now on, the first bytes included. */
  onWelcome(transport: AcceptedTransport, startedAtMs: number): SocketUser
  /** One was told to go. */
  onLeaving(leaver: Leaver): void
  /** One has gone. */
  onGone(): void
}

/**
 * The connections of a server that have not begun HTTP/2 yet.
 *
 *     plain    handle ── first bytes ──► Newcomer with a DirectTransport ──► onWelcome
 *     TLS      handshake ──────────────► Newcomer with a SocketTransport ──► onWelcome
 *
 * What a plain one says is looked at before anything is made for it: thousands that stay silent, or begin with garbage,
 * cost little more than their handles.
 */
export class Newcomers {
  readonly pool: BufferPool
  readonly prefaceTimeoutMs: number
  readonly #host: NewcomersHost
  readonly #readBuffer = new ReadBuffer()
  readonly #silent: SilentHandles
  readonly #silentRounds: Rounds<SocketHandle>
  readonly #others = new TransientSet<Newcomer>()
  readonly #otherRounds: Rounds<Newcomer>
  #tickMs = 0

  constructor(host: NewcomersHost) {
    this.#host = host
    this.pool = host.pool
    this.prefaceTimeoutMs = host.prefaceTimeoutMs
    this.#silent = new SilentHandles(this.#readBuffer, {
      onFirstBytes: (handle, chunk, sinceMs) => this.#onFirstBytes(handle, chunk, sinceMs),
      onGone: () => host.onGone(),
    })
    this.#silentRounds = new Rounds(this.#silent, host.newTimeShare(), (handle) => this.#visit(handle))
    this.#otherRounds = new Rounds(this.#others, host.newTimeShare(), (newcomer) => newcomer.tick())
  }

  get size(): number {
    return this.#silent.size + this.#others.size
  }

  /** Waits for what it says. */
  accept(accepted: Socket | SocketHandle): void {
    const nowMs = this.nowMs()
    if (!(accepted instanceof Socket)) {
      this.#silent.add(accepted, nowMs)
      return
    }
    const { pool, metrics } = this.#host
    const transport = acceptedTransport(accepted, pool, this.#readBuffer, metrics)
    transport.attach(this.#add(transport, nowMs))
  }

  /** To be called about every second: cuts off who has been silent for too long, a slice of time in each turn. */
  tick(): void {
    this.#tickMs = this.nowMs()
    this.#silentRounds.begin()
    this.#otherRounds.begin()
  }

  /** Cuts all. */
  close(): void {
    for (const handle of this.#silent.values()) this.#silent.cut(handle)
    for (const newcomer of this.#others.values()) newcomer.destroy()
  }

  nowMs(): number {
    return this.#host.nowMs()
  }

  onWelcome(newcomer: Newcomer, chunk: Buffer): void {
    const { transport, startedAtMs } = newcomer
    const user = this.#host.onWelcome(transport, startedAtMs)
    this.#others.delete(newcomer)
    transport.handOver(user)
    user.receive(chunk)
  }

  onAnswered(newcomer: Newcomer): void {
    const { transport } = newcomer
    const leaver = new Leaver(transport, this.nowMs())
    this.#others.delete(newcomer)
    transport.handOver(leaver)
    this.#host.onLeaving(leaver)
  }

  onRejected(): void {
    const { metrics } = this.#host
    metrics?.protocolError()
    metrics?.goaway('error')
  }

  onGone(newcomer: Newcomer): void {
    // One that was cut off is told of its socket's end, too.
    if (this.#others.delete(newcomer)) this.#host.onGone()
  }

  #add(transport: AcceptedTransport, startedAtMs: number): Newcomer {
    const newcomer = new Newcomer(this, transport, startedAtMs)
    this.#others.add(newcomer)
    return newcomer
  }

  #onFirstBytes(handle: SocketHandle, chunk: Buffer, sinceMs: number): void {
    const { pool, metrics } = this.#host
    if (isWorthAnswering(chunk)) {
      const transport = new DirectTransport(handle, pool, this.#readBuffer, metrics)
      transport.attach(this.#add(transport, sinceMs), chunk)
      return
    }
    metrics?.received(chunk.length)
    handle.close()
    this.onRejected()
    this.#host.onGone()
  }

  #visit(handle: SocketHandle): void {
    const sinceMs = this.#silent.sinceMs(handle)
    if (sinceMs === undefined || this.#tickMs - sinceMs < this.prefaceTimeoutMs) return
    this.onRejected()
    this.#silent.cut(handle)
  }
}
