import {
  Client,
  type ClientUnaryCall,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js'
import type { CancelSignal } from '../../shared/cancel.js'
import { CacheError, Code, codeNameOf } from '../../shared/errors.js'
import type { CallOptions } from '../call.js'
import type { MessageLimits } from '../grpc-server.js'
import type { UnaryMethod } from './unary-method.js'

/** How a channel to a peer behaves. */
export interface PeerChannelOptions extends MessageLimits {
  /** How long the calls of a channel that is not connected may wait for its first attempt, in ms. Default 1000. */
  readonly connectTimeoutMs?: number
  /** Longest pause between attempts to reach a peer that is gone, in ms. Default 1000. */
  readonly reconnectPauseMs?: number
}

const CONNECT_TIMEOUT_MS = 1000
const RECONNECT_PAUSE_MS = 1000
const FIRST_RECONNECT_PAUSE_MS = 100

/** A connection that carries calls and has been silent this long is asked whether it lives, and then given up. */
const KEEPALIVE_TIME_MS = 10_000
const KEEPALIVE_TIMEOUT_MS = 5000

/** The longest time that fits a timer: a channel between peers never goes idle. */
const NEVER_MS = 2 ** 31 - 1

/**
 * One long-lived connection to one peer, over `@grpc/grpc-js`. Calls fail fast: while the peer is known to be away they
 * reject with UNAVAILABLE at once, and only a channel that has not tried yet lets them wait for its first attempt.
 */
export class PeerChannel {
  readonly address: string
  readonly #client: Client
  readonly #connectTimeoutMs: number
  readonly #calls = new Set<OutboundCall>()
  /** True once an attempt to connect has hung for its whole time, until a connection stands. */
  #unreachable = false
  #closed = false

  /** @param address HOST:PORT */
  constructor(address: string, options: PeerChannelOptions) {
    this.address = address
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    const reconnectPauseMs = options.reconnectPauseMs ?? RECONNECT_PAUSE_MS
    // The scheme keeps an address that came from a registry from being read as unix:… or another kind of target.
    this.#client = new Client(`dns:${address}`, credentials.createInsecure(), {
      'grpc.max_receive_message_length': options.receiveBytesMax,
      'grpc.max_send_message_length': options.sendBytesMax,
      'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.initial_reconnect_backoff_ms': Math.min(FIRST_RECONNECT_PAUSE_MS, reconnectPauseMs),
      'grpc.max_reconnect_backoff_ms': reconnectPauseMs,
      'grpc.client_idle_timeout_ms': NEVER_MS,
      // Retrying is the caller's business: it knows other owners, and the source.
      'grpc.enable_retries': 0,
      'grpc.service_config_disable_resolution': 1,
      'grpc.enable_http_proxy': 0,
      'grpc.enable_channelz': 0,
      // Several nodes of one process do not share connections.
      'grpc.use_local_subchannel_pool': 1,
    })
  }

  /** True while a connection stands. */
  get connected(): boolean {
    return !this.#closed && this.#client.getChannel().getConnectivityState(false) === connectivityState.READY
  }

  /**
   * Makes one call. Rejects with CacheError: the peer's status, or UNAVAILABLE when there was no answer, or
   * DEADLINE_EXCEEDED and CANCELLED as the options have it.
   */
  async call<Request, Response>(
    method: UnaryMethod<Request, Response>,
    request: Request,
    options: CallOptions,
  ): Promise<Response> {
    const { deadlineMs = Number.POSITIVE_INFINITY, signal } = options
    if (this.#closed) throw this.#unavailable('connection is closed')
    if (signal?.aborted) throw new CacheError('CANCELLED', 'caller went away')
    if (deadlineMs <= 0) throw new CacheError('DEADLINE_EXCEEDED', 'no time left to ask a peer')

    // Asking for the state also starts an attempt to connect.
    const connected = this.#client.getChannel().getConnectivityState(true) === connectivityState.READY
    if (connected) this.#unreachable = false
    else if (this.#unreachable) throw this.#unavailable('not reachable')

    return new Promise((resolve, reject) => {
      const outbound = new OutboundCall(signal, () => this.#calls.delete(outbound))
      this.#calls.add(outbound)
      const deadline = Date.now() + deadlineMs
      outbound.start(
        this.#client.makeUnaryRequest(
          method.path,
          method.requestSerialize,
          method.responseDeserialize,
          request,
          new Metadata(),
          { deadline },
          (error, response) => {
            outbound.end()
            if (error !== null) reject(outbound.reason ?? this.#failureOf(error))
            else if (response === undefined) reject(this.#unavailable('no answer'))
            else resolve(response)
          },
        ),
      )
      if (!connected) outbound.giveUpAfter(this.#connectTimeoutMs, () => this.#giveUp())
    })
  }

  /** Ends the connection. Calls in flight, and all later ones, reject with UNAVAILABLE. */
  close(): void {
    this.#closed = true
    for (const call of this.#calls) call.cancel(this.#unavailable('connection is closed'))
    this.#client.close()
  }

  /** Why to end a call that has waited its time for a connection; `undefined` when there is one by now. */
  #giveUp(): CacheError | undefined {
    if (this.connected) return undefined
    this.#unreachable = true
    return this.#unavailable(`no connection within ${this.#connectTimeoutMs} ms`)
  }

  #failureOf(error: ServiceError): CacheError {
    const name = codeNameOf(error.code)
    // We have not cancelled, so it was the connection's end that did; and codes outside our list are no peer's answer.
    const answered = name !== 'CANCELLED' && Code[name] === error.code
    return new CacheError(answered ? name : 'UNAVAILABLE', `${this.address}: ${error.details}`, {
      cause: error,
    })
  }

  #unavailable(what: string): CacheError {
    return new CacheError('UNAVAILABLE', `${this.address}: ${what}`)
  }
}

/** A call on its way, and all that may cut it short. */
class OutboundCall {
  /** Why we cut it short, once we did. */
  reason: CacheError | undefined
  readonly #signal: CancelSignal | undefined
  readonly #ended: () => void
  #call: ClientUnaryCall | undefined
  #connectTimer: NodeJS.Timeout | undefined

  constructor(signal: CancelSignal | undefined, ended: () => void) {
    this.#signal = signal
    this.#ended = ended
  }

  start(call: ClientUnaryCall): void {
    this.#call = call
    this.#signal?.addEventListener('abort', this.#onAbort)
  }

  giveUpAfter(timeoutMs: number, reasonOf: () => CacheError | undefined): void {
    this.#connectTimer = setTimeout(() => {
      const reason = reasonOf()
      if (reason !== undefined) this.cancel(reason)
    }, timeoutMs)
  }

  cancel(reason: CacheError): void {
    this.reason = reason
    this.#call?.cancel()
  }

  end(): void {
    clearTimeout(this.#connectTimer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#ended()
  }

  readonly #onAbort = (): void => this.cancel(new CacheError('CANCELLED', 'caller went away'))
}
