import type { AcceptedTransport } from '../sockets/accepted-transport.js'
import type { BufferPool } from '../sockets/output-buffer.js'
import type { SocketUser } from '../sockets/transport.js'
import { beginsPreface } from './http2/preface.js'

/** How a client begins that speaks HTTP/1. */
const HTTP1_REQUEST = /^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|CONNECT|TRACE) \S/
const HTTP1_ANSWER = Buffer.from(
  'HTTP/1.1 505 HTTP Version Not Supported\r\nconnection: close\r\ncontent-length: 0\r\n\r\n',
  'latin1',
)

/** What newcomers need of those who have them. */
export interface NewcomerHost {
  readonly prefaceTimeoutMs: number
  readonly pool: BufferPool
  nowMs(): number
  /** It speaks HTTP/2, as far as one can tell from its first bytes, which are in `chunk`: hand its transport over. */
  onWelcome(newcomer: Newcomer, chunk: Buffer): void
  /** It has been told all that there is to tell. */
  onAnswered(newcomer: Newcomer): void
  /** It broke the rules, and is gone soon. */
  onRejected(): void
  onGone(newcomer: Newcomer): void
}

/** Whether a connection that begins so is worth a transport: it may be HTTP/2, or HTTP/1 that can be told so. */
export function isWorthAnswering(chunk: Buffer): boolean {
  return beginsPreface(chunk) || speaksHttp1(chunk)
}

function speaksHttp1(chunk: Buffer): boolean {
  return HTTP1_REQUEST.test(chunk.toString('latin1', 0, 32))
}

/** A connection with a transport that has not begun HTTP/2 yet. It has no engine. */
export class Newcomer implements SocketUser {
  readonly transport: AcceptedTransport
  readonly startedAtMs: number
  readonly #host: NewcomerHost

  /** @param startedAtMs when it was accepted */
  constructor(host: NewcomerHost, transport: AcceptedTransport, startedAtMs: number) {
    this.#host = host
    this.transport = transport
    this.startedAtMs = startedAtMs
  }

  receive(chunk: Buffer): void {
    if (beginsPreface(chunk)) {
      this.#host.onWelcome(this, chunk)
      return
    }
    if (!speaksHttp1(chunk)) {
      this.#reject()
      return
    }
    const { pool } = this.#host
    const bytes = pool.acquire(HTTP1_ANSWER.length)
    HTTP1_ANSWER.copy(bytes)
    this.transport.send(bytes, HTTP1_ANSWER.length)
    this.transport.end()
    this.#host.onAnswered(this)
  }

  onDrained(): void {}

  onTransportClosed(): void {
    this.#host.onGone(this)
  }

  /** To be called about every second. */
  tick(): void {
    if (this.#host.nowMs() - this.startedAtMs < this.#host.prefaceTimeoutMs) return
    this.#reject()
  }

  destroy(): void {
    this.transport.destroy()
    this.#host.onGone(this)
  }

  #reject(): void {
    this.#host.onRejected()
    this.destroy()
  }
}
