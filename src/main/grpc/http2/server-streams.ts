import { TransientMap } from '../../../shared/transient-map.js'
import { ClosedStreams } from './closed-streams.js'
import type { ConnectionOutput } from './connection-output.js'
import { ConnectionError, Http2Code, StreamError } from './errors.js'
import type { FastPath } from './fast-path.js'
import type { FloodGuard } from './flood-guard.js'
import { ReceiveWindow } from './flow-control.js'
import { writeRstStream, writeWindowUpdate } from './frame.js'
import { writeHeaders } from './header-writer.js'
import { HpackDecoder } from './hpack-decoder.js'
import { checkTrailers, parseRequestHead, type RequestHead } from './request-head.js'
import { SendQueue } from './send-queue.js'
import { initialPeerSettings } from './settings.js'
import { Http2Stream, type StreamOwner } from './stream.js'
import type { StreamsContext } from './streams-context.js'

/** Bytes below which a DATA frame counts, in part, as one that moves nothing. */
const SMALL_DATA_BYTES = 256

/** The streams of a server connection: their states, windows and frames (RFC 9113, sections 5 and 8.1). */
export class ServerStreams implements StreamOwner {
  /** Highest id that the client has opened. */
  highestId = 0
  /** Handlers that still run although their stream is gone: whoever runs them counts them here. */
  orphanCount = 0
  fastPath: FastPath | undefined
  /** Makes it when the first stream is opened: a connection that only stands there owns none. */
  makeFastPath: (() => FastPath) | undefined
  readonly decoder: HpackDecoder
  readonly sendQueue: SendQueue
  /** Settings of the client; its windows and limits. */
  readonly peer = initialPeerSettings()
  private readonly context: StreamsContext
  private readonly output: ConnectionOutput
  private readonly guard: FloodGuard
  private readonly receiveWindow: ReceiveWindow
  private readonly streams = new TransientMap<number, Http2Stream>()
  private readonly closed = new ClosedStreams()
  /** Streams that the metrics know of. */
  private toldCount = 0

  constructor(context: StreamsContext) {
    this.context = context
    this.output = context.output
    this.guard = context.guard
    this.decoder = new HpackDecoder(context.limits.headerListBytesMax)
    const { unsentBytesMax, queuedBytesMax } = context.limits
    this.sendQueue = new SendQueue({ freeBytes: unsentBytesMax, bytesMax: queuedBytesMax }, context.budget)
    this.receiveWindow = new ReceiveWindow(context.limits.connectionWindowBytes)
  }

  /** Streams that the client has open, those that the fast path holds, and handlers that outlived theirs. */
  get openCount(): number {
    return this.streams.size + this.orphanCount + (this.fastPath?.heldCount ?? 0)
  }

  /** A whole header block. */
  onHeaders(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): void {
    if (streamId > this.highestId) {
      this.onNewStream(streamId, endStream, buffer, start, end)
      return
    }
    this.fastPath?.giveBack(streamId)
    // Decoded whatever becomes of it: the table depends on every block.
    const { fields } = this.decoder.decode(buffer, start, end)
    const stream = this.streams.get(streamId)
    if (stream === undefined) {
      this.rejectHeaders(streamId)
      return
    }
    if (stream.receivedEnd)
      throw new StreamError(streamId, 'STREAM_CLOSED', 'HEADERS after the end of the stream')
    if (!endStream) throw new StreamError(streamId, 'PROTOCOL_ERROR', 'trailers without END_STREAM')
    checkTrailers(streamId, fields)
    this.receivedEnd(stream)
  }

  onData(
    streamId: number,
    endStream: boolean,
    buffer: Buffer,
    start: number,
    end: number,
    padding: number,
  ): void {
    const frameBytes = end - start + padding
    this.chargeConnection(frameBytes)
    if (padding === 0 && this.fastPath?.onData(streamId, endStream, buffer, start, end) === true) return
    const stream = this.streams.get(streamId)
    if (stream === undefined) {
      this.checkNotIdle(streamId, 'DATA')
      if (this.closed.wasCutOff(streamId)) {
        this.guard.idleFrame()
        return
      }
      throw new StreamError(streamId, 'STREAM_CLOSED', 'DATA on a closed stream')
    }
    if (stream.receivedEnd)
      throw new StreamError(streamId, 'STREAM_CLOSED', 'DATA after the end of the stream')
    if (!stream.receiveWindow.charge(frameBytes)) {
      throw new StreamError(streamId, 'FLOW_CONTROL_ERROR', 'DATA beyond the window of the stream')
    }
    this.deliver(stream, endStream, buffer, start, end, padding)
  }

  onRstStream(streamId: number): void {
    if (this.fastPath?.onReset(streamId) === true) {
      this.context.metrics?.streamReset('client')
      this.guard.streamReset(0, false)
      return
    }
    const stream = this.streams.get(streamId)
    if (stream === undefined) {
      this.checkNotIdle(streamId, 'RST_STREAM')
      return
    }
    this.context.metrics?.streamReset('client')
    const ageMs = this.context.nowMs() - stream.openedAtMs
    const { orphanCount } = this
    this.close(stream, Http2Code.CANCEL)
    this.guard.streamReset(ageMs, this.orphanCount > orphanCount)
  }

  onPriority(streamId: number, lengthBytes: number, dependency: number): void {
    const known = this.streams.has(streamId)
    if (lengthBytes !== 5) {
      if (!known) throw new ConnectionError('FRAME_SIZE_ERROR', `PRIORITY of ${lengthBytes} bytes`)
      throw new StreamError(streamId, 'FRAME_SIZE_ERROR', `PRIORITY of ${lengthBytes} bytes`)
    }
    if (dependency === streamId) {
      if (!known) throw new ConnectionError('PROTOCOL_ERROR', 'stream depends on itself')
      throw new StreamError(streamId, 'PROTOCOL_ERROR', 'stream depends on itself')
    }
  }

  onWindowUpdate(streamId: number, increment: number): void {
    if (increment > 0 && this.fastPath?.onWindowUpdate(streamId, increment) === true) return
    if (increment === 0 && this.fastPath?.onReset(streamId) === true) {
      this.onViolation(streamId, Http2Code.PROTOCOL_ERROR)
      return
    }
    const stream = this.streams.get(streamId)
    if (stream === undefined) {
      this.checkNotIdle(streamId, 'WINDOW_UPDATE')
      return
    }
    if (increment === 0) throw new StreamError(streamId, 'PROTOCOL_ERROR', 'WINDOW_UPDATE of 0')
    if (!stream.sendWindow.grow(increment)) {
      throw new StreamError(streamId, 'FLOW_CONTROL_ERROR', 'window above 2^31 − 1')
    }
    if (stream.queuedBytes > 0) this.schedule(stream)
  }

  /** The client changed SETTINGS_INITIAL_WINDOW_SIZE. */
  shiftWindows(delta: number): void {
    this.fastPath?.onWindowsShifted()
    for (const stream of this.streams.values()) {
      if (!stream.sendWindow.grow(delta)) {
        throw new ConnectionError('FLOW_CONTROL_ERROR', 'window above 2^31 − 1')
      }
      if (stream.queuedBytes > 0) this.schedule(stream)
    }
  }

  /** A violation by the peer: answered by RST_STREAM, within a budget. */
  onViolation(streamId: number, code: number): void {
    this.context.metrics?.protocolError()
    this.guard.violation()
    const stream = this.streams.get(streamId)
    if (stream !== undefined) this.reset(stream, code)
    else this.refuse(streamId, code)
  }

  /** To be called about every second. */
  tick(nowMs: number): void {
    this.sendQueue.tick(nowMs, this.fastPath?.tick(nowMs) ?? false)
  }

  /** Tells the metrics how many streams there were: clients give them odd numbers, from 1 on. */
  tellOpened(): void {
    const count = (this.highestId + 1) >> 1
    if (count > this.toldCount) this.context.metrics?.streamsOpened(count - this.toldCount)
    this.toldCount = count
  }

  /** The connection is lost. */
  closeAll(): void {
    this.fastPath?.dropAll()
    for (const stream of this.streams.values()) this.close(stream, Http2Code.CANCEL)
  }

  /** Streams whose request has not moved on since then. */
  *stalledSince(sinceMs: number): Iterable<Http2Stream> {
    for (const stream of this.streams.values()) {
      if (!stream.receivedEnd && stream.receivedAtMs < sinceMs) yield stream
    }
  }

  /**
   * Opens a stream whose head is known already: for the fast path, when it gives back what it held.
   *
   * @param windowBytes what WINDOW_UPDATE frames have added meanwhile
   * @param body all of it, if it has come
   */
  adopt(streamId: number, head: RequestHead, windowBytes: number, body?: Buffer): void {
    const stream = this.add(streamId)
    stream.sendWindow.grow(windowBytes)
    this.begin(stream, head, false, false)
    if (body !== undefined) this.deliver(stream, true, body, 0, body.length, 0)
  }

  /** Opens a stream only to answer it: for the fast path, when an answer has to wait for flow control. */
  addAnswered(streamId: number, windowBytes: number): Http2Stream {
    const stream = this.add(streamId)
    stream.sendWindow.grow(windowBytes)
    stream.receivedEnd = true
    return stream
  }

  // What streams ask of their owner.

  writeHeaders(stream: Http2Stream, fields: readonly string[], endStream: boolean): void {
    this.writeHeaderFrames(stream.id, fields, endStream)
    if (endStream) this.ended(stream)
  }

  /** Also for the fast path: a stream that nobody holds ends with this, if `endStream`. */
  writeHeaderFrames(streamId: number, fields: readonly string[], endStream: boolean): void {
    writeHeaders(this.output.buffer, this.output.encoder, streamId, fields, endStream)
    this.guard.sent()
    this.output.plan()
  }

  schedule(stream: Http2Stream): void {
    this.output.scheduler.schedule(stream)
    this.guard.sent()
    this.output.plan()
  }

  reset(stream: Http2Stream, code: number): void {
    this.context.metrics?.streamReset('server')
    writeRstStream(this.output.buffer, stream.id, code)
    if (!stream.receivedEnd) this.closed.addCutOff(stream.id)
    this.close(stream, code)
    this.output.plan()
  }

  consumed(stream: Http2Stream, lengthBytes: number): void {
    const increment = stream.receiveWindow.release(lengthBytes)
    if (increment === 0) return
    writeWindowUpdate(this.output.buffer, stream.id, increment)
    this.output.plan()
  }

  /** Everything of ours is written: END_STREAM was sent. */
  ended(stream: Http2Stream): void {
    stream.sentEnd = true
    if (!stream.receivedEnd) this.endRequest(stream.id)
    stream.listener = undefined
    this.close(stream, Http2Code.NO_ERROR)
  }

  /**
   * The answer is complete; the client need not go on (RFC 9113, section 8.1). Also for the fast path, after an answer to a
   * request that has not ended.
   */
  endRequest(streamId: number): void {
    writeRstStream(this.output.buffer, streamId, Http2Code.NO_ERROR)
    this.closed.addCutOff(streamId)
  }

  private onNewStream(
    streamId: number,
    endStream: boolean,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    if ((streamId & 1) === 0) throw new ConnectionError('PROTOCOL_ERROR', `stream ${streamId} of a client`)
    const { accepting } = this.context
    this.closed.noteOpened(this.highestId, streamId)
    this.highestId = streamId
    this.guard.streamOpened()
    this.context.onStreamOpened()
    this.fastPath ??= this.makeFastPath?.()
    if (accepting && !endStream && this.fastPath?.onHeaders(streamId, buffer, start, end) === true) return
    const { fields, truncated } = this.decoder.decode(buffer, start, end)
    if (!accepting) {
      this.closed.addCutOff(streamId)
      return
    }
    if (this.openCount >= this.context.limits.concurrentStreamsMax) {
      this.guard.violation()
      this.refuse(streamId, Http2Code.REFUSED_STREAM)
      return
    }
    const head = parseRequestHead(streamId, fields)
    if (!endStream && !truncated) this.fastPath?.learn(head)
    this.begin(this.add(streamId), head, truncated, endStream)
  }

  private add(streamId: number): Http2Stream {
    const { limits } = this.context
    const stream = new Http2Stream(streamId, this, this.peer.initialWindowBytes, limits.streamWindowBytes)
    stream.openedAtMs = this.context.nowMs()
    stream.receivedAtMs = stream.openedAtMs
    this.streams.set(streamId, stream)
    return stream
  }

  private begin(stream: Http2Stream, head: RequestHead, truncated: boolean, endStream: boolean): void {
    stream.bodyBytesLeft = head.contentLength
    if (endStream && head.contentLength > 0) {
      throw new StreamError(stream.id, 'PROTOCOL_ERROR', 'content-length without a body')
    }
    this.context.onRequest(stream, head, truncated)
    if (endStream) this.receivedEnd(stream)
  }

  private deliver(
    stream: Http2Stream,
    endStream: boolean,
    buffer: Buffer,
    start: number,
    end: number,
    padding: number,
  ): void {
    const lengthBytes = end - start
    if (lengthBytes < SMALL_DATA_BYTES && !endStream) {
      this.guard.idleFrame((SMALL_DATA_BYTES - lengthBytes) / SMALL_DATA_BYTES)
    }
    if (stream.bodyBytesLeft >= 0) {
      stream.bodyBytesLeft -= lengthBytes
      if (stream.bodyBytesLeft < 0)
        throw new StreamError(stream.id, 'PROTOCOL_ERROR', 'body above content-length')
    }
    stream.receivedAtMs = this.context.nowMs()
    if (padding > 0) stream.consume(padding)
    if (lengthBytes > 0) stream.listener?.onData(buffer, start, end)
    if (endStream) this.receivedEnd(stream)
  }

  private receivedEnd(stream: Http2Stream): void {
    // An answer sent in the meantime has closed the stream already.
    if (stream.closed) return
    if (stream.bodyBytesLeft > 0)
      throw new StreamError(stream.id, 'PROTOCOL_ERROR', 'body below content-length')
    stream.receivedEnd = true
    stream.listener?.onEnd()
  }

  private rejectHeaders(streamId: number): void {
    if (this.closed.wasCutOff(streamId)) return
    if ((streamId & 1) === 0 || this.closed.wasSkipped(streamId)) {
      throw new ConnectionError('PROTOCOL_ERROR', `HEADERS for stream ${streamId}, which was never opened`)
    }
    throw new ConnectionError('STREAM_CLOSED', `HEADERS on closed stream ${streamId}`)
  }

  private checkNotIdle(streamId: number, what: string): void {
    if (streamId > this.highestId || (streamId & 1) === 0) {
      throw new ConnectionError('PROTOCOL_ERROR', `${what} on idle stream ${streamId}`)
    }
  }

  /** The connection's credit is returned at once: what waits in a stream holds back that stream alone. */
  private chargeConnection(lengthBytes: number): void {
    if (!this.receiveWindow.charge(lengthBytes)) {
      throw new ConnectionError('FLOW_CONTROL_ERROR', 'DATA beyond the window of the connection')
    }
    const increment = this.receiveWindow.release(lengthBytes)
    if (increment > 0) writeWindowUpdate(this.output.buffer, 0, increment)
  }

  private refuse(streamId: number, code: number): void {
    this.context.metrics?.streamReset('server')
    writeRstStream(this.output.buffer, streamId, code)
    this.closed.addCutOff(streamId)
    this.output.plan()
  }

  private close(stream: Http2Stream, code: number): void {
    if (stream.closed) return
    stream.closed = true
    stream.discardQueue()
    this.streams.delete(stream.id)
    const { listener } = stream
    stream.listener = undefined
    listener?.onReset(code)
    this.context.onStreamClosed()
  }
}
