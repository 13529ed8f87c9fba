import type { SecureContextOptions, TlsOptions as TlsServerOptions } from 'node:tls'
import type { FrontMetrics } from '../../shared/front-metrics.js'
import type { Log } from '../node-options.js'
import type { TlsOptions } from '../tls-options.js'
import type { Hits } from './hits.js'
import type { PageGuard } from './page-guard.js'
import type { Router } from './router.js'
import type { WebSocketRoute } from './web-socket.js'

/** The certificate of a server of node:tls, which may change while it listens. */
export interface ServerIdentity {
  /** What the server begins with. */
  serverOptions(): TlsServerOptions
  /** Calls back with every usable change, until whoever made this ends it. */
  watch(onChange: (context: SecureContextOptions) => void): void
}

/** What an HTTP server is built of. */
export interface HttpServerOptions {
  readonly router: Router
  readonly webSockets: readonly WebSocketRoute[]
  /** Values in memory, answered without a handler; servers that serve no data have none. */
  readonly hits?: Hits
  /** PEM files, for uWebSockets.js, which reads them by itself; undefined for plain text. */
  readonly tls?: TlsOptions
  /** The same for node:http, and what tells both of a change. */
  readonly identity?: ServerIdentity
  /** Against pages of other sites. */
  readonly guard: PageGuard
  readonly log: Log
  /** Absent where requests are not counted: at the operator's address. */
  readonly metrics?: FrontMetrics
}

/** An HTTP server, of whichever make. */
export interface HttpServer {
  readonly engine: 'uWebSockets.js' | 'node:http'
  /**
   * Listens, and returns the port.
   *
   * @param host IPv4, IPv6 without brackets, or a name
   * @param port 0 for a free one
   * @param isShared other threads of this process listen on the same port
   * @throws CacheError FAILED_PRECONDITION when it is in use, none of this machine or not allowed
   */
  listen(host: string, port: number, isShared: boolean): Promise<number>
  /** Takes no more connections, waits at most `graceMs` for requests under way, ends WebSockets, then closes. Never rejects. */
  shutdown(graceMs: number): Promise<void>
  /** Ends everything at once, before it returns. May be repeated. */
  close(): void
}

/** Limits that both servers hold. */
export const HttpLimits = {
  /** Bodies that a server holds at a time, whole or in part; more are refused with 503. */
  bodiesBytesMax: 64 * 1024 * 1024,
  /** Bytes of answers that wait for slow readers; more are refused with 503. */
  waitingBytesMax: 256 * 1024 * 1024,
  /** A request that has not come whole within so long ends its connection, in ms. uWebSockets.js has this one fixed. */
  requestTimeoutMs: 10_000,
  /** Ping a silent WebSocket, and give it up, within so long; in seconds. */
  webSocketIdleS: 120,
} as const
