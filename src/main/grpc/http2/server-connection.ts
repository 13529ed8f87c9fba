import type { BufferPool, OutputBuffer } from '../../sockets/output-buffer.js'
import type { Defer, Transport } from '../../sockets/transport.js'
import type { ByteBudget } from './byte-budget.js'
import type { ConnectionMetrics } from './connection-metrics.js'
import { ConnectionOutput } from './connection-output.js'
import { ConnectionTimers, type TimedConnection, type TimerVerdict } from './connection-timers.js'
import { ConnectionError, FloodError, Http2Code, StreamError } from './errors.js'
import { FloodGuard } from './flood-guard.js'
import { Flag, FRAME_BYTES_DEFAULT, writeGoaway, writePing, writeSettingsAck } from './frame.js'
import { FrameDispatcher, type FrameHandler } from './frame-dispatcher.js'
import { FrameReader, type FrameSink } from './frame-reader.js'
import { HpackEncoder } from './hpack-encoder.js'
import { Leaver } from './leaver.js'
import type { ConnectionLimits } from './limits.js'
import { Preface } from './preface.js'
import { ProvenWindow } from './proven-window.js'
import type { RequestHandler } from './request-handler.js'
import type { RequestHead } from './request-head.js'
import { ServerStreams } from './server-streams.js'
import { applySettings } from './settings.js'
import { type Drainable, Shutdown } from './shutdown.js'
import type { Http2Stream } from './stream.js'
import type { StreamsContext } from './streams-context.js'
import { TimeShare } from './time-share.js'
import type { TimeSlices } from './time-slices.js'

/** What a connection needs from outside: all that is not bytes. */
export interface ConnectionContext {
  readonly limits: ConnectionLimits
  readonly budget: ByteBudget
  readonly pool: BufferPool
  readonly defer: Defer
  readonly slices: TimeSlices
  nowMs(): number
  /** In [0, 1). */
  random(): number
  /** Which response fields are worth a place in the HPACK table. */
  indexable(name: string, value: string): boolean
  readonly metrics?: ConnectionMetrics
}

const KEEPALIVE_PING = Buffer.from('alive\0\0\0', 'latin1')
/** Encoded bytes of a header block, as a multiple of what the list may have decoded. */
const BLOCK_BYTES_FACTOR = 2
/** Ids are used up in 2^30 requests: clients are sent to a new connection well before. */
const STREAM_ID_DRAIN = 0x6000_0000

/**
 * The server side of one HTTP/2 connection (RFC 9113), without its socket: bytes come in by receive() and go out by a
 * Transport; time passes by tick(). Frames of the connection are dealt with here, those of streams by ServerStreams.
 */
export class ServerConnection implements FrameSink, FrameHandler, StreamsContext, Drainable, TimedConnection {
  readonly limits: ConnectionLimits
  readonly guard: FloodGuard
  readonly budget: ByteBudget
  readonly output: ConnectionOutput
  readonly streams: ServerStreams
  readonly metrics: ConnectionMetrics | undefined
  readonly time: TimeShare
  readonly window = new ProvenWindow()
  private readonly context: ConnectionContext
  private readonly transport: Transport
  private readonly handler: RequestHandler
  private readonly shutdown: Shutdown
  private readonly timers: ConnectionTimers
  private readonly reader: FrameReader
  private readonly dispatcher: FrameDispatcher
  private readonly preface: Preface
  /** Its turn comes: until then nothing more is read. */
  private waitsForSlice = false
  private tickedAtMs: number

  /** @param startedAtMs when it was accepted */
  constructor(
    context: ConnectionContext,
    transport: Transport,
    handler: RequestHandler,
    startedAtMs = context.nowMs(),
  ) {
    this.context = context
    this.limits = context.limits
    this.budget = context.budget
    this.metrics = context.metrics
    this.time = new TimeShare(context.slices)
    this.transport = transport
    this.handler = handler
    this.tickedAtMs = context.nowMs()
    this.guard = new FloodGuard(this.limits.flood)
    this.timers = new ConnectionTimers(this.limits, startedAtMs, context.random())
    this.reader = new FrameReader(this, FRAME_BYTES_DEFAULT)
    this.dispatcher = new FrameDispatcher(this, this.limits.headerListBytesMax * BLOCK_BYTES_FACTOR)
    const encoder = new HpackEncoder((name, value) => context.indexable(name, value))
    this.output = new ConnectionOutput(this, encoder, transport, context, this)
    this.preface = new Preface(this.limits, this.output.buffer)
    this.shutdown = new Shutdown(this)
    this.streams = new ServerStreams(this)
  }

  /** Bytes from the peer. Never throws: a peer that breaks the rules is told so and disconnected. */
  receive(chunk: Buffer): void {
    if (this.shutdown.over) return
    this.timers.noteReceived()
    this.time.begin()
    this.batch(() => {
      const start = this.prefaceDone ? 0 : this.preface.read(chunk)
      if (this.prefaceDone && start < chunk.length) this.reader.read(chunk, start)
    })
    if (this.reader.hasRest) this.waitForSlice()
  }

  /** Does what leads to output, and writes all of that at once. */
  batch(work: () => void): void {
    this.output.beginBatch()
    this.handler.onReadStart()
    try {
      work()
    } catch (error) {
      this.fail(error)
    } finally {
      this.handler.onReadEnd()
      this.output.endBatch()
    }
  }

  /** The transport has nothing unsent any more. */
  onDrained(): void {
    if (this.shutdown.over) return
    this.streams.fastPath?.onRoom()
    if (!this.output.congested) return
    this.output.onDrained()
    if (!this.output.congested) this.readOn()
  }

  /** The socket is gone. */
  onTransportClosed(): void {
    if (this.shutdown.over) return
    this.close()
    this.handler.onClosed()
  }

  /** Ends the connection once its streams are done, at the latest after `graceMs`. */
  drain(graceMs: number, debug: string): void {
    if (this.shutdown.state === 'serving') this.metrics?.goaway('shutdown')
    this.shutdown.drain(this.nowMs(), graceMs, debug)
    this.output.plan()
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
    this.streams.tellOpened()
    if (this.shutdown.over) return
    this.shutdown.tick(nowMs)
    this.streams.tick(nowMs)
    this.act(this.timers.tick(nowMs, this))
    for (const stream of this.streams.stalledSince(nowMs - this.limits.requestStallTimeoutMs)) {
      this.handler.onRequestStalled(stream)
    }
    this.output.plan()
  }

  // For the reader.

  get halted(): boolean {
    return this.shutdown.over || !this.output.relieve() || this.time.spent()
  }

  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    try {
      this.dispatcher.dispatch(type, flags, streamId, buffer, start, end)
    } catch (error) {
      if (!(error instanceof StreamError)) throw error
      this.streams.onViolation(error.streamId, error.code)
    }
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

  onRstStream(streamId: number): void {
    this.streams.onRstStream(streamId)
  }

  onPriority(streamId: number, lengthBytes: number, dependency: number): void {
    this.guard.idleFrame()
    this.streams.onPriority(streamId, lengthBytes, dependency)
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (streamId !== 0) {
      this.streams.onWindowUpdate(streamId, increment)
      return
    }
    if (increment === 0) throw new ConnectionError('PROTOCOL_ERROR', 'WINDOW_UPDATE of 0')
    if (!this.window.grow(increment)) {
      throw new ConnectionError('FLOW_CONTROL_ERROR', 'window above 2^31 − 1')
    }
    this.streams.fastPath?.onRoom()
  }

  onPing(buffer: Buffer, start: number): void {
    this.guard.pingReceived(this.nowMs(), this.openStreams)
    writePing(this.output.buffer, Flag.ACK, buffer, start)
  }

  onPingAck(buffer: Buffer, start: number): void {
    if (this.window.onPingAck(buffer, start)) this.streams.fastPath?.onRoom()
    else this.shutdown.onPingAck(buffer, start)
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
  }

  onGoaway(): void {
    this.guard.idleFrame()
  }

  onIdleFrame(): void {
    this.guard.idleFrame()
  }

  // For the streams.

  get accepting(): boolean {
    return this.shutdown.accepting
  }

  nowMs(): number {
    return this.context.nowMs()
  }

  onRequest(stream: Http2Stream, head: RequestHead, truncated: boolean): void {
    this.handler.onRequest(stream, head, truncated)
  }

  onStreamOpened(): void {
    this.timers.noteUsed()
    if (this.streams.highestId === STREAM_ID_DRAIN + 1)
      this.drain(Number.POSITIVE_INFINITY, 'stream ids used up')
  }

  onStreamClosed(): void {
    this.shutdown.onStreamClosed()
  }

  // For the output.

  writeHeaders(stream: Http2Stream, fields: readonly string[], endStream: boolean): void {
    this.streams.writeHeaders(stream, fields, endStream)
  }

  ended(stream: Http2Stream): void {
    this.streams.ended(stream)
  }

  // For the shutdown.

  get highestStreamId(): number {
    return this.streams.highestId
  }

  get openStreams(): number {
    return this.streams.openCount
  }

  get outputBuffer(): OutputBuffer {
    return this.output.buffer
  }

  onDraining(): void {
    this.streams.fastPath?.giveBackAll()
  }

  /** @param isFlood it is told so, but let go only when its time to leave is over: else it would be back at once */
  finish(isFlood = false): void {
    if (this.shutdown.over) return
    this.output.flush()
    this.close()
    const leaver = new Leaver(this.transport, this.nowMs())
    this.transport.handOver(leaver)
    this.transport.resumeReading()
    if (!isFlood) this.transport.end()
    this.handler.onClosed(leaver)
  }

  // For the timers.

  get prefaceDone(): boolean {
    return this.preface.done
  }

  get headerStartedAtMs(): number {
    return this.dispatcher.headerStartedAtMs
  }

  get partialFrame(): number {
    return this.reader.partialFrame
  }

  get stuckSinceMs(): number {
    return this.output.congested ? this.output.congestedAtMs : this.streams.sendQueue.stuckSinceMs
  }

  private close(): void {
    this.shutdown.state = 'closed'
    this.streams.tellOpened()
    this.output.close()
    this.streams.closeAll()
  }

  /** Stopped with frames left, for a reason that passes by itself. What else it stops for, ends by a call. */
  private waitForSlice(): void {
    if (this.waitsForSlice || this.shutdown.over || this.output.congested) return
    this.waitsForSlice = true
    this.transport.pauseReading()
    this.time.later(() => {
      this.waitsForSlice = false
      if (!this.output.congested) this.readOn()
    })
  }

  /** The frames that are left, then what comes. */
  private readOn(): void {
    if (this.shutdown.over || this.waitsForSlice) return
    this.time.begin()
    this.batch(() => this.reader.resume())
    if (this.reader.hasRest) this.waitForSlice()
    else if (!this.output.congested) this.transport.resumeReading()
  }

  private act(verdict: TimerVerdict): void {
    switch (verdict) {
      case 'none':
        return
      case 'ping':
        writePing(this.output.buffer, 0, KEEPALIVE_PING, 0)
        return
      case 'idle':
        this.drain(this.limits.ageGraceMs, 'max_idle')
        return
      case 'age':
        this.drain(this.limits.ageGraceMs, 'max_age')
        return
      case 'preface':
      case 'header':
        this.fail(new ConnectionError('PROTOCOL_ERROR', `timed out: ${verdict}`))
        return
      case 'stall':
      case 'keepalive':
        this.destroy()
    }
  }

  /** GOAWAY, as far as the peer still listens, then the end. Errors that are not the peer's end it as well. */
  private fail(error: unknown): void {
    if (this.shutdown.over) return
    const known = error instanceof ConnectionError
    const code = known ? error.code : Http2Code.INTERNAL_ERROR
    if (this.prefaceDone)
      writeGoaway(this.output.buffer, this.highestStreamId, code, known ? error.message : 'fault')
    if (!known) this.handler.onFault(error)
    else this.metrics?.protocolError()
    this.metrics?.goaway(code === Http2Code.ENHANCE_YOUR_CALM ? 'flood' : 'error')
    this.finish(error instanceof FloodError)
  }
}
