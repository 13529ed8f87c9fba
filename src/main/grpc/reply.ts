import type { OutputBuffer } from '../sockets/output-buffer.js'
import { PREFIX_BYTES, prefixOf, writePrefix } from './framing.js'
import type { ConnectionOutput } from './http2/connection-output.js'
import {
  Flag,
  FRAME_BYTES_DEFAULT,
  FRAME_HEADER_BYTES,
  FrameType,
  writeFrameHeader,
  writeUint32,
} from './http2/frame.js'
import type { ServerStreams } from './http2/server-streams.js'
import { RESPONSE_HEADERS } from './server-call.js'
import { encodeStatusMessage } from './status.js'

/** How a hot method gives its answer: one message, or a failure. */
export interface Reply {
  /** What reserve() made room in. Read it after reserve(): growing replaces it. */
  readonly buffer: Buffer
  /**
   * Room for a message of exactly so many bytes; answers the offset in `buffer` at which it begins. The handler fills all
   * of it before it returns. Calling it again discards what was reserved before. −1: the client has to take what it was
   * sent before there is room for so much. Then the handler returns false, and is asked again later.
   */
  reserve(lengthBytes: number): number
  /** Answers with a status instead of a message. */
  fail(code: number, details: string): void
}

/**
 * Up to so many bytes of DATA go out in one go, in several frames. It is about what goes to the socket at a time, so that
 * a small reply does not wait for much longer than behind a frame.
 */
const DIRECT_BYTES_MAX = 5 * FRAME_BYTES_DEFAULT
/** Bytes of the message in the first frame. */
const FIRST_BYTES = FRAME_BYTES_DEFAULT - PREFIX_BYTES
/** Larger messages are not even looked up while so many bytes wait to be sent, or others wait for that. */
const SMALL_BYTES_MAX = 4096
const WAITING_BYTES_MAX = 65_536
/** Offset of the stream's number in a frame header. */
const STREAM_ID_OFFSET = 5
const TRAILERS_OK: readonly string[] = ['grpc-status', '0']
const NOTHING = Buffer.alloc(0)

/**
 * Writes replies straight into a connection's output: HEADERS, DATA and trailers copied from a template in which only
 * stream and lengths change. What exceeds a window, or some frames, takes the ordinary way through flow control.
 */
export class ReplyWriter implements Reply {
  buffer: Buffer = NOTHING
  /** True when reserve() has found no room. */
  refused = false
  private readonly streams: ServerStreams
  private readonly output: ConnectionOutput
  private readonly outputBuffer: OutputBuffer
  private streamId = 0
  private windowBytes = 0
  private mayPass = true
  private mark = 0
  /** Bytes of the message; −1 before reserve(). */
  private messageBytes = -1
  private direct = false
  /** DATA frames after the first. */
  private moreFrames = 0
  private failureCode = 0
  private failureDetails = ''
  /** HEADERS, the header of DATA and a message's prefix; and the trailers. Valid for one version of the encoder. */
  private head: Uint8Array = NOTHING
  private tail: Uint8Array = NOTHING
  private dataOffset = 0
  private templateVersion = -1

  constructor(streams: ServerStreams, output: ConnectionOutput) {
    this.streams = streams
    this.output = output
    this.outputBuffer = output.buffer
  }

  /**
   * @param windowBytes what the stream's window has beyond the initial one
   * @param mayPass false when others wait for room: only a small message goes before them
   */
  begin(streamId: number, windowBytes: number, mayPass: boolean): void {
    this.streamId = streamId
    this.mayPass = mayPass
    this.refused = false
    this.windowBytes = windowBytes
    this.mark = this.outputBuffer.length
    this.messageBytes = -1
    this.failureCode = 0
  }

  reserve(lengthBytes: number): number {
    this.outputBuffer.length = this.mark
    if (lengthBytes > SMALL_BYTES_MAX && !this.hasRoom()) {
      this.messageBytes = -1
      this.refused = true
      return -1
    }
    this.messageBytes = lengthBytes
    this.direct = this.fits(lengthBytes)
    if (this.direct) return this.writeFrames(lengthBytes)
    this.buffer = Buffer.allocUnsafe(lengthBytes)
    return 0
  }

  fail(code: number, details: string): void {
    this.failureCode = code
    this.failureDetails = details
  }

  /** The handler has answered. False if it has not really. */
  finish(): boolean {
    if (this.failureCode !== 0) {
      this.outputBuffer.length = this.mark
      this.streams.writeHeaderFrames(this.streamId, this.failureFields(), true)
      return true
    }
    if (this.messageBytes < 0) return false
    if (!this.direct) {
      this.sendQueued()
      return true
    }
    if (this.moreFrames > 0) this.divide()
    this.output.scheduler.window.spend(PREFIX_BYTES + this.messageBytes)
    return true
  }

  /** The handler has not answered: nothing of it remains. */
  discard(): void {
    this.outputBuffer.length = this.mark
    this.buffer = NOTHING
  }

  private hasRoom(): boolean {
    return this.mayPass && this.streams.sendQueue.bytes + this.output.unsentBytes < WAITING_BYTES_MAX
  }

  private fits(lengthBytes: number): boolean {
    const { scheduler, encoder } = this.output
    const dataBytes = PREFIX_BYTES + lengthBytes
    if (dataBytes > DIRECT_BYTES_MAX || dataBytes > scheduler.window.available || !scheduler.idle)
      return false
    if (dataBytes > this.streams.peer.initialWindowBytes + this.windowBytes) return false
    if (encoder.version !== this.templateVersion) this.makeTemplate()
    return !encoder.mustAnnounceSize && encoder.version === this.templateVersion
  }

  /** All but the message, which is in one piece until divide(): where its last frame has its part in the end. */
  private writeFrames(lengthBytes: number): number {
    const { head, tail, streamId, dataOffset } = this
    const dataBytes = PREFIX_BYTES + lengthBytes
    this.moreFrames = dataBytes <= FRAME_BYTES_DEFAULT ? 0 : Math.ceil(dataBytes / FRAME_BYTES_DEFAULT) - 1
    const dividedBytes = lengthBytes + this.moreFrames * FRAME_HEADER_BYTES
    const start = this.outputBuffer.reserve(head.length + dividedBytes + tail.length)
    const bytes = this.outputBuffer.bytes
    for (let index = 0; index < head.length; index++) bytes[start + index] = head[index]!
    writeUint32(bytes, start + STREAM_ID_OFFSET, streamId)
    const data = start + dataOffset
    const frameBytes = Math.min(dataBytes, FRAME_BYTES_DEFAULT)
    bytes[data + 1] = frameBytes >>> 8
    bytes[data + 2] = frameBytes
    writeUint32(bytes, data + STREAM_ID_OFFSET, streamId)
    writePrefix(bytes, data + FRAME_HEADER_BYTES, false, lengthBytes)
    const trailers = start + head.length + dividedBytes
    for (let index = 0; index < tail.length; index++) bytes[trailers + index] = tail[index]!
    writeUint32(bytes, trailers + STREAM_ID_OFFSET, streamId)
    this.buffer = bytes
    return trailers - lengthBytes
  }

  /** Moves the parts of the message apart, to make room for the frame headers between them. */
  private divide(): void {
    const { buffer, moreFrames, streamId } = this
    const trailers = this.outputBuffer.length - this.tail.length
    let from = trailers - this.messageBytes
    let to = from - moreFrames * FRAME_HEADER_BYTES
    buffer.copyWithin(to, from, from + FIRST_BYTES)
    from += FIRST_BYTES
    to += FIRST_BYTES
    for (let more = moreFrames; more > 0; more--) {
      const frameBytes = Math.min(trailers - from, FRAME_BYTES_DEFAULT)
      // The last part is in its place.
      if (more > 1) buffer.copyWithin(to + FRAME_HEADER_BYTES, from, from + frameBytes)
      writeFrameHeader(buffer, to, frameBytes, FrameType.DATA, 0, streamId)
      from += frameBytes
      to += FRAME_HEADER_BYTES + frameBytes
    }
  }

  private makeTemplate(): void {
    const { encoder } = this.output
    const headers = encoder.template(RESPONSE_HEADERS)
    const trailers = encoder.template(TRAILERS_OK)
    this.dataOffset = FRAME_HEADER_BYTES + headers.length
    this.head = new Uint8Array(this.dataOffset + FRAME_HEADER_BYTES + PREFIX_BYTES)
    writeFrameHeader(this.head, 0, headers.length, FrameType.HEADERS, Flag.END_HEADERS, 0)
    this.head.set(headers, FRAME_HEADER_BYTES)
    writeFrameHeader(this.head, this.dataOffset, 0, FrameType.DATA, 0, 0)
    this.tail = new Uint8Array(FRAME_HEADER_BYTES + trailers.length)
    writeFrameHeader(this.tail, 0, trailers.length, FrameType.HEADERS, Flag.END_HEADERS | Flag.END_STREAM, 0)
    this.tail.set(trailers, FRAME_HEADER_BYTES)
    this.templateVersion = encoder.version
  }

  private sendQueued(): void {
    const stream = this.streams.addAnswered(this.streamId, this.windowBytes)
    stream.sendHeaders(RESPONSE_HEADERS)
    stream.sendData(prefixOf(false, this.messageBytes))
    if (this.messageBytes > 0) stream.sendData(this.buffer)
    stream.sendTrailers(TRAILERS_OK)
    this.buffer = NOTHING
  }

  private failureFields(): string[] {
    return [
      ...RESPONSE_HEADERS,
      'grpc-status',
      String(this.failureCode),
      'grpc-message',
      encodeStatusMessage(this.failureDetails),
    ]
  }
}
