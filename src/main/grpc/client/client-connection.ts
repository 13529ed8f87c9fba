import { Code } from '../../../shared/errors.js'
import type { BufferPool } from '../../sockets/output-buffer.js'
import type { Defer, Transport } from '../../sockets/transport.js'
import type { ByteBudget } from '../http2/byte-budget.js'
import { ConnectionOutput } from '../http2/connection-output.js'
import { ConnectionError, Http2Code } from '../http2/errors.js'
import { FloodGuard } from '../http2/flood-guard.js'
import {
  CLIENT_PREFACE,
  Flag,
  FRAME_BYTES_DEFAULT,
  http2CodeName,
  STREAM_ID_MAX,
  writeGoaway,
  writePing,
  writeSettingsAck,
  writeWindowUpdate,
} from '../http2/frame.js'
import { FrameDispatcher, type FrameHandler } from '../http2/frame-dispatcher.js'
import { FrameReader, type FrameSink } from '../http2/frame-reader.js'
import { HpackEncoder } from '../http2/hpack-encoder.js'
import type { StreamEnder } from '../http2/send-scheduler.js'
import { applySettings, SettingId, WINDOW_BYTES_DEFAULT, writeSettings } from '../http2/settings.js'
import { ClientStreams, type ClientStreamsContext } from './client-streams.js'
import { Keepalive } from './keepalive.js'
import { CLIENT_FLOOD_LIMITS, type ClientLimits } from './options.js'
import type { PendingCall } from './pending-call.js'
import type { RequestCommons } from './request-writer.js'

/** Who uses a connection. */
export interface ConnectionUser {
  /** The server's SETTINGS are here. */
  onReady(): void
  /** A stream closed, or the server's limits or its appetite changed: there may be room for calls. */
  onRoom(): void
  /** No more calls, once or twice: the server said GOAWAY, ids are used up, or it is over. Those that are open may go on. */
  onDraining(reason: string): void
  /** The server complains of our PINGs. */
  onTooManyPings(): void
  /** The server has not touched this call, which has left its stream. */
  onUnprocessed(call: PendingCall): void
  /** A fault of our own, which ends the connection. */
  onFault(error: unknown): void
  /** Socket and calls are gone. */
  onClosed(): void
}

/** What a connection needs from outside: all that is not bytes. */
export interface ClientConnectionContext {
  readonly limits: ClientLimits
  readonly commons: RequestCommons
  readonly budget: ByteBudget
  readonly pool: BufferPool
  readonly defer: Defer
  /** Of this connection: see ClientLimits. */
  readonly keepaliveTimeMs: number
  nowMs(): number
}

/**
 * greeting ─ SETTINGS ► ready ─ GOAWAY, ids used up ► draining ─ last call ended ► closing ─ socket gone ► closed
 * any ─ error, close() ► closing;  any ─ socket lost ► closed
 */
export type ConnectionState = 'greeting' | 'ready' | 'draining' | 'closing' | 'closed'

const KEEPALIVE_PING = Buffer.from('alive\0\0\0', 'latin1')
/** Encoded bytes of a header block, as a multiple of what the list may have decoded. */
const BLOCK_BYTES_FACTOR = 2
/** How long a connection that was ended waits for the server to end it too. */
const LINGER_MS = 1000
const TOO_MANY_PINGS = 'too_many_pings'

/**
 * The client side of one HTTP/2 connection (RFC 9113), without its socket: bytes come in by receive() and go out by a
 * Transport; time passes by tick(). Frames of the connection are dealt with here, those of streams by ClientStreams.
 */
export class ClientConnection implements FrameSink, FrameHandler, StreamEnder, ClientStreamsContext {
  readonly limits: ClientLimits
  readonly commons: RequestCommons
  readonly budget: ByteBudget
  readonly guard = new FloodGuard(CLIENT_FLOOD_LIMITS)
  readonly output: ConnectionOutput
  readonly streams: ClientStreams
  private readonly context: ClientConnectionContext
  private readonly transport: Transport
  private readonly user: ConnectionUser
  private readonly reader: FrameReader
  private readonly dispatcher: FrameDispatcher
  private readonly keepalive: Keepalive
  private currentState: ConnectionState = 'greeting'
  /** Of the last GOAWAY. */
  private lastStreamId = STREAM_ID_MAX
  private tickedAtMs: number
  private finishedAtMs = 0
  private receiving = false

  constructor(context: ClientConnectionContext, transport: Transport, user: ConnectionUser) {
    this.context = context
    this.limits = context.limits
    this.commons = context.commons
    this.budget = context.budget
    this.transport = transport
    this.user = user
    this.tickedAtMs = context.nowMs()
    this.reader = new FrameReader(this, FRAME_BYTES_DEFAULT)
    this.dispatcher = new FrameDispatcher(this, this.limits.headerListBytesMax * BLOCK_BYTES_FACTOR)
    this.keepalive = new Keepalive(context.keepaliveTimeMs, this.limits.keepaliveTimeoutMs, this.tickedAtMs)
    const output = {
      limits: this.limits,
      pool: context.pool,
      defer: context.defer,
      nowMs: () => this.nowMs(),
    }
    this.output = new ConnectionOutput(this, new HpackEncoder(isWorthAPlace), transport, output)
    this.streams = new ClientStreams(this)
  }

  get state(): ConnectionState {
    return this.currentState
  }

  /** True while calls may be opened here and now. */
  get hasRoom(): boolean {
    return this.currentState === 'ready' && this.streams.hasRoom
  }

  /** Sends the preface and our settings. */
  start(): void {
    const { limits } = this
    const { buffer } = this.output
    buffer.append(CLIENT_PREFACE)
    writeSettings(buffer, [
      [SettingId.ENABLE_PUSH, 0],
      [SettingId.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
      [SettingId.MAX_HEADER_LIST_SIZE, limits.headerListBytesMax],
    ])
    const increment = limits.connectionWindowBytes - WINDOW_BYTES_DEFAULT
    if (increment > 0) writeWindowUpdate(buffer, 0, increment)
    this.output.flush()
  }

  /** Sends a call; only while hasRoom. */
  open(call: PendingCall): void {
    this.streams.open(call)
    if (this.streams.usedUp) this.drain('stream ids used up')
  }

  /** Bytes from the server. Never throws: a server that breaks the rules is told so and disconnected. */
  receive(chunk: Buffer): void {
    if (this.over) return
    this.keepalive.noteReceived()
    this.batch(() => this.reader.read(chunk, 0))
  }

  /** The transport has nothing unsent any more. */
  onDrained(): void {
    if (this.over || !this.output.congested) return
    this.output.onDrained()
    if (this.output.congested) return
    this.batch(() => this.reader.resume())
    if (this.output.congested) return
    this.transport.resumeReading()
    this.user.onRoom()
  }

  /** The socket is gone. */
  onTransportClosed(): void {
    if (this.currentState === 'closed') return
    this.currentState = 'closed'
    this.output.close()
    this.user.onDraining('connection was lost')
    this.streams.closeAll(Code.UNAVAILABLE, 'connection was lost', false)
    this.user.onClosed()
  }

  /** Ends the connection and its calls. */
  close(message: string): void {
    if (this.over) return
    this.streams.closeAll(Code.UNAVAILABLE, message, true)
    writeGoaway(this.output.buffer, 0, Http2Code.NO_ERROR, '')
    this.finish(message)
  }

  /** Ends the connection at once. */
  destroy(): void {
    this.transport.destroy()
    this.onTransportClosed()
  }

  /** To be called about every second, or more often where limits are shorter. */
  tick(): void {
    const nowMs = this.nowMs()
    this.guard.refill(nowMs - this.tickedAtMs)
    this.tickedAtMs = nowMs
    if (this.over) {
      if (nowMs - this.finishedAtMs >= LINGER_MS) this.destroy()
      return
    }
    switch (this.keepalive.tick(nowMs, this.streams.openCount > 0, this.output.congested)) {
      case 'ping':
        writePing(this.output.buffer, 0, KEEPALIVE_PING, 0)
        this.output.plan()
        return
      case 'dead':
        this.destroy()
        return
      default:
    }
  }

  // For the reader.

  get halted(): boolean {
    return this.over || !this.output.relieve()
  }

  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    this.dispatcher.dispatch(type, flags, streamId, buffer, start, end)
  }

  // For the dispatcher.

  onData(
    streamId: number,
    endStream: boolean,
    buffer: Buffer,
    start: number,
    end: number,
    padding: number,
  ): void {
    this.streams.onData(streamId, endStream, buffer, start, end, padding)
  }

  onHeaders(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): void {
    this.streams.onHeaders(streamId, endStream, buffer, start, end)
  }

  onRstStream(streamId: number, code: number): void {
    this.streams.onRstStream(streamId, code)
  }

  onPriority(): void {
    this.guard.idleFrame()
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (streamId !== 0) {
      this.streams.onWindowUpdate(streamId, increment)
      return
    }
    if (increment === 0) throw new ConnectionError('PROTOCOL_ERROR', 'WINDOW_UPDATE of 0')
    if (!this.output.scheduler.window.grow(increment)) {
      throw new ConnectionError('FLOW_CONTROL_ERROR', 'window above 2^31 − 1')
    }
  }

  onPing(buffer: Buffer, start: number): void {
    this.guard.idleFrame()
    writePing(this.output.buffer, Flag.ACK, buffer, start)
  }

  onPingAck(): void {
    this.guard.idleFrame()
  }

  onSettings(buffer: Buffer, start: number, end: number): void {
    this.guard.idleFrame()
    const { peer } = this.streams
    const windowBytes = peer.initialWindowBytes
    applySettings(peer, buffer, start, end)
    this.output.encoder.setPeerTableBytes(peer.headerTableBytes)
    writeSettingsAck(this.output.buffer)
    if (peer.initialWindowBytes !== windowBytes)
      this.streams.shiftWindows(peer.initialWindowBytes - windowBytes)
    if (this.currentState === 'greeting') {
      this.currentState = 'ready'
      this.user.onReady()
    } else {
      this.user.onRoom()
    }
  }

  onGoaway(lastStreamId: number, code: number, debug: Buffer): void {
    this.guard.idleFrame()
    if (lastStreamId > this.lastStreamId)
      throw new ConnectionError('PROTOCOL_ERROR', 'GOAWAY with a higher stream')
    this.lastStreamId = lastStreamId
    if (this.currentState === 'greeting')
      throw new ConnectionError('PROTOCOL_ERROR', 'GOAWAY before SETTINGS')
    // First no more calls come here, then those that were not touched can go elsewhere.
    if (code === Http2Code.ENHANCE_YOUR_CALM && debug.toString('latin1') === TOO_MANY_PINGS)
      this.user.onTooManyPings()
    this.drain('GOAWAY')
    this.streams.refuseAbove(lastStreamId)
    this.finishIfDone()
  }

  onIdleFrame(): void {
    this.guard.idleFrame()
  }

  // For the streams.

  nowMs(): number {
    return this.context.nowMs()
  }

  onUnprocessed(call: PendingCall): void {
    this.user.onUnprocessed(call)
  }

  onStreamClosed(): void {
    if (this.currentState === 'draining') this.finishIfDone()
    else this.user.onRoom()
  }

  // For the output: requests end with DATA.

  writeHeaders(): void {}

  ended(): void {}

  private get over(): boolean {
    return this.currentState === 'closing' || this.currentState === 'closed'
  }

  private drain(reason: string): void {
    if (this.currentState !== 'ready') return
    this.currentState = 'draining'
    this.user.onDraining(reason)
  }

  private finishIfDone(): void {
    // Within a read its rest comes first: there may be frames behind.
    if (this.currentState !== 'draining' || this.streams.openCount > 0 || this.receiving) return
    writeGoaway(this.output.buffer, 0, Http2Code.NO_ERROR, '')
    this.finish('connection is closed')
  }

  private batch(work: () => void): void {
    this.output.beginBatch()
    this.receiving = true
    try {
      work()
    } catch (error) {
      this.fail(error)
    } finally {
      this.receiving = false
      this.finishIfDone()
      this.output.endBatch()
    }
  }

  /** GOAWAY, as far as the server still listens, then the end. Errors that are not the server's end it as well. */
  private fail(error: unknown): void {
    if (this.over) return
    const known = error instanceof ConnectionError
    const code = known ? error.code : Http2Code.INTERNAL_ERROR
    const message = known ? `${http2CodeName(code)}: ${error.message}` : 'fault of the client'
    writeGoaway(this.output.buffer, 0, code, known ? error.message : 'fault')
    if (!known) this.user.onFault(error)
    this.finish(message)
  }

  /** @param message what calls are told that are still open */
  private finish(message: string): void {
    this.output.flush()
    this.output.close()
    this.currentState = 'closing'
    this.finishedAtMs = this.nowMs()
    this.transport.resumeReading()
    this.transport.end()
    this.user.onDraining(message)
    this.streams.closeAll(Code.UNAVAILABLE, message, false)
  }
}

/** Everything about a method's calls stays the same from call to call. */
function isWorthAPlace(): boolean {
  return true
}
