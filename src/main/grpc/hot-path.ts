import type { Admission } from './admission.js'
import { PREFIX_BYTES } from './framing.js'
import { type HeldRequest, HeldRequests } from './held-requests.js'
import { isProtobufContentType } from './http-answer.js'
import type { FastPath } from './http2/fast-path.js'
import { readUint32 } from './http2/frame.js'
import type { RequestHead } from './http2/request-head.js'
import type { ServerConnection } from './http2/server-connection.js'
import { type Reply, ReplyWriter } from './reply.js'
import { type IsOrdinary, RequestShape } from './request-shape.js'
import { fieldOf } from './server-call.js'
import { ShapeMatcher } from './shape-matcher.js'
import { formatTimeout } from './timeout.js'

/**
 * A unary method from bytes to bytes. The request message lies in buffer[start, end), valid during the call only. True:
 * the reply has been given. False: nothing happened, the ordinary handler of the method is to answer. Must not wait, and
 * should not allocate.
 */
export type HotHandler = (buffer: Buffer, start: number, end: number, reply: Reply) => boolean

/** A hot method. It sees no header fields: requests that have one which is ordinary are not for it. */
export interface HotMethod {
  readonly handler: HotHandler
  readonly isOrdinary: IsOrdinary
}

/** What the hot paths of a server share. */
export interface HotContext {
  /** By path. */
  readonly methods: ReadonlyMap<string, HotMethod>
  readonly receiveBytesMax: number
  onFault(error: unknown): void
}

/** Larger bodies do not wait here: those of all requests that are held come to 512 KiB for a connection. */
const POSTPONED_BYTES_MAX = 512
/** Shapes that a connection remembers. */
const SHAPES_MAX = 4

/** A request of a hot method, held until its body comes. */
interface HotShape {
  readonly request: RequestShape
  readonly handler: HotHandler
}

/**
 * The hot path of one connection: recognises requests by the bytes of their header blocks and answers them in place.
 * Nothing is allocated for a request that is recognised and answered.
 */
export class HotPath implements FastPath {
  private readonly http2: ServerConnection
  private readonly context: HotContext
  private readonly admission: Admission
  private readonly matcher: ShapeMatcher
  private readonly reply: ReplyWriter
  private readonly shapes: HotShape[] = []
  private nextShape = 0
  /** That of the block that was recognised last. */
  private last: HotShape | undefined
  private readonly held = new HeldRequests<HotShape>()

  constructor(http2: ServerConnection, admission: Admission, context: HotContext) {
    this.http2 = http2
    this.admission = admission
    this.context = context
    this.matcher = new ShapeMatcher(http2.streams.decoder.table)
    this.reply = new ReplyWriter(http2.streams, http2.output)
  }

  get heldCount(): number {
    return this.held.count
  }

  onHeaders(streamId: number, buffer: Buffer, start: number, end: number): boolean {
    if (this.http2.openStreams >= this.http2.limits.concurrentStreamsMax) return false
    const shape = this.recognise(buffer, start, end)
    if (shape === undefined) return false
    // It has waited while a thousand others came: it takes the ordinary way.
    const other = this.held.inTheWayOf(streamId)
    if (other !== 0) this.giveBack(other)
    const request = this.held.add(streamId)
    request.shape = shape
    request.changes = this.matcher.changes
    request.timeoutMs = this.matcher.timeoutMs
    return true
  }

  onData(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): boolean {
    const request = this.held.find(streamId)
    if (request === undefined) return false
    const whole = endStream && this.isOneMessage(request.shape!, buffer, start, end)
    if (!whole || request.body !== undefined) {
      this.giveBack(streamId)
      return false
    }
    const isAsked = this.admission.open
    if (isAsked && this.answer(request, buffer, start, end)) return true
    if (end - start > POSTPONED_BYTES_MAX) {
      this.giveBack(streamId)
      return false
    }
    this.postpone(request, Buffer.from(buffer.subarray(start, end)), isAsked)
    return true
  }

  onWindowUpdate(streamId: number, increment: number): boolean {
    const request = this.held.find(streamId)
    if (request === undefined) return false
    const sum = request.windowBytes + increment
    if (this.http2.streams.peer.initialWindowBytes + sum > 0x7fff_ffff) {
      this.giveBack(streamId)
      return false
    }
    request.windowBytes = sum
    return true
  }

  onReset(streamId: number): boolean {
    const request = this.held.find(streamId)
    if (request === undefined) return false
    this.held.free(request)
    return true
  }

  learn(head: RequestHead): void {
    const method = this.context.methods.get(head.path)
    if (method === undefined || !isPlain(head) || hasOne(head.fields, method.isOrdinary)) return
    this.shapes[this.nextShape] = {
      request: new RequestShape(head, method.isOrdinary),
      handler: method.handler,
    }
    this.nextShape = (this.nextShape + 1) % SHAPES_MAX
  }

  giveBack(streamId: number): void {
    const request = this.held.find(streamId)
    if (request === undefined) return
    const { shape, changes, body, windowBytes } = request
    const waitedMs = body === undefined ? 0 : this.http2.nowMs() - request.sinceMs
    const timeoutMs = Math.max(0, request.timeoutMs - waitedMs)
    this.held.free(request)
    const timeout = timeoutMs === Number.POSITIVE_INFINITY ? [] : ['grpc-timeout', formatTimeout(timeoutMs)]
    const head = shape!.request.headOf(changes, ...timeout)
    this.http2.streams.adopt(streamId, head, windowBytes, body)
  }

  giveBackIncomplete(): void {
    if (this.heldCount === 0) return
    for (const streamId of this.held.streamIds()) {
      if (this.held.find(streamId)?.body === undefined) this.giveBack(streamId)
    }
  }

  giveBackAll(): void {
    if (this.heldCount === 0) return
    for (const streamId of this.held.streamIds()) this.giveBack(streamId)
  }

  dropAll(): void {
    this.held.clear()
  }

  private recognise(buffer: Buffer, start: number, end: number): HotShape | undefined {
    const { matcher, last } = this
    if (last !== undefined) {
      if (matcher.matchAgain(buffer, start, end) || matcher.match(last.request, buffer, start, end))
        return last
    }
    for (const shape of this.shapes) {
      if (shape === last || !matcher.match(shape.request, buffer, start, end)) continue
      this.last = shape
      return shape
    }
    return undefined
  }

  /** True when DATA is exactly one plain message, of the size that was announced and is allowed. */
  private isOneMessage(shape: HotShape, buffer: Buffer, start: number, end: number): boolean {
    const lengthBytes = end - start
    const { contentLength } = shape.request.head
    return (
      lengthBytes >= PREFIX_BYTES &&
      buffer[start] === 0 &&
      readUint32(buffer, start + 1) === lengthBytes - PREFIX_BYTES &&
      lengthBytes - PREFIX_BYTES <= this.context.receiveBytesMax &&
      (contentLength < 0 || contentLength === lengthBytes)
    )
  }

  /** Answers a held request whose body, prefix included, lies in buffer[start, end). False: it is still held. */
  private answer(request: HeldRequest<HotShape>, buffer: Buffer, start: number, end: number): boolean {
    const { reply } = this
    reply.begin(request.streamId, request.windowBytes)
    if (!this.run(request.shape!.handler, buffer, start + PREFIX_BYTES, end) || !reply.finish()) {
      reply.discard()
      return false
    }
    this.held.free(request)
    this.http2.guard.sent()
    return true
  }

  /**
   * Keeps a request that must wait, for its value or for room: until then it costs its bytes.
   *
   * @param isAsked the hot handler has left it to the ordinary one
   */
  private postpone(request: HeldRequest<HotShape>, body: Buffer, isAsked: boolean): void {
    const { streamId } = request
    request.body = body
    request.sinceMs = this.http2.nowMs()
    this.admission.admit(() => {
      // It was reset, or given back, meanwhile.
      if (request.body !== body) return true
      const isLate = this.http2.nowMs() - request.sinceMs >= request.timeoutMs
      if (!isAsked && !isLate && this.answer(request, body, 0, body.length)) return true
      this.giveBack(streamId)
      return false
    })
  }

  private run(handler: HotHandler, buffer: Buffer, start: number, end: number): boolean {
    try {
      return handler(buffer, start, end, this.reply)
    } catch (error) {
      this.context.onFault(error)
      return false
    }
  }
}

/** True for a request that needs nothing but its message to be answered. */
function isPlain(head: RequestHead): boolean {
  if (head.method !== 'POST' || !isProtobufContentType(fieldOf(head.fields, 'content-type'))) return false
  return (fieldOf(head.fields, 'grpc-encoding') ?? 'identity') === 'identity'
}

function hasOne(fields: readonly string[], isOrdinary: IsOrdinary): boolean {
  return fields.some((text, index) => index % 2 === 0 && isOrdinary(text, fields[index + 1]!))
}
