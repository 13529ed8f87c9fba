import { status } from '@grpc/grpc-js'
import type { Transport } from '../sockets/transport.js'
import { Admission } from './admission.js'
import { handleCall } from './handle-call.js'
import { abandonRequest, answerIfNotGrpc, HttpAnswer } from './http-answer.js'
import type { ByteBudget } from './http2/byte-budget.js'
import type { Leaver } from './http2/leaver.js'
import type { RequestHandler } from './http2/request-handler.js'
import type { RequestHead } from './http2/request-head.js'
import { type ConnectionContext, ServerConnection } from './http2/server-connection.js'
import type { Http2Stream } from './http2/stream.js'
import type { MethodTable } from './method.js'
import type { ResolvedOptions } from './options.js'
import { type CallContext, fieldOf, ServerCall } from './server-call.js'
import { parseTimeout } from './timeout.js'

/** What the connections of a server share. */
export interface GrpcContext {
  readonly options: ResolvedOptions
  readonly methods: MethodTable
  readonly budget: ByteBudget
  onReadStart(): void
  onReadEnd(): void
  onFault(error: unknown): void
  /** @param leaver what is left of it, until that has gone */
  onClosed(connection: GrpcConnection, leaver: Leaver | undefined): void
}

/** Who is at the other end. */
export interface Client {
  /** HOST:PORT */
  readonly address: string
  authContext(): object
}

/** Makes gRPC calls of the requests on one HTTP/2 connection. */
export class GrpcConnection implements RequestHandler, CallContext {
  readonly http2: ServerConnection
  readonly budget: ByteBudget
  readonly receiveBytesMax: number
  readonly sendBytesMax: number
  readonly replyEncoding: ResolvedOptions['replyEncoding']
  readonly admission: Admission
  readonly peer: string
  private readonly context: GrpcContext
  private readonly client: Client

  /** @param startedAtMs when it was accepted */
  constructor(
    context: GrpcContext,
    http2Context: ConnectionContext,
    transport: Transport,
    client: Client,
    startedAtMs?: number,
  ) {
    const { options } = context
    this.context = context
    this.client = client
    this.budget = context.budget
    this.receiveBytesMax = options.receiveBytesMax
    this.sendBytesMax = options.sendBytesMax
    this.replyEncoding = options.replyEncoding
    this.peer = client.address
    this.http2 = new ServerConnection(http2Context, transport, this, startedAtMs)
    const { defer } = http2Context
    const batch = (work: () => void) => this.http2.batch(work)
    this.admission = new Admission(this.http2.streams.sendQueue, { defer, time: this.http2.time, batch })
  }

  /** To be called about every second. */
  tick(): void {
    this.http2.tick()
  }

  /** Ends it once its calls are done. */
  drain(): void {
    this.http2.drain(Number.POSITIVE_INFINITY, 'shutdown')
  }

  /** Ends it at once. */
  destroy(): void {
    this.http2.destroy()
  }

  authContext(): object {
    return this.client.authContext()
  }

  hasRoomFor(lengthBytes: number): boolean {
    return this.http2.streams.sendQueue.fits(lengthBytes)
  }

  onRequest(stream: Http2Stream, head: RequestHead, truncated: boolean): void {
    const { fields } = head
    if (answerIfNotGrpc(stream, head, fieldOf(fields, 'content-type'))) return
    if (truncated) {
      new HttpAnswer(stream, 431, status.RESOURCE_EXHAUSTED, 'request headers are too large')
      return
    }
    const timeout = fieldOf(fields, 'grpc-timeout')
    const timeoutMs = timeout === undefined ? Number.POSITIVE_INFINITY : parseTimeout(timeout)
    if (Number.isNaN(timeoutMs)) {
      new HttpAnswer(stream, 400, status.INTERNAL, 'malformed grpc-timeout')
      return
    }
    const call = new ServerCall(stream, { path: head.path, host: head.authority, fields, timeoutMs }, this)
    if (call.negotiate()) this.start(call)
  }

  onRequestStalled(stream: Http2Stream): void {
    const { listener } = stream
    if (listener instanceof ServerCall && !listener.waitsForRequest) return
    abandonRequest(stream)
  }

  onReadStart(): void {
    this.context.onReadStart()
  }

  onReadEnd(): void {
    this.context.onReadEnd()
  }

  onFault(error: unknown): void {
    this.context.onFault(error)
  }

  onClosed(leaver?: Leaver): void {
    this.admission.clear()
    this.context.onClosed(this, leaver)
  }

  private start(call: ServerCall): void {
    const { path } = call.head
    const method = this.context.methods.get(path)
    if (method?.handler === undefined) {
      call.fail(status.UNIMPLEMENTED, `The server does not implement the method ${path}`)
      return
    }
    handleCall(call, method, method.handler, this.http2.streams)
  }
}
