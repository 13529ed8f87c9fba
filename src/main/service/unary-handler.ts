import type { handleUnaryCall, Metadata, ServerUnaryCall } from '@grpc/grpc-js'
import { Cancel, type CancelSignal } from '../../shared/cancel.js'
import { CacheError } from '../../shared/errors.js'
import { sampledParent, type TraceParent, traced } from '../../shared/tracing.js'
import type { Answer } from '../call.js'
import type { ServeOptions } from '../served-group.js'
import type { CallRecord } from './call-record.js'
import { MalformedMessage } from './message.js'
import { serverSpan } from './rpc-span.js'
import { rpcStatusOf } from './rpc-status.js'

/** A call that came in over gRPC, as the services see it. */
export interface InboundCall {
  /** When the call must be over, and whether its caller is still there. Both are worked out only if they are read. */
  readonly options: ServeOptions
  readonly metadata: Metadata
}

/** What a method answers. */
export interface Reply<Response> {
  readonly response: Response
  /** Trailing metadata. */
  readonly trailer?: Metadata | undefined
  /** What it brought of each key that was asked for, to be counted. Default: the call asked for no value. */
  readonly answers?: readonly (Answer | CacheError)[]
}

/**
 * Makes a gRPC handler of a function from request to reply. Malformed requests end with INVALID_ARGUMENT; whatever the
 * function throws ends the call with the status of the error, and nothing else.
 *
 * @param record of every call; a call that was malformed or failed in it
 * @param forwarded true for methods that only peers call
 */
export function unaryHandler<Request, Response>(
  work: (request: Request, call: InboundCall) => Promise<Reply<Response>>,
  record?: CallRecord,
  forwarded = false,
): handleUnaryCall<Request | MalformedMessage, Response> {
  return (call, callback) => {
    const startedMs = performance.now()
    const life = new CallLife(call)
    const { metadata } = call
    const trace = sampledParent(...textsOf(metadata, 'traceparent', 'tracestate'))
    const serve = (parent: TraceParent | undefined) =>
      answer(work, call.request, { options: life.options(forwarded, parent), metadata })
    const served = trace ? traced(trace, serverSpan(call.getPath()), serve, statusOk) : serve(undefined)
    served.then(
      (reply) => {
        life.end()
        record?.succeeded(startedMs, reply.answers ?? [])
        callback(null, reply.response, reply.trailer)
      },
      (thrown: unknown) => {
        life.end()
        record?.failed(startedMs, thrown)
        callback(rpcStatusOf(thrown))
      },
    )
  }
}

const statusOk = () => ({ 'rpc.grpc.status_code': 0 })

/** The first value of each of the fields, where there is one. */
function textsOf(metadata: Metadata, ...names: readonly [string, string]): [string?, string?] {
  return names.map((name) => metadata.get(name)[0]?.toString()) as [string?, string?]
}

/** `async`, so that what `work` throws at once is a rejection too. */
async function answer<Request, Response>(
  work: (request: Request, call: InboundCall) => Promise<Reply<Response>>,
  request: Request | MalformedMessage,
  inbound: InboundCall,
): Promise<Reply<Response>> {
  if (request instanceof MalformedMessage) {
    throw new CacheError('INVALID_ARGUMENT', `malformed request: ${request.reason}`)
  }
  return work(request, inbound)
}

/** The deadline and the end of one call. */
class CallLife {
  readonly #call: ServerUnaryCall<unknown, unknown>
  #cancel: Cancel | undefined
  #ended = false

  constructor(call: ServerUnaryCall<unknown, unknown>) {
    this.#call = call
  }

  /**
   * Own, enumerable getters, so that `{ ...options }` keeps them. A call that is answered from memory reads neither
   * and pays for no cancellation.
   */
  options(forwarded: boolean, trace: TraceParent | undefined): ServeOptions {
    const life = this
    return {
      forwarded,
      trace,
      get deadlineMs() {
        return life.#deadlineMs()
      },
      get signal() {
        return life.#signal()
      },
    }
  }

  /** From here on the caller cannot go away any more: servers emit `cancelled` after a regular end, too. */
  end(): void {
    this.#ended = true
  }

  #deadlineMs(): number {
    const deadline = this.#call.getDeadline()
    return Math.max(0, (deadline instanceof Date ? deadline.getTime() : deadline) - Date.now())
  }

  #signal(): CancelSignal {
    if (this.#cancel !== undefined) return this.#cancel
    const cancel = new Cancel()
    this.#cancel = cancel
    if (this.#call.cancelled) cancel.abort()
    else {
      this.#call.once('cancelled', () => {
        if (!this.#ended) cancel.abort()
      })
    }
    return cancel
  }
}
