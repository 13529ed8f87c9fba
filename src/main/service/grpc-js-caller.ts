import { ChannelCredentials, Client, connectivityState, Metadata } from '@grpc/grpc-js'
import { type Clock, systemClock } from '../../shared/clock.js'
import { Code } from '../../shared/errors.js'
import type { CallOptions } from '../call.js'
import type { MessageLimits } from '../grpc-server.js'
import type { UnaryCaller, UnaryReply } from '../unary-caller.js'
import { probeHttp2 } from './http2-probe.js'
import { type Ending, OutboundCall } from './outbound-call.js'

/** How a connection of grpc-js behaves. */
export interface GrpcJsCallerOptions extends MessageLimits {
  /** Default: plain text. */
  readonly credentials?: ChannelCredentials
  /** How long the calls of a client that is not connected may wait for its first attempt, in ms. Default 1000. */
  readonly connectTimeoutMs?: number
  /** Longest pause between attempts to reach a peer that is gone, in ms. Default 1000. */
  readonly reconnectPauseMs?: number
  readonly clock?: Clock
}

const CONNECT_TIMEOUT_MS = 1000
const RECONNECT_PAUSE_MS = 1000
const FIRST_RECONNECT_PAUSE_MS = 100

/** A connection that carries calls and has been silent this long is asked whether it lives, and then given up. */
const KEEPALIVE_TIME_MS = 10_000
const KEEPALIVE_TIMEOUT_MS = 5000

/** The longest time that fits a timer: a channel between peers never goes idle. */
const NEVER_MS = 2 ** 31 - 1

const NOTHING = Buffer.alloc(0)
const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
const same = (bytes: Buffer): Buffer => bytes

/**
 * One long-lived connection to one server, over `@grpc/grpc-js`. While the server is known to be away calls end with
 * UNAVAILABLE at once, and only a client that has not tried yet lets them wait for its first attempt.
 */
export class GrpcJsCaller implements UnaryCaller {
  readonly address: string
  readonly #limits: MessageLimits
  readonly #credentials: ChannelCredentials
  readonly #connectTimeoutMs: number
  readonly #reconnectPauseMs: number
  readonly #clock: Clock
  readonly #calls = new Set<OutboundCall>()
  #client: Client
  /** When to look next for a peer whose connection hung before it stood; `undefined` unless that is so. */
  #probeAtMs: number | undefined
  #closed = false

  /** @param address HOST:PORT */
  constructor(address: string, options: GrpcJsCallerOptions) {
    this.address = address
    this.#limits = options
    this.#credentials = options.credentials ?? ChannelCredentials.createInsecure()
    this.#connectTimeoutMs = options.connectTimeoutMs ?? CONNECT_TIMEOUT_MS
    this.#reconnectPauseMs = options.reconnectPauseMs ?? RECONNECT_PAUSE_MS
    this.#clock = options.clock ?? systemClock
    this.#client = this.#createClient()
  }

  /** True while a connection stands. */
  get connected(): boolean {
    return !this.#closed && this.#client.getChannel().getConnectivityState(false) === connectivityState.READY
  }

  call(path: string, request: Uint8Array, options: CallOptions): Promise<UnaryReply> {
    const { deadlineMs = Number.POSITIVE_INFINITY, signal } = options
    if (this.#closed) return Promise.resolve(replyOf(unavailable('connection is closed')))
    if (signal?.aborted)
      return Promise.resolve(replyOf({ status: Code.CANCELLED, message: 'caller went away' }))
    if (!(deadlineMs > 0))
      return Promise.resolve(replyOf({ status: Code.DEADLINE_EXCEEDED, message: 'no time left to ask' }))
    const connected = this.#connect()
    if (!connected && this.#probeAtMs !== undefined)
      return Promise.resolve(replyOf(unavailable('not reachable')))

    return new Promise((resolve) => {
      const outbound = new OutboundCall(signal, () => this.#calls.delete(outbound))
      this.#calls.add(outbound)
      const deadline = Date.now() + deadlineMs
      let body: Buffer | undefined
      const call = this.#client.makeUnaryRequest(
        path,
        asBuffer,
        same,
        request,
        metadataOf(options),
        { deadline },
        (_error, response) => {
          body = response
        },
      )
      // It comes after the callback, which knows nothing of trailers.
      call.on('status', ({ code, details, metadata }) => {
        outbound.end()
        if (outbound.reason !== undefined) resolve(replyOf(outbound.reason))
        else if (code !== 0) resolve(replyOf({ status: code, message: details }, fieldsOf(metadata)))
        else if (body === undefined) resolve(replyOf({ status: Code.INTERNAL, message: 'no message' }))
        else resolve({ status: 0, message: '', body, trailers: fieldsOf(metadata) })
      })
      outbound.start(call)
      if (!connected) outbound.giveUpAfter(this.#connectTimeoutMs, () => this.#giveUp())
    })
  }

  close(): void {
    this.#closed = true
    for (const call of this.#calls) call.cancel(unavailable('connection is closed'))
    this.#client.close()
  }

  /** Starts an attempt to connect where none is under way. True when a connection stands already. */
  #connect(): boolean {
    const connected = this.#client.getChannel().getConnectivityState(true) === connectivityState.READY
    if (connected) this.#probeAtMs = undefined
    else if (this.#probeAtMs !== undefined && this.#clock.nowMs() >= this.#probeAtMs) void this.#probe()
    return connected
  }

  /**
   * Looks for a peer whose connection hung. The system would go on with that attempt for minutes, and grpc-js never
   * closes it, so there is to be a new one: but only once somebody is there, lest every attempt leave a socket behind.
   */
  async #probe(): Promise<void> {
    this.#probeAtMs = Number.POSITIVE_INFINITY
    const alive = await probeHttp2(this.address, this.#connectTimeoutMs)
    if (this.#closed || this.connected) return
    if (!alive) {
      this.#probeAtMs = this.#clock.nowMs() + this.#reconnectPauseMs
      return
    }
    for (const call of this.#calls) call.cancel(unavailable('not reachable'))
    this.#client.close()
    this.#client = this.#createClient()
    this.#probeAtMs = undefined
  }

  #createClient(): Client {
    // The scheme keeps an address that came from a registry from being read as unix:… or another kind of target.
    return new Client(`dns:${this.address}`, this.#credentials, {
      'grpc.max_receive_message_length': this.#limits.receiveBytesMax,
      'grpc.max_send_message_length': this.#limits.sendBytesMax,
      'grpc.keepalive_time_ms': KEEPALIVE_TIME_MS,
      'grpc.keepalive_timeout_ms': KEEPALIVE_TIMEOUT_MS,
      'grpc.initial_reconnect_backoff_ms': Math.min(FIRST_RECONNECT_PAUSE_MS, this.#reconnectPauseMs),
      'grpc.max_reconnect_backoff_ms': this.#reconnectPauseMs,
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

  /** Why to end a call that has waited its time for a connection; `undefined` when there is one by now. */
  #giveUp(): Ending | undefined {
    if (this.connected) return undefined
    this.#probeAtMs ??= this.#clock.nowMs() + this.#reconnectPauseMs
    return unavailable(`no connection within ${this.#connectTimeoutMs} ms`)
  }
}

function metadataOf({ trace }: CallOptions): Metadata {
  const metadata = new Metadata()
  for (const [name, value] of Object.entries(trace ?? {})) metadata.set(name, value)
  return metadata
}

function unavailable(message: string): Ending {
  return { status: Code.UNAVAILABLE, message }
}

function replyOf({ status, message }: Ending, trailers: readonly string[] = []): UnaryReply {
  return { status, message, body: NOTHING, trailers }
}

function fieldsOf(metadata: Metadata): string[] {
  return Object.entries(metadata.toHttp2Headers()).flatMap(([name, values]) =>
    [values ?? []].flat().flatMap((value) => [name, String(value)]),
  )
}
