import { status } from '@grpc/grpc-js'
import type { Admission } from './admission.js'
import { PREFIX_BYTES, tooLarge } from './framing.js'
import { type HeldPool, type HeldRequest, HeldRequests } from './held-requests.js'
import { type HotMethod, type HotShape, HotShapes } from './hot-shapes.js'
import { ConnectionError } from './http2/errors.js'
import type { FastPath } from './http2/fast-path.js'
import { readUint32 } from './http2/frame.js'
import type { RequestHead } from './http2/request-head.js'
import type { ServerConnection } from './http2/server-connection.js'
import { WINDOW_BYTES_MAX } from './http2/settings.js'
import { ReplyWriter } from './reply.js'
import { RoomQueue } from './room-queue.js'
import { formatTimeout } from './timeout.js'

/** Larger bodies do not wait here: those of all requests that are held come to 512 KiB for a connection. */
export const HELD_BODY_BYTES_MAX = 512

/** What the hot paths of a server share. */
export interface HotContext {
  /** By path. */
  readonly methods: ReadonlyMap<string, HotMethod>
  readonly receiveBytesMax: number
  /** Where the body of a request that was held lies while it is answered: HELD_BODY_BYTES_MAX. */
  readonly heldBody: Buffer
  readonly heldPool: HeldPool<HotShape>
  onFault(error: unknown): void
}

/**
 * The hot path of one connection: recognises requests by the bytes of their header blocks and answers them in place.
 * Nothing is allocated for a request that is recognised and answered. One whose reply could not leave, because its client
 * grants no window or reads nothing, is looked up only once it could: until then it costs its bytes.
 */
export class HotPath implements FastPath {
  private readonly http2: ServerConnection
  private readonly context: HotContext
  private readonly admission: Admission
  private readonly shapes: HotShapes
  private readonly reply: ReplyWriter
  private readonly held: HeldRequests<HotShape>
  private readonly roomQueue: RoomQueue

  constructor(http2: ServerConnection, admission: Admission, context: HotContext) {
    this.http2 = http2
    this.admission = admission
    this.context = context
    this.held = new HeldRequests(context.heldPool)
    this.shapes = new HotShapes(context.methods, http2.streams.decoder.table)
    this.reply = new ReplyWriter(http2.streams, http2.output)
    this.roomQueue = new RoomQueue({
      time: http2.time,
      batch: (work) => http2.batch(work),
      isWaiting: (streamId) => this.held.find(streamId)?.waitsFor === 'room',
      retry: (streamId) => this.retry(streamId),
    })
    const wake = (): void => this.roomQueue.wake()
    http2.streams.sendQueue.onMoved = wake
  }

  get heldCount(): number {
    return this.held.count
  }

  onHeaders(streamId: number, buffer: Buffer, start: number, end: number): boolean {
    if (this.http2.openStreams >= this.http2.limits.concurrentStreamsMax) return false
    const shape = this.shapes.recognise(buffer, start, end)
    if (shape === undefined) return false
    // It has waited while a thousand others came: it takes the ordinary way.
    const other = this.held.inTheWayOf(streamId)
    if (other !== 0) this.giveBack(other)
    const request = this.held.add(streamId)
    request.shape = shape
    request.changes = this.shapes.matcher.changes
    request.timeoutMs = this.shapes.matcher.timeoutMs
    return true
  }

  onData(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): boolean {
    const request = this.held.find(streamId)
    if (request === undefined) return false
    const whole = endStream && this.isOneMessage(request.shape!, buffer, start, end)
    if (!whole || request.body !== 0) {
      if (request.body === 0 && this.announcesTooMuch(request.shape!, buffer, start, end)) {
        this.refuse(request, endStream, readUint32(buffer, start + 1))
        return true
      }
      this.giveBack(streamId)
      return false
    }
    const isBlocked = this.isBlocked(request)
    const isAsked = !isBlocked && this.admission.open
    if (isAsked && this.answer(request, buffer, start, end, this.roomQueue.isEmpty)) return true
    if (end - start > HELD_BODY_BYTES_MAX || !this.held.keepBody(request, buffer, start, end)) {
      this.giveBack(streamId)
      return false
    }
    request.sinceMs = this.http2.nowMs()
    if (isBlocked || (isAsked && this.reply.refused)) this.park(request)
    else this.postpone(request, isAsked)
    return true
  }

  onWindowUpdate(streamId: number, increment: number): boolean {
    const request = this.held.find(streamId)
    if (request === undefined) return false
    const sum = request.windowBytes + increment
    if (this.http2.streams.peer.initialWindowBytes + sum > WINDOW_BYTES_MAX) {
      this.giveBack(streamId)
      return false
    }
    request.windowBytes = sum
    if (request.waitsFor === 'window') {
      this.park(request)
      this.roomQueue.wake()
    }
    return true
  }

  onWindowsShifted(): void {
    for (const streamId of this.held.streamIds()) {
      const request = this.held.find(streamId)!
      if (this.windowOf(request) > WINDOW_BYTES_MAX) {
        throw new ConnectionError('FLOW_CONTROL_ERROR', 'window above 2^31 − 1')
      }
      if (request.waitsFor === 'window') this.park(request)
    }
    this.roomQueue.wake()
  }

  onRoom(): void {
    this.roomQueue.wake()
  }

  onReset(streamId: number): boolean {
    const request = this.held.find(streamId)
    if (request === undefined) return false
    this.held.free(request)
    return true
  }

  learn(head: RequestHead): void {
    this.shapes.learn(head)
  }

  giveBack(streamId: number): void {
    const request = this.held.find(streamId)
    if (request === undefined) return
    const { shape, changes, windowBytes } = request
    const body = request.body === 0 ? undefined : Buffer.allocUnsafe(request.bodyBytes)
    if (body !== undefined) this.held.readBody(request, body)
    const waitedMs = body === undefined ? 0 : this.http2.nowMs() - request.sinceMs
    const timeoutMs = Math.max(0, request.timeoutMs - waitedMs)
    this.held.free(request)
    const timeout = timeoutMs === Number.POSITIVE_INFINITY ? [] : ['grpc-timeout', formatTimeout(timeoutMs)]
    const head = shape!.request.headOf(changes, ...timeout)
    this.http2.streams.adopt(streamId, head, windowBytes, body)
  }

  tick(nowMs: number): boolean {
    if (this.heldCount === 0) return false
    let isBlocked = false
    for (const streamId of this.held.streamIds()) {
      const request = this.held.find(streamId)
      if (request === undefined) continue
      // A body that is late: an ordinary stream has times for that.
      if (request.body === 0) this.giveBack(streamId)
      else if (isLate(request, nowMs)) this.expire(request)
      else if (request.waitsFor !== 'turn') isBlocked = true
    }
    return isBlocked
  }

  giveBackAll(): void {
    if (this.heldCount === 0) return
    for (const streamId of this.held.streamIds()) this.giveBack(streamId)
  }

  dropAll(): void {
    this.held.clear()
    this.roomQueue.clear()
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

  /** True when DATA begins with the prefix of a message that is larger than allowed. */
  private announcesTooMuch(shape: HotShape, buffer: Buffer, start: number, end: number): boolean {
    return (
      end - start >= PREFIX_BYTES &&
      buffer[start]! <= 1 &&
      readUint32(buffer, start + 1) > this.context.receiveBytesMax &&
      shape.request.head.contentLength < 0
    )
  }

  private windowOf(request: HeldRequest<HotShape>): number {
    return this.http2.streams.peer.initialWindowBytes + request.windowBytes
  }

  /** True when not a byte of the reply could be sent. */
  private isBlocked(request: HeldRequest<HotShape>): boolean {
    return this.http2.output.blocked || this.windowOf(request) <= 0
  }

  /**
   * Answers a held request whose body, prefix included, lies in buffer[start, end). False: it is still held.
   *
   * @param mayPass false when others wait for room before it
   */
  private answer(
    request: HeldRequest<HotShape>,
    buffer: Buffer,
    start: number,
    end: number,
    mayPass: boolean,
  ): boolean {
    const { reply } = this
    reply.begin(request.streamId, request.windowBytes, mayPass)
    if (!this.run(request.shape!, buffer, start + PREFIX_BYTES, end) || !reply.finish()) {
      reply.discard()
      return false
    }
    this.held.free(request)
    this.http2.guard.sent()
    return true
  }

  /** The same of one whose body was kept. */
  private answerHeld(request: HeldRequest<HotShape>, mayPass: boolean): boolean {
    const { heldBody } = this.context
    const lengthBytes = this.held.readBody(request, heldBody)
    if (!this.answer(request, heldBody, 0, lengthBytes, mayPass)) return false
    this.http2.streams.sendQueue.noteMoved()
    return true
  }

  /** Keeps a request, with its body, until there is room for its reply. */
  private park(request: HeldRequest<HotShape>): void {
    if (this.windowOf(request) <= 0) {
      request.waitsFor = 'window'
      return
    }
    request.waitsFor = 'room'
    this.roomQueue.add(request.streamId, this.heldCount)
  }

  /** Its turn to have room. False: there is none. */
  private retry(streamId: number): boolean {
    // What was answered before it leaves first: an output in which replies pile up needs memory that no pool has.
    if (!this.http2.output.relieve()) return false
    const request = this.held.find(streamId)
    if (request?.waitsFor !== 'room') return true
    if (this.windowOf(request) <= 0) {
      request.waitsFor = 'window'
      return true
    }
    if (this.http2.output.blocked || this.http2.streams.sendQueue.crowded) return false
    if (isLate(request, this.http2.nowMs())) {
      this.expire(request)
      return true
    }
    if (this.answerHeld(request, true)) return true
    if (this.reply.refused) return false
    // What was a hit when it came is none any more.
    this.postpone(request, true)
    return true
  }

  /**
   * Keeps a request, with its body, that must wait for its value or for its turn.
   *
   * @param isAsked the hot handler has left it to the ordinary one
   */
  private postpone(request: HeldRequest<HotShape>, isAsked: boolean): void {
    const { streamId } = request
    request.waitsFor = 'turn'
    this.admission.admit(() => {
      // It was reset, or given back, meanwhile.
      if (this.held.find(streamId) === undefined) return true
      if (!isAsked && !isLate(request, this.http2.nowMs())) {
        if (this.isBlocked(request)) {
          this.park(request)
          return true
        }
        if (this.answerHeld(request, this.roomQueue.isEmpty)) return true
        if (this.reply.refused) {
          this.park(request)
          return true
        }
      }
      this.giveBack(streamId)
      return false
    })
  }

  /** Its message would be too large: what comes of it is dropped. */
  private refuse(request: HeldRequest<HotShape>, hasEnded: boolean, messageBytes: number): void {
    const { streamId } = request
    this.fail(request, status.RESOURCE_EXHAUSTED, tooLarge(messageBytes, this.context.receiveBytesMax))
    if (!hasEnded) this.http2.streams.endRequest(streamId)
  }

  /** Its client does not wait any more. */
  private expire(request: HeldRequest<HotShape>): void {
    this.fail(request, status.DEADLINE_EXCEEDED, 'Deadline exceeded')
  }

  private fail(request: HeldRequest<HotShape>, code: number, details: string): void {
    this.reply.begin(request.streamId, 0, true)
    this.reply.fail(code, details)
    this.reply.finish()
    this.held.free(request)
  }

  private run({ handler }: HotShape, buffer: Buffer, start: number, end: number): boolean {
    try {
      return handler(buffer, start, end, this.reply)
    } catch (error) {
      this.context.onFault(error)
      return false
    }
  }
}

function isLate({ sinceMs, timeoutMs }: HeldRequest<HotShape>, nowMs: number): boolean {
  return nowMs - sinceMs >= timeoutMs
}
