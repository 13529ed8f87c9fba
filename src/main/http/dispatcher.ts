import type { CancelSignal } from '../../shared/cancel.js'
import { CacheError } from '../../shared/errors.js'
import type { FrontMetrics } from '../../shared/front-metrics.js'
import { RequestOutcome } from '../../shared/node-metrics.js'
import { type SpanSpec, sampledParent, traced } from '../../shared/tracing.js'
import type { Log } from '../node-options.js'
import type { HttpAnswer, Method } from './exchange.js'
import type { PageGuard } from './page-guard.js'
import { HttpProblem, problemAnswer } from './problem.js'
import type { Match, Router } from './router.js'

/** The head of a request, as servers read it. */
export interface RequestHead {
  /** In upper case, whatever it is. */
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: ReadonlyMap<string, string>
}

export interface DispatcherParts {
  readonly router: Router
  readonly guard: PageGuard
  readonly log: Log
  readonly metrics?: FrontMetrics
}

/** From the head of a request to an answer: what both servers have in common. */
export class Dispatcher {
  readonly #router: Router
  readonly #guard: PageGuard
  readonly #log: Log
  readonly #metrics: FrontMetrics | undefined

  constructor({ router, guard, log, metrics }: DispatcherParts) {
    this.#metrics = metrics
    this.#router = router
    this.#guard = guard
    this.#log = log
  }

  /**
   * The route of a request, before its body is read.
   *
   * @throws HttpProblem 403 for a page of another site; 404, 405; 413 for a body that says that it is too large; 415 for one in a coding; 417
   */
  match({ method, path, headers }: RequestHead): Match {
    const refusal = this.#guard.refuse(method, headers)
    if (refusal) throw refusal
    const match = this.#router.match(method, path)
    const expect = headers.get('expect')
    if (expect !== undefined && expect.toLowerCase() !== '100-continue') {
      throw new HttpProblem(417, 'Only 100-continue can be expected', { closes: true })
    }
    const { bodyBytesMax = 0 } = match.route
    if (Number(headers.get('content-length') ?? 0) > bodyBytesMax) throw bodyTooLarge(bodyBytesMax)
    if (bodyBytesMax === 0 && headers.has('transfer-encoding')) throw bodyTooLarge(0)
    const coding = headers.get('content-encoding') ?? 'identity'
    if (bodyBytesMax > 0 && coding !== 'identity') {
      throw new HttpProblem(415, 'Bodies are taken as they are, without a content-encoding', { closes: true })
    }
    return match
  }

  /** Carries out a request. Never rejects. */
  async answer(
    head: RequestHead,
    { route, parameters }: Match,
    body: Uint8Array,
    signal: CancelSignal,
  ): Promise<HttpAnswer> {
    const startedMs = performance.now()
    try {
      const answer = await this.#handle(head, { route, parameters }, body, signal)
      const cache = answer.headers['x-cache'] ?? ''
      this.#metrics?.record(OUTCOMES_OF_CACHE.get(cache) ?? RequestOutcome.done, usSince(startedMs))
      return answer
    } catch (thrown) {
      this.#recordProblem(thrown, startedMs)
      return this.problem(thrown, head.path)
    }
  }

  async #handle(
    head: RequestHead,
    { route, parameters }: Match,
    body: Uint8Array,
    signal: CancelSignal,
  ): Promise<HttpAnswer> {
    const request = { ...head, method: head.method as Method, parameters, body, signal }
    const { headers } = head
    const trace = sampledParent(headers.get('traceparent'), headers.get('tracestate'))
    if (trace === undefined) return await route.handle(request)
    return await traced(
      trace,
      httpSpan(head.method, route.path),
      async (below) => route.handle({ ...request, trace: below }),
      ({ status }) => ({ 'http.response.status_code': status }),
    )
  }

  #recordProblem(thrown: unknown, startedMs: number): void {
    // What is no fault of the cache is one of the request.
    if (thrown instanceof HttpProblem) this.#metrics?.record(RequestOutcome.invalid, usSince(startedMs))
    else this.#metrics?.recordError(thrown, usSince(startedMs))
  }

  /** What was thrown, as an answer; faults of our own go to the log. */
  problem(thrown: unknown, path: string): HttpAnswer {
    if (!(thrown instanceof HttpProblem) && CacheError.from(thrown, 'INTERNAL').code === 'INTERNAL') {
      const stack = thrown instanceof Error ? thrown.stack : String(thrown)
      this.#log.error({ err: stack, path: path.slice(0, 200) }, 'Fault while an HTTP request was served')
    }
    return problemAnswer(thrown)
  }
}

/** By the value of `x-cache`. */
const OUTCOMES_OF_CACHE: ReadonlyMap<string, number> = new Map([
  ['hit', RequestOutcome.hit],
  ['hot', RequestOutcome.hit],
  ['miss', RequestOutcome.load],
  ['peer', RequestOutcome.peer],
  ['stale', RequestOutcome.stale],
])

function usSince(startedMs: number): number {
  return (performance.now() - startedMs) * 1000
}

/** As OpenTelemetry's semantic conventions for HTTP have it. The path itself, which has the key in it, is left out. */
function httpSpan(method: string, route: string): SpanSpec {
  return {
    kind: 'server',
    name: `${method} ${route}`,
    attributes: { 'http.request.method': method, 'http.route': route },
  }
}

export function bodyTooLarge(bytesMax: number): HttpProblem {
  const detail = bytesMax === 0 ? 'This path takes no body' : `The body may have at most ${bytesMax} bytes`
  return new HttpProblem(413, detail, { closes: true })
}
