import { type Metadata, status } from '@grpc/grpc-js'
import type { Admission } from './admission.js'
import { ACCEPTED_ENCODINGS, type Encoding, parseEncoding } from './compression.js'
import type { ByteBudget } from './http2/byte-budget.js'
import type { Http2Stream, StreamListener } from './http2/stream.js'
import { Inbox, type InboxSink } from './inbox.js'
import { appendMetadata, metadataOfFields } from './metadata.js'
import { Outbox } from './outbox.js'
import { type CallStatus, callStatus, encodeStatusMessage } from './status.js'
import { TIMER_MS_MAX } from './timeout.js'

/** Who runs the call: gets the request's messages in order. */
export interface CallListener {
  /** False: no more messages until the call's resume(). */
  onMessage(message: Buffer): boolean
  /** The client has sent all its messages. */
  onEnd(): void
  /** Nobody waits for the answer any more: client gone, deadline passed, request unusable. */
  onCancelled(): void
  /** What was sent has left. */
  onDrain(): void
}

/** What all calls of a connection share. */
export interface CallContext {
  readonly budget: ByteBudget
  readonly receiveBytesMax: number
  readonly sendBytesMax: number
  readonly admission: Admission
  readonly replyEncoding: Encoding
  /** False when so many reply bytes more would be too many for the client to leave unread. */
  hasRoomFor(lengthBytes: number): boolean
  /** Address of the client, HOST:PORT. */
  readonly peer: string
  /** What is known of the client's certificate, in the form of grpc-js. */
  authContext(): object
}

/** The protocol's fields of a request. */
export interface CallHead {
  readonly path: string
  readonly host: string
  readonly fields: readonly string[]
  /** What the client still waits from now on, in ms; Infinity without a limit. */
  readonly timeoutMs: number
}

/** What every reply begins with. */
export const RESPONSE_HEADERS: readonly string[] = [':status', '200', 'content-type', 'application/grpc']

/**
 * One gRPC call on a stream, whatever its kind: messages in and out, headers, trailers, deadline. Handlers use it
 * through one of the call objects.
 */
export class ServerCall implements StreamListener, InboxSink {
  readonly head: CallHead
  readonly context: CallContext
  /** When the client gives up, in ms since the epoch; Infinity for never. */
  readonly deadlineMs: number
  cancelled = false
  listener: CallListener | undefined
  /** True while its method can do nothing until the rest of the request has come. */
  waitsForRequest = false
  /** Called when the client went away or its time was over, before the listener hears of it. */
  onAbandoned: (() => void) | undefined
  private readonly stream: Http2Stream
  private readonly inbox: Inbox
  private readonly outbox: Outbox
  private requestMetadata: Metadata | undefined
  private headersSent = false
  private statusSet = false
  private timer: NodeJS.Timeout | undefined

  constructor(stream: Http2Stream, head: CallHead, context: CallContext) {
    this.stream = stream
    this.head = head
    this.context = context
    this.deadlineMs = Date.now() + head.timeoutMs
    this.inbox = new Inbox(this, context.budget, context.receiveBytesMax)
    this.outbox = new Outbox(stream)
    stream.listener = this
  }

  /** True once a status is on its way, or nobody is there to take one. */
  get finished(): boolean {
    return this.statusSet || this.cancelled
  }

  get metadata(): Metadata {
    this.requestMetadata ??= metadataOfFields(this.head.fields)
    return this.requestMetadata
  }

  /** True when the sender of messages should wait for onDrain(). */
  get full(): boolean {
    return this.outbox.full
  }

  /** Reads the encodings of the request. False: the call has been ended for them. */
  negotiate(): boolean {
    const encodingName = fieldOf(this.head.fields, 'grpc-encoding')
    const encoding = parseEncoding(encodingName ?? 'identity')
    if (encoding === undefined) {
      this.fail(status.UNIMPLEMENTED, `grpc-encoding ${encodingName} is not supported`)
      return false
    }
    this.inbox.encoding = encoding
    const wanted = this.context.replyEncoding
    if (wanted !== 'identity') {
      const accepted = fieldOf(this.head.fields, 'grpc-accept-encoding') ?? ''
      if (accepted.split(',').some((name) => name.trim() === wanted)) this.outbox.encoding = wanted
    }
    return true
  }

  /** From now on the deadline ends the call. A call that is answered at once does not need it. */
  armDeadline(): void {
    if (this.finished || this.timer !== undefined || this.deadlineMs === Number.POSITIVE_INFINITY) return
    const leftMs = Math.min(Math.max(this.deadlineMs - Date.now(), 0), TIMER_MS_MAX)
    this.timer = setTimeout(() => this.fail(status.DEADLINE_EXCEEDED, 'Deadline exceeded'), leftMs)
  }

  sendMetadata(metadata: Metadata | null): void {
    if (this.headersSent || this.finished) return
    this.headersSent = true
    const fields = [...RESPONSE_HEADERS]
    if (this.outbox.encoding !== 'identity') fields.push('grpc-encoding', this.outbox.encoding)
    appendMetadata(fields, metadata)
    this.stream.sendHeaders(fields)
  }

  /** @param compressed false to send it as it is, whatever was agreed with the client */
  sendMessage(message: Buffer, compressed = true): void {
    if (this.finished) return
    const { sendBytesMax } = this.context
    if (message.length > sendBytesMax) {
      this.fail(
        status.RESOURCE_EXHAUSTED,
        `sent message larger than max (${message.length} vs. ${sendBytesMax})`,
      )
      return
    }
    if (!this.context.hasRoomFor(message.length)) {
      this.fail(status.RESOURCE_EXHAUSTED, 'too many replies wait to be read')
      return
    }
    this.sendMetadata(null)
    this.outbox.send(message, compressed)
  }

  /** The first status counts. */
  sendStatus(callStatus: CallStatus): void {
    if (this.finished) return
    this.statusSet = true
    this.stopTimer()
    this.inbox.close()
    this.outbox.whenEmpty(() => this.writeStatus(callStatus))
  }

  /** Ends the call and tells its handler that nobody waits. */
  fail(code: number, details: string): void {
    if (this.finished) return
    this.sendStatus(callStatus(code, details))
    this.cancel()
  }

  resume(): void {
    this.inbox.resume()
  }

  // From the stream.

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.statusSet) this.stream.consume(end - start)
    else this.inbox.onData(buffer, start, end)
  }

  onReset(_code: number): void {
    this.stopTimer()
    this.inbox.close()
    this.cancel()
  }

  onDrain(): void {
    this.listener?.onDrain()
  }

  // From the stream, then from the inbox once its messages are delivered.

  onEnd(): void {
    this.inbox.onEnd()
  }

  // From the inbox.

  onMessage(message: Buffer): boolean {
    return this.listener?.onMessage(message) ?? true
  }

  onMessagesEnd(): void {
    this.listener?.onEnd()
  }

  onInvalid(code: number, details: string): void {
    this.fail(code, details)
  }

  onConsumed(lengthBytes: number): void {
    this.stream.consume(lengthBytes)
  }

  private cancel(): void {
    if (this.cancelled) return
    this.cancelled = true
    this.onAbandoned?.()
    this.listener?.onCancelled()
  }

  private writeStatus({ code, details, metadata }: CallStatus): void {
    const fields = this.headersSent ? [] : [...RESPONSE_HEADERS]
    fields.push('grpc-status', String(code))
    if (details !== '' && code !== status.OK) fields.push('grpc-message', encodeStatusMessage(details))
    if (code === status.UNIMPLEMENTED) fields.push('grpc-accept-encoding', ACCEPTED_ENCODINGS)
    appendMetadata(fields, metadata)
    this.stream.sendTrailers(fields)
  }

  private stopTimer(): void {
    if (this.timer !== undefined) clearTimeout(this.timer)
    this.timer = undefined
  }
}

/** The first value of a field. */
export function fieldOf(fields: readonly string[], name: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2) if (fields[index] === name) return fields[index + 1]
  return undefined
}
