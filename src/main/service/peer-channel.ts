import { CacheError, Code, codeNameOf } from '../../shared/errors.js'
import { traced } from '../../shared/tracing.js'
import type { CallOptions } from '../call.js'
import type { UnaryCaller, UnaryReply } from '../unary-caller.js'
import { clientSpan } from './rpc-span.js'
import type { UnaryMethod } from './unary-method.js'

/** Calls of messages to one peer, whoever carries their bytes. */
export class PeerChannel {
  readonly #caller: UnaryCaller

  constructor(caller: UnaryCaller) {
    this.#caller = caller
  }

  get address(): string {
    return this.#caller.address
  }

  /** True while a connection stands. */
  get connected(): boolean {
    return this.#caller.connected
  }

  /**
   * Makes one call. Rejects with CacheError: the peer's status, or UNAVAILABLE when there was no answer, or
   * DEADLINE_EXCEEDED and CANCELLED as the options have it.
   */
  call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    if (options.trace === undefined) return this.#call(method, request, options)
    return traced(options.trace, clientSpan(method.path, this.address), (trace) =>
      this.#call(method, request, {
        get deadlineMs() {
          return options.deadlineMs ?? Number.POSITIVE_INFINITY
        },
        ...(options.signal && { signal: options.signal }),
        trace,
      }),
    )
  }

  async #call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const reply = await this.#caller.call(method.path, method.requestSerialize(request), options)
    if (reply.status !== 0) throw this.#failureOf(reply, options)
    try {
      return method.responseDeserialize(reply.body as Buffer)
    } catch (thrown) {
      throw new CacheError('INTERNAL', `${this.address}: the answer is no message of its kind`, {
        cause: thrown,
      })
    }
  }

  /** Ends the connection. Calls in flight, and all later ones, reject with UNAVAILABLE. */
  close(): void {
    this.#caller.close()
  }

  #failureOf({ status, message }: UnaryReply, { signal }: CallOptions): CacheError {
    const name = codeNameOf(status)
    // A cancellation that is not ours was the connection's end; and codes outside our list are no peer's answer.
    const answered = Code[name] === status && (name !== 'CANCELLED' || signal?.aborted === true)
    return new CacheError(answered ? name : 'UNAVAILABLE', `${this.address}: ${message}`)
  }
}
