import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import { type RawData, type WebSocket, WebSocketServer } from 'ws'
import type { Log } from '../node-options.js'
import type { HttpAnswer } from './exchange.js'
import type { PageGuard } from './page-guard.js'
import { problemAnswer } from './problem.js'
import { HttpLimits } from './server.js'
import type { UpgradeRequest, WebSocketConnection, WebSocketHandler, WebSocketRoute } from './web-socket.js'

const GOING_AWAY = 1001
const INTERNAL_ERROR = 1011

/** The WebSockets of a server on node:http. */
export class NodeWebSockets {
  readonly #guard: PageGuard
  readonly #log: Log
  readonly #servers: ReadonlyMap<string, { readonly route: WebSocketRoute; readonly server: WebSocketServer }>

  constructor(routes: readonly WebSocketRoute[], guard: PageGuard, log: Log) {
    this.#guard = guard
    this.#log = log
    this.#servers = new Map(
      routes.map((route) => [
        route.path,
        {
          route,
          server: new WebSocketServer({
            noServer: true,
            maxPayload: route.messageBytesMax,
            perMessageDeflate: false,
            handleProtocols: (offered) => route.protocols?.find((name) => offered.has(name)) ?? false,
          }),
        },
      ]),
    )
  }

  /** Takes a connection over; false when there are no WebSockets at that path. */
  upgrade(request: UpgradeRequest, message: IncomingMessage, socket: Duplex, head: Buffer): boolean {
    const at = this.#servers.get(request.path)
    if (at === undefined) return false
    const { route, server } = at
    const problem = this.#guard.refuseWebSocket(request.headers)
    if (problem === undefined) {
      server.handleUpgrade(message, socket, head, (ws) => new NodeConnection(ws, route, request, this.#log))
    } else {
      route.onRefused?.()
      refuse(socket, problemAnswer(problem))
    }
    return true
  }

  /** Asks all clients to leave. */
  goAway(): void {
    for (const client of this.#clients()) client.close(GOING_AWAY, 'The node is closing')
  }

  terminate(): void {
    for (const client of this.#clients()) client.terminate()
  }

  *#clients(): Iterable<WebSocket> {
    for (const { server } of this.#servers.values()) yield* server.clients
  }
}

class NodeConnection implements WebSocketConnection {
  readonly #socket: WebSocket
  readonly #route: WebSocketRoute
  readonly #log: Log
  readonly #ping: NodeJS.Timeout
  #handler: WebSocketHandler | undefined
  #isAlive = true

  constructor(socket: WebSocket, route: WebSocketRoute, request: UpgradeRequest, log: Log) {
    this.#socket = socket
    this.#route = route
    this.#log = log
    this.#ping = setInterval(() => this.#check(), (HttpLimits.webSocketIdleS * 1000) / 2).unref()
    socket.on('message', (data: RawData, isBinary) => {
      this.#isAlive = true
      this.#guarded((handler) => handler.message(data as Buffer, isBinary))
    })
    socket.on('pong', () => {
      this.#isAlive = true
    })
    // What is wrong with it is told by its close.
    socket.on('error', () => {})
    socket.on('close', (code) => {
      clearInterval(this.#ping)
      this.#guarded((handler) => handler.close(code))
    })
    try {
      this.#handler = route.open(this, request)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  send(message: string | Uint8Array): void {
    const socket = this.#socket
    if (socket.readyState !== socket.OPEN) return
    // A copy of bytes: ws sends them after this call.
    socket.send(typeof message === 'string' ? message : Buffer.from(message), () => {
      if (socket.bufferedAmount === 0) this.#guarded((handler) => handler.drain())
    })
    if (socket.bufferedAmount > this.#route.bufferedBytesMax) socket.terminate()
  }

  get bufferedAmount(): number {
    return this.#socket.bufferedAmount
  }

  close(code = 1000, reason = ''): void {
    this.#socket.close(code, reason)
  }

  cork(send: () => void): void {
    send()
  }

  #check(): void {
    if (!this.#isAlive) this.#socket.terminate()
    this.#isAlive = false
    this.#socket.ping()
  }

  #guarded(work: (handler: WebSocketHandler) => void): void {
    try {
      if (this.#handler) work(this.#handler)
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #fail(thrown: unknown): void {
    this.#log.error({ err: thrown instanceof Error ? thrown.stack : String(thrown) }, 'Fault in a WebSocket')
    this.#socket.close(INTERNAL_ERROR)
  }
}

function refuse(socket: Duplex, { status, headers, body = '' }: HttpAnswer): void {
  const bytes = Buffer.from(body)
  const lines = Object.entries({
    ...headers,
    'content-length': String(bytes.length),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(
    Buffer.concat([
      Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n${lines.join('')}\r\n`),
      bytes,
    ]),
  )
}
