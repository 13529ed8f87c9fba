import type {
  TemplatedApp,
  HttpRequest as UwsRequest,
  HttpResponse as UwsResponse,
  WebSocket as UwsSocket,
} from 'uWebSockets.js'
import { STATUS_CODES } from 'node:http'
import type { Log } from '../node-options.js'
import type { HttpAnswer } from './exchange.js'
import type { PageGuard } from './page-guard.js'
import { problemAnswer } from './problem.js'
import { HttpLimits } from './server.js'
import type { UpgradeRequest, WebSocketConnection, WebSocketHandler, WebSocketRoute } from './web-socket.js'

const GOING_AWAY = 1001
const INTERNAL_ERROR = 1011

interface SocketState {
  readonly route: WebSocketRoute
  readonly request: UpgradeRequest
  connection?: UwsConnection
  handler?: WebSocketHandler
}

/** The WebSockets of a server on uWebSockets.js. */
export class UwsWebSockets {
  readonly #routes: readonly WebSocketRoute[]
  readonly #guard: PageGuard
  readonly #log: Log
  readonly #connections = new Set<UwsConnection>()
  /** Called with every one that has closed. */
  onClosed: () => void = () => {}

  constructor(routes: readonly WebSocketRoute[], guard: PageGuard, log: Log) {
    this.#guard = guard
    this.#routes = routes
    this.#log = log
  }

  get size(): number {
    return this.#connections.size
  }

  /** Asks all clients to leave. */
  goAway(): void {
    for (const connection of this.#connections) connection.close(GOING_AWAY, 'The node is closing')
  }

  addTo(app: TemplatedApp): void {
    for (const route of this.#routes) {
      app.ws<SocketState>(route.path, {
        maxPayloadLength: route.messageBytesMax,
        // Beyond it messages are dropped in silence: UwsConnection ends the connection before.
        maxBackpressure: 0,
        idleTimeout: HttpLimits.webSocketIdleS,
        sendPingsAutomatically: true,
        upgrade: (res, req, context) => this.#upgrade(route, res, req, context),
        open: (socket) => this.#open(socket),
        message: (socket, message, isBinary) =>
          this.#guarded(socket, ({ handler }) => handler?.message(new Uint8Array(message), isBinary)),
        drain: (socket) => this.#guarded(socket, ({ handler }) => handler?.drain()),
        close: (socket, code) => this.#close(socket, code),
      })
    }
  }

  #upgrade(
    route: WebSocketRoute,
    res: UwsResponse,
    req: UwsRequest,
    context: Parameters<UwsResponse['upgrade']>[4],
  ): void {
    try {
      const headers = new Map<string, string>()
      req.forEach((name, value) => {
        headers.set(name, value)
      })
      const request = { path: req.getUrl(), query: req.getQuery() ?? '', headers }
      const problem = this.#guard.refuseWebSocket(request.headers)
      if (problem !== undefined) {
        route.onRefused?.()
        refuse(res, problemAnswer(problem))
        return
      }
      const offered = (headers.get('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim())
      res.upgrade<SocketState>(
        { route, request },
        headers.get('sec-websocket-key') ?? '',
        route.protocols?.find((name) => offered.includes(name)) ?? '',
        '',
        context,
      )
    } catch (thrown) {
      this.#log.error({ err: thrown instanceof Error ? thrown.stack : String(thrown) }, 'Fault in an upgrade')
      res.close()
    }
  }

  #open(socket: UwsSocket<SocketState>): void {
    const state = socket.getUserData()
    const connection = new UwsConnection(socket, state.route.bufferedBytesMax)
    state.connection = connection
    this.#connections.add(connection)
    this.#guarded(socket, () => {
      state.handler = state.route.open(connection, state.request)
    })
  }

  #close(socket: UwsSocket<SocketState>, code: number): void {
    const { connection } = socket.getUserData()
    if (connection === undefined) return
    connection.setClosed()
    this.#connections.delete(connection)
    this.#guarded(socket, ({ handler }) => handler?.close(code))
    this.onClosed()
  }

  /** What a handler throws must not reach uWebSockets.js: it would end the process. */
  #guarded(socket: UwsSocket<SocketState>, work: (state: SocketState) => void): void {
    const state = socket.getUserData()
    try {
      work(state)
    } catch (thrown) {
      this.#log.error(
        { err: thrown instanceof Error ? thrown.stack : String(thrown) },
        'Fault in a WebSocket',
      )
      state.connection?.close(INTERNAL_ERROR)
    }
  }
}

/** A socket that has closed throws when it is touched: then nothing is done. */
class UwsConnection implements WebSocketConnection {
  readonly #bufferedBytesMax: number
  #socket: UwsSocket<SocketState> | undefined

  constructor(socket: UwsSocket<SocketState>, bufferedBytesMax: number) {
    this.#socket = socket
    this.#bufferedBytesMax = bufferedBytesMax
  }

  send(message: string | Uint8Array): void {
    const socket = this.#socket
    if (socket === undefined) return
    socket.send(message, typeof message !== 'string')
    if (socket.getBufferedAmount() > this.#bufferedBytesMax) socket.close()
  }

  get bufferedAmount(): number {
    return this.#socket?.getBufferedAmount() ?? 0
  }

  close(code = 1000, reason = ''): void {
    this.#socket?.end(code, reason)
  }

  cork(send: () => void): void {
    if (this.#socket === undefined) return
    this.#socket.cork(send)
  }

  setClosed(): void {
    this.#socket = undefined
  }
}

function refuse(res: UwsResponse, { status, headers, body = '' }: HttpAnswer): void {
  res.cork(() => {
    res.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`)
    for (const [name, value] of Object.entries(headers)) res.writeHeader(name, value)
    res.end(body, true)
  })
}
