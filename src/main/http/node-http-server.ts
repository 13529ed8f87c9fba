import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import { createServer as createTlsServer, Server as TlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { Cancel } from '../../shared/cancel.js'
import { RequestOutcome } from '../../shared/node-metrics.js'
import { isSampled, isTracing } from '../../shared/tracing.js'
import { listenError } from '../listen-error.js'
import { Body } from './body.js'
import { ByteBudget } from './byte-budget.js'
import { Dispatcher, type RequestHead } from './dispatcher.js'
import { type HttpAnswer, oneLine } from './exchange.js'
import { NodeWebSockets } from './node-web-sockets.js'
import { HttpLimits, type HttpServer, type HttpServerOptions } from './server.js'
import { valueAnswer } from './value-answer.js'

/** Largest head of a request: the limit of uWebSockets.js. */
const HEAD_BYTES_MAX = 4096

/** HTTP on what comes with Node.js: for the operator's address, and where uWebSockets.js cannot be loaded. */
export class NodeHttpServer implements HttpServer {
  readonly engine = 'node:http'
  readonly #options: HttpServerOptions
  readonly #dispatcher: Dispatcher
  readonly #server: Server
  readonly #webSockets: NodeWebSockets
  readonly #bodies = new ByteBudget(HttpLimits.bodiesBytesMax)
  readonly #waiting = new ByteBudget(HttpLimits.waitingBytesMax)
  #isClosing = false

  constructor(options: HttpServerOptions) {
    this.#options = options
    this.#dispatcher = new Dispatcher(options)
    this.#webSockets = new NodeWebSockets(options.webSockets, options.guard, options.log)
    const serve: RequestListener = (request, response) => this.#guarded(request, response)
    this.#server = options.identity
      ? createTlsServer({ ...LIMITS, ...options.identity.serverOptions() }, serve)
      : createServer(LIMITS, serve)
    this.#server.keepAliveTimeout = HttpLimits.requestTimeoutMs
    this.#server.on('connection', (socket: Socket) => this.#count(socket))
    this.#server.on('checkContinue', serve)
    this.#server.on('checkExpectation', serve)
    this.#server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const url = splitUrl(request)
      if (!this.#webSockets.upgrade({ ...url, headers: headersOf(request) }, request, socket, head)) {
        socket.end(`HTTP/1.1 404 ${STATUS_CODES[404]}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`)
      }
    })
  }

  listen(host: string, port: number, _isShared: boolean): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', (error) => reject(listenError(`${host}:${port}`, error)))
      this.#server.listen({ host, port, exclusive: true }, () => {
        this.#watchCertificate()
        resolve((this.#server.address() as AddressInfo).port)
      })
    })
  }

  async shutdown(graceMs: number): Promise<void> {
    this.#isClosing = true
    const force = setTimeout(() => this.close(), graceMs)
    this.#webSockets.goAway()
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeIdleConnections()
    })
    clearTimeout(force)
  }

  close(): void {
    this.#isClosing = true
    this.#server.close()
    this.#webSockets.terminate()
    this.#server.closeAllConnections()
  }

  /** New connections get a changed certificate; those that stand keep theirs. */
  #watchCertificate(): void {
    const server = this.#server
    if (server instanceof TlsServer)
      this.#options.identity?.watch((context) => server.setSecureContext(context))
  }

  #count(socket: Socket): void {
    const { metrics } = this.#options
    metrics?.connectionOpened()
    socket.once('close', () => {
      metrics?.connectionClosed()
      metrics?.received(socket.bytesRead)
      metrics?.sent(socket.bytesWritten)
    })
  }

  #guarded(request: IncomingMessage, response: ServerResponse): void {
    try {
      const head = headOf(request)
      if (!this.#answerHit(head, response)) this.#serve(head, request, response)
    } catch (thrown) {
      this.#fault(thrown, response)
    }
  }

  #fault(thrown: unknown, response: ServerResponse): void {
    const stack = thrown instanceof Error ? thrown.stack : String(thrown)
    this.#options.log.error({ err: stack }, 'Fault in the HTTP server')
    response.destroy()
  }

  #answerHit({ method, path, headers }: RequestHead, response: ServerResponse): boolean {
    const { hits, guard, metrics } = this.#options
    if (hits === undefined || this.#isClosing || method !== 'GET') return false
    if (!guard.allowsHost(headers.get('host'))) return false
    if (isTracing() && isSampled(headers.get('traceparent') ?? '')) return false
    const startedMs = metrics?.sampleStart() ?? -1
    hits.enter()
    try {
      const hit = hits.find(path)
      if (hit === undefined) return false
      // A copy: node:http writes after the pin was left.
      const representation = { ...hit, bytes: Uint8Array.from(hit.bytes) }
      this.#send(response, method, valueAnswer(representation, { method, headers }))
      metrics?.recordSampled(RequestOutcome.hit, startedMs)
      return true
    } finally {
      hits.leave()
    }
  }

  #serve(head: RequestHead, request: IncomingMessage, response: ServerResponse): void {
    const cancel = new Cancel()
    response.once('close', () => cancel.abort())
    const fail = (thrown: unknown) =>
      this.#send(response, head.method, this.#dispatcher.problem(thrown, head.path))
    try {
      const match = this.#dispatcher.match(head)
      if (head.headers.has('expect')) response.writeContinue()
      const { bodyBytesMax } = match.route
      const body = new Body(bodyBytesMax ?? 0, this.#bodies)
      response.once('close', () => body.release())
      const answer = async () => {
        const given = await this.#dispatcher.answer(head, match, body.bytes, cancel)
        try {
          this.#send(response, head.method, given)
        } catch (thrown) {
          this.#fault(thrown, response)
        }
      }
      if (bodyBytesMax === undefined) {
        void answer()
        return
      }
      request.on('data', (part: Buffer) => {
        if (response.writableEnded) return
        try {
          body.push(part)
        } catch (thrown) {
          fail(thrown)
        }
      })
      request.once('end', () => {
        if (!response.writableEnded) void answer()
      })
    } catch (thrown) {
      fail(thrown)
    }
  }

  #send(response: ServerResponse, method: string, { status, headers, body = '', closes }: HttpAnswer): void {
    if (response.writableEnded || response.destroyed) return
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    if (!this.#waiting.take(bytes.length)) {
      response.destroy()
      return
    }
    response.once('close', () => this.#waiting.giveBack(bytes.length))
    const ends = closes === true || this.#isClosing
    const length = status === 304 ? {} : { 'content-length': bytes.length }
    response.writeHead(status, STATUS_CODES[status] ?? 'Unknown', {
      ...Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, oneLine(value)])),
      ...length,
      ...(ends && { connection: 'close' }),
    })
    if (method === 'HEAD' || status === 304) response.end()
    else response.end(bytes)
  }
}

const LIMITS: ServerOptions = {
  maxHeaderSize: HEAD_BYTES_MAX,
  headersTimeout: HttpLimits.requestTimeoutMs,
  requestTimeout: HttpLimits.requestTimeoutMs,
  connectionsCheckingInterval: 1000,
  insecureHTTPParser: false,
}

function splitUrl({ url = '/' }: IncomingMessage): { path: string; query: string } {
  const mark = url.indexOf('?')
  return mark < 0 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark + 1) }
}

function headersOf({ headers }: IncomingMessage): Map<string, string> {
  return new Map(
    Object.entries(headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
}

function headOf(request: IncomingMessage): RequestHead {
  return { method: request.method ?? '', ...splitUrl(request), headers: headersOf(request) }
}
