import { STATUS_CODES } from 'node:http'
import { CacheError, type CodeName } from '../../shared/errors.js'
import type { HttpAnswer } from './exchange.js'

/** The one table from the ways in which a call can fail to what HTTP says of it (RFC 9110 §15; 499 is nginx's). */
export const STATUS_OF: Readonly<Record<CodeName, number>> = {
  CANCELLED: 499,
  UNKNOWN: 502,
  INVALID_ARGUMENT: 400,
  DEADLINE_EXCEEDED: 504,
  NOT_FOUND: 404,
  ALREADY_EXISTS: 409,
  RESOURCE_EXHAUSTED: 429,
  FAILED_PRECONDITION: 503,
  UNIMPLEMENTED: 501,
  INTERNAL: 500,
  UNAVAILABLE: 503,
}

export const PROBLEM_TYPE = 'application/problem+json'

/** A failure of HTTP itself, which no code of the cache stands for: wrong method, body too large. */
export class HttpProblem extends Error {
  override readonly name = 'HttpProblem'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly closes: boolean

  constructor(
    status: number,
    detail: string,
    { headers = {}, closes = false }: { headers?: Readonly<Record<string, string>>; closes?: boolean } = {},
  ) {
    super(detail)
    this.status = status
    this.headers = headers
    this.closes = closes
  }
}

/**
 * The problem document (RFC 9457) of what was thrown. `type` is about:blank: the status says it all, and `code` is the
 * name that gRPC clients know.
 */
export function problemAnswer(thrown: unknown): HttpAnswer {
  if (thrown instanceof HttpProblem) {
    const { status, message, headers, closes } = thrown
    return document(status, message, undefined, headers, closes)
  }
  const { code, message } = CacheError.from(thrown, 'INTERNAL')
  return document(STATUS_OF[code], code === 'INTERNAL' ? 'A fault of the node' : message, code, {}, false)
}

function document(
  status: number,
  detail: string,
  code: CodeName | undefined,
  headers: Readonly<Record<string, string>>,
  closes: boolean,
): HttpAnswer {
  const title = STATUS_CODES[status] ?? 'Client Closed Request'
  const body = JSON.stringify({ type: 'about:blank', title, status, detail, ...(code && { code }) })
  return {
    status,
    headers: { 'content-type': PROBLEM_TYPE, 'cache-control': 'no-store', ...headers },
    body: `${body}\n`,
    closes,
  }
}
