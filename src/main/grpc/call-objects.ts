import { EventEmitter } from 'node:events'
import { Duplex, type DuplexOptions } from 'node:stream'
import type { Metadata } from '@grpc/grpc-js'
import type { Method, MethodType } from './method.js'
import { readRequest, sendReply } from './serialization.js'
import type { CallListener, ServerCall } from './server-call.js'
import { type CallStatus, callStatus, STATUS_OK, statusOfError } from './status.js'

/** What handlers see of a unary call: the members of grpc-js's ServerUnaryCall. */
export class UnaryCall extends EventEmitter {
  readonly request: unknown
  private readonly call: ServerCall

  constructor(call: ServerCall, request: unknown) {
    super()
    this.call = call
    this.request = request
  }

  get metadata(): Metadata {
    return this.call.metadata
  }

  get cancelled(): boolean {
    return this.call.cancelled
  }

  getPeer(): string {
    return this.call.context.peer
  }

  sendMetadata(metadata: Metadata): void {
    this.call.sendMetadata(metadata)
  }

  getDeadline(): number {
    return this.call.deadlineMs
  }

  getPath(): string {
    return this.call.head.path
  }

  getHost(): string {
    return this.call.head.host
  }

  getAuthContext(): object {
    return this.call.context.authContext()
  }
}

/**
 * What handlers see of a streaming call: the members of grpc-js's ServerReadableStream, ServerWritableStream and
 * ServerDuplexStream, as far as the kind of call has them.
 */
export class StreamingCall extends Duplex implements CallListener {
  /** The one request of a server-streaming call. */
  request: unknown
  private readonly call: ServerCall
  private readonly method: Method
  private trailers: Metadata | undefined
  /** How the call ends once what was written has been sent. */
  private lastStatus = STATUS_OK
  private writeDone: (() => void) | undefined

  constructor(call: ServerCall, method: Method) {
    // Node's own types lack the two sides.
    const options: DuplexOptions & { readable: boolean; writable: boolean } = {
      objectMode: true,
      autoDestroy: false,
      emitClose: false,
      readable: isReadable(method.type),
      writable: isWritable(method.type),
    }
    super(options)
    this.call = call
    this.method = method
    // A handler ends its call with an error by emitting it.
    this.on('error', (error) => this.fail(statusOfError(error, this.trailers)))
  }

  get metadata(): Metadata {
    return this.call.metadata
  }

  get cancelled(): boolean {
    return this.call.cancelled
  }

  getPeer(): string {
    return this.call.context.peer
  }

  sendMetadata(metadata: Metadata): void {
    this.call.sendMetadata(metadata)
  }

  getDeadline(): number {
    return this.call.deadlineMs
  }

  getPath(): string {
    return this.call.head.path
  }

  getHost(): string {
    return this.call.head.host
  }

  getAuthContext(): object {
    return this.call.context.authContext()
  }

  /** Ends the call with OK, and the trailers if there are any. */
  override end(trailers?: unknown): this {
    if (typeof trailers === 'object' && trailers !== null) {
      this.trailers = trailers as Metadata
      this.lastStatus = callStatus(0, 'OK', this.trailers)
    }
    return super.end()
  }

  override _write(message: unknown, _encoding: string, done: (error?: Error | null) => void): void {
    sendReply(this.call, this.method, message)
    if (this.call.finished || !this.call.full) done()
    else this.writeDone = done
  }

  override _final(done: () => void): void {
    this.finish(this.lastStatus)
    done()
  }

  override _read(): void {
    this.call.resume()
  }

  onMessage(message: Buffer): boolean {
    const request = readRequest(this.call, this.method, message)
    return request !== undefined && this.push(request.value)
  }

  onEnd(): void {
    this.push(null)
  }

  onCancelled(): void {
    this.onDrain()
    this.emit('cancelled', 'cancelled')
  }

  onDrain(): void {
    const done = this.writeDone
    this.writeDone = undefined
    done?.()
  }

  /** Ends the call so. What was written before goes first, unless the stream itself is broken and will write no more. */
  fail(failure: CallStatus): void {
    if (this.writableLength === 0 || this.destroyed || this.errored !== null) {
      this.finish(failure)
      return
    }
    this.lastStatus = failure
    super.end()
  }

  private finish(status: CallStatus): void {
    this.call.sendStatus(status)
    // As in grpc-js: the end of a call of any kind is told, so that handlers can let go of what they hold for it.
    this.emit('cancelled', 'cancelled')
  }
}

function isReadable(type: MethodType): boolean {
  return type === 'clientStream' || type === 'bidi'
}

function isWritable(type: MethodType): boolean {
  return type === 'serverStream' || type === 'bidi'
}
