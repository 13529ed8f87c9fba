import type { CancelSignal } from '../../shared/cancel.js'
import type { TraceParent } from '../../shared/tracing.js'

/** HEAD is answered as GET, and its body left away by the server. */
export type Method = 'GET' | 'HEAD' | 'POST' | 'DELETE'

/** One request, whichever server read it. It is the handler's own: nothing in it changes or goes away. */
export interface HttpRequest {
  readonly method: Method
  /** As it was sent: percent-encoded, without the query. */
  readonly path: string
  /** As it was sent, without its question mark; empty when there is none. */
  readonly query: string
  /** By name in lower case. */
  readonly headers: ReadonlyMap<string, string>
  /** What stands at each `{name}` of the route's path, as it was sent. */
  readonly parameters: Readonly<Record<string, string>>
  /** Empty unless the route takes a body. */
  readonly body: Uint8Array
  /** Aborted when the client has gone. */
  readonly signal: CancelSignal
  /** The sampled trace that the request is part of. */
  readonly trace?: TraceParent | undefined
}

/** What a handler answers. Servers add `content-length` and `date`. */
export interface HttpAnswer {
  readonly status: number
  /** By name in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Bytes must not change after the answer was given. */
  readonly body?: Uint8Array | string
  /** The connection is of no more use: what is left of the request was not read. */
  readonly closes?: boolean
}

/** What JSON routes answer. */
export function jsonAnswer(value: unknown, status = 200): HttpAnswer {
  const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
  return { status, headers, body: `${JSON.stringify(value)}\n` }
}

/** A header value that cannot become two headers. */
export function oneLine(value: string): string {
  return value.replace(/[\r\n]/g, ' ')
}
