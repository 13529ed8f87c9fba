import type { Admission } from './admission.js'
import { PREFIX_BYTES } from './framing.js'
import { isGrpcContentType } from './http-answer.js'
import type { FastPath } from './http2/fast-path.js'
import { readUint32 } from './http2/frame.js'
import type { RequestHead } from './http2/request-head.js'
import type { ServerConnection } from './http2/server-connection.js'
import { type Reply, ReplyWriter } from './reply.js'
import { type IsOrdinary, RequestShape, type ShapeChange } from './request-shape.js'
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

/** Requests whose HEADERS came and whose DATA did not, or that wait for their turn: a power of two. */
const HELD_MAX = 256
/** Larger bodies do not wait here: those of HELD_MAX requests come to 128 KiB for a connection. */
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
  heldCount = 0
  private readonly http2: ServerConnection
  private readonly context: HotContext
  private readonly admission: Admission
  private readonly matcher: ShapeMatcher
  private readonly reply: ReplyWriter
  private readonly shapes: HotShape[] = []
  private nextShape = 0
  /** That of the block that was recognised last. */
  private last: HotShape | undefined
  /** Held streams by the low bits of their number. */
  private readonly heldIds = new Int32Array(HELD_MAX)
  private readonly heldShapes: (HotShape | undefined)[] = new Array(HELD_MAX).fill(undefined)
  private readonly heldChanges: (readonly ShapeChange[] | undefined)[] = new Array(HELD_MAX).fill(undefined)
  private readonly heldTimeoutsMs = new Float64Array(HELD_MAX)
  private readonly heldWindows = new Float64Array(HELD_MAX)
  /** Of those that wait for their turn: the body, prefix included, and since when. */
  private readonly heldBodies: (Buffer | undefined)[] = new Array(HELD_MAX).fill(undefined)
  private readonly heldSinceMs = new Float64Array(HELD_MAX)

  constructor(http2: ServerConnection, admission: Admission, context: HotContext) {
    this.http2 = http2
    this.admission = admission
    this.context = context
    this.matcher = new ShapeMatcher(http2.streams.decoder.table)
    this.reply = new ReplyWriter(http2.streams, http2.output)
  }

  onHeaders(streamId: number, buffer: Buffer, start: number, end: number): boolean {
    if (this.http2.openStreams >= this.http2.limits.concurrentStreamsMax) return false
    const shape = this.recognise(buffer, start, end)
    if (shape === undefined) return false
    const slot = slotOf(streamId)
    // The slot's earlier holder has waited for its body while 255 others came: it takes the ordinary way.
    if (this.heldIds[slot] !== 0) this.giveBack(this.heldIds[slot]!)
    this.heldIds[slot] = streamId
    this.heldShapes[slot] = shape
    this.heldChanges[slot] = this.matcher.changes
    this.heldTimeoutsMs[slot] = this.matcher.timeoutMs
    this.heldWindows[slot] = 0
    this.heldCount++
    return true
  }

  onData(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): boolean {
    const slot = slotOf(streamId)
    if (this.heldIds[slot] !== streamId) return false
    const whole = endStream && this.isOneMessage(this.heldShapes[slot]!, buffer, start, end)
    if (!whole || this.heldBodies[slot] !== undefined) {
      this.giveBack(streamId)
      return false
    }
    if (!this.admission.open && end - start <= POSTPONED_BYTES_MAX) {
      this.postpone(streamId, Buffer.from(buffer.subarray(start, end)))
      return true
    }
    if (this.admission.open && this.answer(streamId, buffer, start, end)) return true
    this.giveBack(streamId)
    return false
  }

  onWindowUpdate(streamId: number, increment: number): boolean {
    const slot = slotOf(streamId)
    if (this.heldIds[slot] !== streamId) return false
    const sum = this.heldWindows[slot]! + increment
    if (this.http2.streams.peer.initialWindowBytes + sum > 0x7fff_ffff) {
      this.giveBack(streamId)
      return false
    }
    this.heldWindows[slot] = sum
    return true
  }

  onReset(streamId: number): boolean {
    const slot = slotOf(streamId)
    if (this.heldIds[slot] !== streamId) return false
    this.free(slot)
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
    const slot = slotOf(streamId)
    if (this.heldIds[slot] !== streamId) return
    const { request } = this.heldShapes[slot]!
    const changes = this.heldChanges[slot]
    const body = this.heldBodies[slot]
    const waitedMs = body === undefined ? 0 : this.http2.nowMs() - this.heldSinceMs[slot]!
    const timeoutMs = Math.max(0, this.heldTimeoutsMs[slot]! - waitedMs)
    const windowBytes = this.heldWindows[slot]!
    this.free(slot)
    const timeout = timeoutMs === Number.POSITIVE_INFINITY ? [] : ['grpc-timeout', formatTimeout(timeoutMs)]
    this.http2.streams.adopt(streamId, request.headOf(changes, ...timeout), windowBytes, body)
  }

  giveBackIncomplete(): void {
    if (this.heldCount === 0) return
    for (let slot = 0; slot < HELD_MAX; slot++) {
      if (this.heldIds[slot] !== 0 && this.heldBodies[slot] === undefined) this.giveBack(this.heldIds[slot]!)
    }
  }

  giveBackAll(): void {
    if (this.heldCount === 0) return
    for (const streamId of this.heldIds) if (streamId !== 0) this.giveBack(streamId)
  }

  dropAll(): void {
    this.heldIds.fill(0)
    this.heldShapes.fill(undefined)
    this.heldChanges.fill(undefined)
    this.heldBodies.fill(undefined)
    this.heldCount = 0
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
  private answer(streamId: number, buffer: Buffer, start: number, end: number): boolean {
    const slot = slotOf(streamId)
    const { reply } = this
    reply.begin(streamId, this.heldWindows[slot]!)
    if (!this.run(this.heldShapes[slot]!.handler, buffer, start + PREFIX_BYTES, end) || !reply.finish()) {
      reply.discard()
      return false
    }
    this.free(slot)
    this.http2.guard.sent()
    return true
  }

  /** Keeps a request until its connection has room for a reply. */
  private postpone(streamId: number, body: Buffer): void {
    const slot = slotOf(streamId)
    this.heldBodies[slot] = body
    this.heldSinceMs[slot] = this.http2.nowMs()
    this.admission.admit(() => {
      // It was reset, or given back, meanwhile.
      if (this.heldBodies[slot] !== body) return true
      const isLate = this.http2.nowMs() - this.heldSinceMs[slot]! >= this.heldTimeoutsMs[slot]!
      let answered = false
      this.http2.batch(() => {
        answered = !isLate && this.answer(streamId, body, 0, body.length)
        if (!answered) this.giveBack(streamId)
      })
      return answered
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

  private free(slot: number): void {
    this.heldIds[slot] = 0
    this.heldShapes[slot] = undefined
    this.heldChanges[slot] = undefined
    this.heldBodies[slot] = undefined
    this.heldCount--
  }
}

function slotOf(streamId: number): number {
  return (streamId >>> 1) & (HELD_MAX - 1)
}

/** True for a request that needs nothing but its message to be answered. */
function isPlain(head: RequestHead): boolean {
  if (head.method !== 'POST' || !isGrpcContentType(fieldOf(head.fields, 'content-type'))) return false
  return (fieldOf(head.fields, 'grpc-encoding') ?? 'identity') === 'identity'
}

function hasOne(fields: readonly string[], isOrdinary: IsOrdinary): boolean {
  return fields.some((text, index) => index % 2 === 0 && isOrdinary(text, fields[index + 1]!))
}
