import { Code } from '../../../shared/errors.js'
import { TransientMap } from '../../../shared/transient-map.js'
import { PREFIX_BYTES } from '../framing.js'
import type { ByteBudget } from '../http2/byte-budget.js'
import { ClosedStreams } from '../http2/closed-streams.js'
import type { ConnectionOutput } from '../http2/connection-output.js'
import { ConnectionError, Http2Code, type Http2CodeName } from '../http2/errors.js'
import type { FloodGuard } from '../http2/flood-guard.js'
import { ReceiveWindow } from '../http2/flow-control.js'
import {
  FRAME_BYTES_DEFAULT,
  http2CodeName,
  readUint32,
  STREAM_ID_MAX,
  writeRstStream,
  writeWindowUpdate,
} from '../http2/frame.js'
import { initialPeerSettings, WINDOW_BYTES_DEFAULT } from '../http2/settings.js'
import { statusOfHttp, statusOfReset } from '../status.js'
import { Download } from './download.js'
import type { ClientLimits } from './options.js'
import type { CallHolder, PendingCall } from './pending-call.js'
import { type RequestCommons, RequestWriter } from './request-writer.js'
import type { ResponseHead } from './response-head.js'
import { ResponseHeads } from './response-heads.js'
import { Upload } from './upload.js'

/** What the streams of a connection need of it. */
export interface ClientStreamsContext {
  readonly limits: ClientLimits
  readonly commons: RequestCommons
  readonly budget: ByteBudget
  readonly output: ConnectionOutput
  readonly guard: FloodGuard
  nowMs(): number
  /** The server has not touched this call: it may be made again elsewhere. */
  onUnprocessed(call: PendingCall): void
  /** A call left its stream. */
  onStreamClosed(): void
}

/** The calls on a connection: their streams, windows and frames, from the client's side (RFC 9113, sections 5 and 8.1). */
export class ClientStreams implements CallHolder {
  /** Settings of the server. */
  readonly peer = initialPeerSettings()
  private readonly context: ClientStreamsContext
  private readonly output: ConnectionOutput
  private readonly writer: RequestWriter
  private readonly heads: ResponseHeads
  private readonly receiveWindow: ReceiveWindow
  private readonly calls = new TransientMap<number, PendingCall>()
  private readonly closed = new ClosedStreams()
  /** Highest id used. */
  private highestId = -1

  constructor(context: ClientStreamsContext) {
    const { limits, commons, output } = context
    this.context = context
    this.output = output
    this.writer = new RequestWriter(commons, output)
    this.heads = new ResponseHeads(limits.headerListBytesMax)
    this.receiveWindow = new ReceiveWindow(Math.max(limits.connectionWindowBytes, WINDOW_BYTES_DEFAULT))
  }

  get openCount(): number {
    return this.calls.size
  }

  /** True when the server allows one more stream and takes what it is sent. */
  get hasRoom(): boolean {
    return this.calls.size < this.peer.concurrentStreamsMax && !this.output.congested
  }

  /** True when the connection has used as many ids as it should. */
  get usedUp(): boolean {
    return this.highestId + 2 > Math.min(this.context.limits.streamIdMax, STREAM_ID_MAX)
  }

  /** Sends a call. Only while there is room, and ids. */
  open(call: PendingCall): void {
    if (this.writer.listBytesOf(call.path, call.fields) > this.peer.headerListBytesMax) {
      call.settle(
        Code.INTERNAL,
        `header list above the ${this.peer.headerListBytesMax} bytes that the server takes`,
      )
      return
    }
    const { output } = this
    const { request, deadlineAtMs } = call
    const streamId = this.highestId + 2
    this.highestId = streamId
    this.calls.set(streamId, call)
    call.streamId = streamId
    call.holder = this
    this.context.guard.streamOpened()
    const endless = deadlineAtMs === Number.POSITIVE_INFINITY
    const timeoutMs = endless ? deadlineAtMs : deadlineAtMs - this.context.nowMs()
    this.writer.writeHead(call.path, timeoutMs, streamId, call.fields)
    const { window, idle } = output.scheduler
    const lengthBytes = PREFIX_BYTES + request.length
    const room = Math.min(FRAME_BYTES_DEFAULT, window.available, this.peer.initialWindowBytes)
    if (idle && lengthBytes <= room) {
      window.spend(lengthBytes)
      this.writer.writeMessage(request, streamId)
    } else {
      call.upload = new Upload(streamId, this.peer.initialWindowBytes, request)
      output.scheduler.schedule(call.upload)
    }
    output.plan()
  }

  /** The call is over before its answer: the server is told. */
  abandon(call: PendingCall): void {
    this.reset(call, 'CANCEL')
    this.output.plan()
    this.context.onStreamClosed()
  }

  /** A whole header block. */
  onHeaders(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): void {
    // Decoded whatever becomes of it: the table depends on every block.
    const head = this.heads.read(buffer, start, end)
    const call = this.calls.get(streamId)
    if (call === undefined) this.onLate(streamId)
    else if (head.malformed !== undefined) this.fail(call, 'PROTOCOL_ERROR', Code.INTERNAL, head.malformed)
    else if (head.httpStatus >= 100 && head.httpStatus < 200) this.onInformational(call, endStream)
    else if (call.head === undefined) this.onHead(call, head, endStream)
    else if (!endStream)
      this.fail(call, 'PROTOCOL_ERROR', Code.INTERNAL, 'HEADERS in the middle of an answer')
    else this.onTrailers(call, call.head, head)
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
    const call = this.calls.get(streamId)
    if (call === undefined) {
      this.onLate(streamId)
      return
    }
    if (call.head === undefined) {
      this.fail(call, 'PROTOCOL_ERROR', Code.INTERNAL, 'DATA before HEADERS')
      return
    }
    if (start === end) this.context.guard.idleFrame()
    if (call.body === undefined && call.download === undefined && this.isOneMessage(buffer, start, end)) {
      call.body = buffer.subarray(start + PREFIX_BYTES, end)
    } else if (frameBytes > 0 && !this.addToDownload(call, endStream, frameBytes, buffer, start, end)) {
      return
    }
    if (endStream) {
      this.leave(call)
      call.settle(Code.INTERNAL, 'the answer ended without a status')
    }
  }

  onRstStream(streamId: number, code: number): void {
    const call = this.calls.get(streamId)
    if (call === undefined) {
      this.onLate(streamId)
      return
    }
    const untouched = code === Http2Code.REFUSED_STREAM && call.head === undefined
    this.leave(call)
    if (untouched) {
      this.context.onUnprocessed(call)
      return
    }
    const status = statusOfReset(code)
    this.settleByServer(call, status, `stream was reset: ${http2CodeName(code)}`)
  }

  /** @param streamId not 0 */
  onWindowUpdate(streamId: number, increment: number): void {
    const call = this.calls.get(streamId)
    if (call === undefined) {
      this.checkNotIdle(streamId)
      return
    }
    const { upload } = call
    if (increment === 0) {
      this.fail(call, 'PROTOCOL_ERROR', Code.INTERNAL, 'WINDOW_UPDATE of 0')
    } else if (upload === undefined || upload.closed) {
      return
    } else if (!upload.sendWindow.grow(increment)) {
      this.fail(call, 'FLOW_CONTROL_ERROR', Code.INTERNAL, 'window above 2^31 − 1')
    } else {
      this.output.scheduler.schedule(upload)
    }
  }

  /** SETTINGS_INITIAL_WINDOW_SIZE changed by so much. */
  shiftWindows(change: number): void {
    for (const { upload } of this.calls.values()) {
      if (upload === undefined || upload.closed) continue
      if (!upload.sendWindow.grow(change))
        throw new ConnectionError('FLOW_CONTROL_ERROR', 'window above 2^31 − 1')
      this.output.scheduler.schedule(upload)
    }
  }

  /** Takes away the calls that the server says it has not touched. */
  refuseAbove(lastStreamId: number): void {
    for (const call of this.calls.values()) {
      if (call.streamId <= lastStreamId) continue
      this.leave(call)
      this.context.onUnprocessed(call)
    }
  }

  /** Ends every call, telling the server of each if it is still there to hear. */
  closeAll(status: number, message: string, tell: boolean): void {
    for (const call of this.calls.values()) {
      if (tell) this.reset(call, 'CANCEL')
      else this.calls.delete(call.streamId)
      call.settle(status, message)
    }
  }

  private onInformational(call: PendingCall, endStream: boolean): void {
    this.context.guard.idleFrame()
    if (endStream || call.head !== undefined) {
      this.fail(call, 'PROTOCOL_ERROR', Code.INTERNAL, 'informational status at the wrong place')
    }
  }

  private onHead(call: PendingCall, head: ResponseHead, endStream: boolean): void {
    if (endStream) {
      this.onTrailers(call, head, head)
    } else if (head.httpStatus === 200 && head.grpc) {
      call.head = head
    } else {
      const status = head.grpcStatus > 0 ? head.grpcStatus : statusOfHttp(head.httpStatus)
      this.fail(call, 'CANCEL', status, head.grpcMessage || whatIsWrong(head))
    }
  }

  private onTrailers(call: PendingCall, head: ResponseHead, trailers: ResponseHead): void {
    const { grpcStatus } = trailers
    const { body = call.download?.message, download } = call
    const midMessage = download?.midMessage === true
    if (call.upload?.closed === false) this.reset(call, 'NO_ERROR')
    else this.calls.delete(call.streamId)
    if (grpcStatus < 0) {
      const status = head.httpStatus === 200 && head.grpc ? Code.UNKNOWN : statusOfHttp(head.httpStatus)
      call.settle(status, head === trailers ? whatIsWrong(head) : 'the answer has no grpc-status')
    } else if (grpcStatus > 0) {
      this.settleByServer(call, grpcStatus, trailers.grpcMessage, trailers.fields)
    } else if (body === undefined || midMessage) {
      call.settle(
        Code.INTERNAL,
        midMessage ? 'the answer ends inside its message' : 'the answer has no message',
      )
    } else {
      call.settle(0, '', body, trailers.fields)
    }
    this.context.onStreamClosed()
  }

  /** A call that the server ended: its own clock may have run out a moment before ours. */
  private settleByServer(
    call: PendingCall,
    status: number,
    message: string,
    fields?: readonly string[],
  ): void {
    const late = status === Code.CANCELLED && this.context.nowMs() >= call.deadlineAtMs
    call.settle(late ? Code.DEADLINE_EXCEEDED : status, message, undefined, fields)
  }

  /** True when DATA is exactly one plain message of allowed size: the usual answer, used where it lies. */
  private isOneMessage(buffer: Buffer, start: number, end: number): boolean {
    const lengthBytes = end - start - PREFIX_BYTES
    return (
      lengthBytes >= 0 &&
      lengthBytes <= this.context.limits.receiveBytesMax &&
      buffer[start] === 0 &&
      readUint32(buffer, start + 1) === lengthBytes
    )
  }

  /** False when the call ended for it. */
  private addToDownload(
    call: PendingCall,
    endStream: boolean,
    frameBytes: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): boolean {
    const { limits, budget } = this.context
    if (call.body !== undefined) {
      if (start === end) return true
      this.fail(call, 'CANCEL', Code.INTERNAL, 'the answer has more than one message')
      return false
    }
    call.download ??= new Download(budget, limits.receiveBytesMax, limits.streamWindowBytes)
    const { download } = call
    if (!download.window.charge(frameBytes)) {
      this.fail(call, 'FLOW_CONTROL_ERROR', Code.INTERNAL, 'DATA beyond the window of the stream')
      return false
    }
    download.read(buffer, start, end)
    if (download.fault !== undefined) {
      const [status, message] = describeFault(download, limits.receiveBytesMax)
      this.fail(call, 'CANCEL', status, message)
      return false
    }
    const increment = download.window.release(frameBytes)
    if (increment > 0 && !endStream) writeWindowUpdate(this.output.buffer, call.streamId, increment)
    return true
  }

  /** The frame of a stream that is closed. What we gave up may still be answered; anything else had better be rare. */
  private onLate(streamId: number): void {
    this.checkNotIdle(streamId)
    if (!this.closed.wasCutOff(streamId)) this.context.guard.idleFrame()
  }

  private checkNotIdle(streamId: number): void {
    if (streamId % 2 === 0 || streamId > this.highestId) {
      throw new ConnectionError('PROTOCOL_ERROR', `frame of stream ${streamId}, which nobody opened`)
    }
  }

  private chargeConnection(frameBytes: number): void {
    if (!this.receiveWindow.charge(frameBytes)) {
      throw new ConnectionError('FLOW_CONTROL_ERROR', 'DATA beyond the window of the connection')
    }
    const increment = this.receiveWindow.release(frameBytes)
    if (increment > 0) writeWindowUpdate(this.output.buffer, 0, increment)
  }

  private fail(call: PendingCall, code: Http2CodeName, status: number, message: string): void {
    // CANCEL says that we do not want the answer, not that there is something wrong with it as HTTP.
    if (code !== 'CANCEL') this.context.guard.violation()
    this.reset(call, code)
    call.settle(status, message)
    this.context.onStreamClosed()
  }

  private reset(call: PendingCall, code: Http2CodeName): void {
    this.calls.delete(call.streamId)
    this.closed.addCutOff(call.streamId)
    writeRstStream(this.output.buffer, call.streamId, Http2Code[code])
  }

  private leave(call: PendingCall): void {
    this.calls.delete(call.streamId)
    call.holder = undefined
    call.leaveStream()
    this.context.onStreamClosed()
  }
}

function whatIsWrong({ httpStatus, contentType }: ResponseHead): string {
  return httpStatus === 200
    ? `no gRPC answer: content-type "${contentType}"`
    : `no gRPC answer: HTTP status ${httpStatus}`
}

function describeFault(
  { fault, faultBytes }: Download,
  receiveBytesMax: number,
): [status: number, message: string] {
  switch (fault) {
    case 'too-large':
      return [
        Code.RESOURCE_EXHAUSTED,
        `received message larger than max (${faultBytes} vs. ${receiveBytesMax})`,
      ]
    case 'no-room':
      return [Code.RESOURCE_EXHAUSTED, 'too many answers are being received']
    case 'second':
      return [Code.INTERNAL, 'the answer has more than one message']
    case 'compressed':
      return [Code.INTERNAL, 'the answer is compressed, which nobody asked for']
    default:
      return [Code.INTERNAL, 'the answer is not framed as a message']
  }
}
