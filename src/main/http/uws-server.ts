import type { TemplatedApp, HttpRequest as UwsRequest, HttpResponse as UwsResponse } from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import { Cancel } from '../../shared/cancel.js'
import type { FrontMetrics } from '../../shared/front-metrics.js'
import { RequestOutcome } from '../../shared/node-metrics.js'
import { isSampled, isTracing } from '../../shared/tracing.js'
import { TransientSet } from '../../shared/transient-set.js'
import { Body } from './body.js'
import { ByteBudget } from './byte-budget.js'
import { Dispatcher, type RequestHead } from './dispatcher.js'
import { type HttpAnswer, oneLine } from './exchange.js'
import type { Hit } from './hits.js'
import type { Uws } from './load-uws.js'
import type { Match } from './router.js'
import { HttpLimits, type HttpServer, type HttpServerOptions } from './server.js'
import { UwsApps } from './uws-apps.js'
import { UwsWebSockets } from './uws-web-sockets.js'

/** From this length on, what the socket does not take at once is left with us, where it is counted. */
const TRY_BYTES_MIN = 128 * 1024

const NOTHING = new Uint8Array(0)

/** In bytes, for hits: a string would be converted every time. */
const CONTENT_TYPE = new TextEncoder().encode('content-type').slice().buffer

/**
 * HTTP on uWebSockets.js, whose hazards end here:
 *
 * - A thread that ends while this is open aborts the process: {@link close} comes before.
 * - A handler that returns without an answer or `onAborted` ends the process, so does one that throws: all of them run
 *   in #guarded().
 * - A response that was answered or aborted throws when it is touched, so each is asked of its {@link Exchange}.
 * - `req` is good during the call of the handler alone.
 */
export class UwsServer implements HttpServer {
  readonly engine = 'uWebSockets.js'
  readonly #options: HttpServerOptions
  readonly #dispatcher: Dispatcher
  readonly #apps: UwsApps
  readonly #webSockets: UwsWebSockets
  readonly #bodies = new ByteBudget(HttpLimits.bodiesBytesMax)
  readonly #waiting = new ByteBudget(HttpLimits.waitingBytesMax)
  readonly #open = new TransientSet<Exchange>()
  #isClosing = false
  #isClosed = false
  #onIdle: () => void = () => {}

  constructor(uws: Uws, options: HttpServerOptions) {
    this.#options = options
    this.#dispatcher = new Dispatcher(options)
    this.#webSockets = new UwsWebSockets(options.webSockets, options.guard, options.log)
    const { tls, log } = options
    this.#apps = new UwsApps({ uws, tls, log, addRoutes: (app) => this.#addRoutes(app) })
  }

  async listen(host: string, port: number, isShared: boolean): Promise<number> {
    const bound = await this.#apps.listen(host, port, isShared)
    this.#options.identity?.watch(() => {
      if (!this.#isClosing) void this.#apps.renew()
    })
    return bound
  }

  async shutdown(graceMs: number): Promise<void> {
    this.#isClosing = true
    this.#apps.stopListening()
    this.#webSockets.goAway()
    if (this.#open.size > 0 || this.#webSockets.size > 0) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, graceMs)
        const onIdle = (): void => {
          if (this.#open.size > 0 || this.#webSockets.size > 0) return
          clearTimeout(timer)
          resolve()
        }
        this.#onIdle = onIdle
        this.#webSockets.onClosed = onIdle
      })
    }
    this.close()
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isClosing = true
    this.#apps.close()
  }

  #addRoutes(app: TemplatedApp): void {
    this.#webSockets.addTo(app)
    if (this.#options.metrics) app.filter(countConnections(this.#options.metrics))
    app.get('/*', (res, req) => this.#guarded(res, req, true))
    app.any('/*', (res, req) => this.#guarded(res, req, false))
  }

  /** What the handler throws must not reach uWebSockets.js: it would end the process. */
  #guarded(res: UwsResponse, req: UwsRequest, isGet: boolean): void {
    try {
      if (isGet && this.#answerHit(res, req)) return
      this.#serve(res, req)
    } catch (thrown) {
      this.#options.log.error({ err: stackOf(thrown) }, 'Fault in the HTTP server')
      try {
        res.close()
      } catch {
        // It was answered, or gone, before the fault.
      }
    }
  }

  #answerHit(res: UwsResponse, req: UwsRequest): boolean {
    const { hits, guard, metrics } = this.#options
    if (hits === undefined || this.#isClosing) return false
    const startedMs = metrics?.sampleStart() ?? -1
    hits.enter()
    try {
      const hit = hits.find(req.getUrl())
      if (hit === undefined || isConditional(req) || !guard.allowsHost(req.getHeader('host'))) return false
      this.#sendHit(res, hit)
      metrics?.recordSampled(RequestOutcome.hit, startedMs)
      return true
    } finally {
      hits.leave()
    }
  }

  #sendHit(res: UwsResponse, hit: Hit): void {
    res.writeHeader(CONTENT_TYPE, hit.fields)
    if (hit.bytes.length < TRY_BYTES_MIN) res.end(hit.bytes)
    else this.#sendLarge(res, hit.bytes, undefined)
  }

  #serve(res: UwsResponse, req: UwsRequest): void {
    const head = headOf(req)
    const exchange = this.#newExchange(res)
    let match: Match
    try {
      match = this.#dispatcher.match(head)
    } catch (thrown) {
      this.#send(exchange, head, this.#dispatcher.problem(thrown, head.path))
      return
    }
    if (match.route.bodyBytesMax === undefined) void this.#answer(exchange, head, match, NOTHING)
    else this.#readBody(exchange, head, match, match.route.bodyBytesMax)
  }

  #readBody(exchange: Exchange, head: RequestHead, match: Match, bytesMax: number): void {
    const body = new Body(bytesMax, this.#bodies)
    exchange.onEnd(() => body.release())
    exchange.response.onData((chunk, isLast) => {
      if (exchange.isOver) return
      try {
        body.push(new Uint8Array(chunk))
        if (isLast) void this.#answer(exchange, head, match, body.bytes)
      } catch (thrown) {
        this.#send(exchange, head, this.#dispatcher.problem(thrown, head.path))
      }
    })
  }

  async #answer(exchange: Exchange, head: RequestHead, match: Match, body: Uint8Array): Promise<void> {
    const answer = await this.#dispatcher.answer(head, match, body, exchange.cancel)
    try {
      this.#send(exchange, head, answer)
    } catch (thrown) {
      this.#options.log.error({ err: stackOf(thrown) }, 'Fault while an HTTP answer was sent')
      exchange.abandon()
    }
  }

  #send(exchange: Exchange, head: RequestHead, { status, headers, body = '', closes }: HttpAnswer): void {
    if (exchange.isOver) return
    const bytes = typeof body === 'string' ? Buffer.from(body) : body
    const ends = closes === true || this.#isClosing
    const res = exchange.response
    res.cork(() => {
      res.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`)
      for (const [name, value] of Object.entries(headers)) res.writeHeader(name, oneLine(value))
      if (ends) res.writeHeader('connection', 'close')
      if (head.method === 'HEAD' || status === 304) {
        if (status !== 304) res.writeHeader('content-length', String(bytes.length))
        exchange.end()
        res.endWithoutBody()
      } else if (bytes.length < TRY_BYTES_MIN || ends) {
        exchange.end()
        res.end(bytes, ends)
      } else this.#sendLarge(res, bytes, exchange)
    })
  }

  /**
   * Sends what the socket takes, keeps the rest in memory of its own until it takes that, too.
   *
   * @param begun what there is already of this exchange; a hit has none, and needs none when all of it is taken at once
   */
  #sendLarge(res: UwsResponse, bytes: Uint8Array, begun: Exchange | undefined): void {
    const [, isDone] = res.tryEnd(bytes, bytes.length)
    if (isDone) {
      begun?.end()
      return
    }
    const exchange = begun ?? this.#newExchange(res)
    const from = res.getWriteOffset()
    const restBytes = bytes.length - from
    if (!this.#waiting.take(restBytes)) {
      exchange.abandon()
      return
    }
    exchange.onEnd(() => this.#waiting.giveBack(restBytes))
    const rest = new Uint8Array(restBytes)
    rest.set(bytes.subarray(from))
    res.onWritable((offset) => {
      const [isOk, isAllSent] = res.tryEnd(rest.subarray(offset - from), bytes.length)
      if (isAllSent) exchange.end()
      return isOk
    })
  }

  #newExchange(res: UwsResponse): Exchange {
    return new Exchange(res, this.#open, () => this.#onIdle())
  }
}

/** One request that waits for its answer, or for its reader: the response may be touched until it is over. */
class Exchange {
  readonly response: UwsResponse
  readonly cancel = new Cancel()
  readonly #open: TransientSet<Exchange>
  readonly #onOver: () => void
  #onEnd: (() => void)[] = []
  #isOver = false

  constructor(response: UwsResponse, open: TransientSet<Exchange>, onOver: () => void) {
    this.response = response
    this.#open = open
    this.#onOver = onOver
    open.add(this)
    response.onAborted(() => {
      if (this.#isOver) return
      this.end()
      this.cancel.abort()
    })
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** @param listener what is to be given back */
  onEnd(listener: () => void): void {
    this.#onEnd.push(listener)
  }

  /** It has been answered, or is gone. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#open.delete(this)
    for (const listener of this.#onEnd) listener()
    this.#onEnd = []
    this.#onOver()
  }

  /** Ends the connection. */
  abandon(): void {
    if (this.#isOver) return
    this.end()
    this.response.close()
  }
}

/** uWebSockets.js tells of a connection by 1, and of its end by −1. */
function countConnections(metrics: FrontMetrics): (res: UwsResponse, change: unknown) => void {
  return (_res, change) => {
    if (Number(change) > 0) metrics.connectionOpened()
    else metrics.connectionClosed()
  }
}

/** Header fields that make more of a GET than a hit; the route looks at them. A sampled trace is one if spans go anywhere. */
function isConditional(req: UwsRequest): boolean {
  if (req.getHeader('if-none-match') !== '' || req.getHeader('range') !== '') return true
  return isTracing() && isSampled(req.getHeader('traceparent'))
}

function headOf(req: UwsRequest): RequestHead {
  const headers = new Map<string, string>()
  req.forEach((name, value) => {
    const known = headers.get(name)
    headers.set(name, known === undefined ? value : `${known}, ${value}`)
  })
  return { method: req.getMethod().toUpperCase(), path: req.getUrl(), query: req.getQuery() ?? '', headers }
}

function stackOf(thrown: unknown): string | undefined {
  return thrown instanceof Error ? thrown.stack : String(thrown)
}
