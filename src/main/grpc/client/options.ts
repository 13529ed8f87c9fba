import type { Socket } from 'node:net'
import type { Clock } from '../../../shared/clock.js'
import type { BufferPool } from '../../sockets/output-buffer.js'
import type { FloodLimits } from '../http2/flood-guard.js'

/** Everything that a client can be told; what is not given has its default of {@link CLIENT_DEFAULTS}. Times are in ms. */
export interface GrpcClientOptions extends Partial<ClientLimits> {
  /** `:authority` of every call. Default: the address. */
  readonly authority?: string
  /** Opens the socket to the address. Default: TCP. One for TLS offers `h2` and nothing else by ALPN. */
  readonly connect?: (address: string) => Socket
  /** What calls name as `:scheme`. Default http; https goes with a `connect` for TLS. */
  readonly scheme?: 'http' | 'https'
  readonly clock?: Clock
  /** In [0, 1): jitter of pauses. */
  readonly random?: () => number
  /** Shared by all clients of a node. */
  readonly pool?: BufferPool
  /** Faults of the client itself, each of which ended a connection. Default: ignored. */
  readonly onFault?: (error: unknown) => void
}

/** The numbers among the options. */
export interface ClientLimits {
  /** Connections to the server, 1 or 2: for a server that gives a connection to one of several threads. */
  readonly connections: number
  /** Calls at a time, those that wait for a connection or a stream included. */
  readonly callsMax: number
  /** Largest answer, told by its length prefix before any of it is buffered. */
  readonly receiveBytesMax: number
  readonly sendBytesMax: number
  /** Answers being received that did not come in one piece, all calls together. */
  readonly bufferedBytesMax: number
  /** How long an attempt to connect may take, from TCP to the server's SETTINGS; first calls wait for it. */
  readonly connectTimeoutMs: number
  /** Longest pause between attempts to reach a server that is away. */
  readonly reconnectPauseMs: number
  /** A connection that carries calls and has been silent for so long is pinged. */
  readonly keepaliveTimeMs: number
  /** How long the answer to that may take; and how long a server may leave unread what it was sent. */
  readonly keepaliveTimeoutMs: number
  /** SETTINGS_INITIAL_WINDOW_SIZE: bytes of one answer that may be on their way. */
  readonly streamWindowBytes: number
  /** The same for a connection. */
  readonly connectionWindowBytes: number
  /** SETTINGS_MAX_HEADER_LIST_SIZE: of response headers, decoded. */
  readonly headerListBytesMax: number
  /** Unsent output above which calls wait and nothing is read. */
  readonly unsentBytesMax: number
  /** A connection that has used stream ids up to here is replaced. */
  readonly streamIdMax: number
}

export const CLIENT_DEFAULTS: ClientLimits = {
  connections: 1,
  callsMax: 16_384,
  receiveBytesMax: 4 << 20,
  sendBytesMax: 4 << 20,
  bufferedBytesMax: 256 << 20,
  connectTimeoutMs: 1000,
  reconnectPauseMs: 1000,
  keepaliveTimeMs: 10_000,
  keepaliveTimeoutMs: 5000,
  streamWindowBytes: 1 << 20,
  connectionWindowBytes: 1 << 24,
  headerListBytesMax: 8192,
  unsentBytesMax: 1 << 20,
  // Three quarters of the ids, as many as grpc-go uses.
  streamIdMax: 0x6000_0000,
}

/**
 * When to lose patience with a server. Late frames of calls that were given up count as idle ones, so the burst allows for
 * a thousand calls that end at once.
 */
export const CLIENT_FLOOD_LIMITS: FloodLimits = {
  violationsBurst: 100,
  violationsPerSecond: 10,
  idleFramesBurst: 10_000,
  idleFramesPerSecond: 1000,
  resetSampleStreams: Number.POSITIVE_INFINITY,
  pingIntervalMinMs: 0,
  pingIntervalIdleMinMs: 0,
}

/** The limits that the options come to. @throws RangeError of one that makes no sense */
export function resolveLimits(options: GrpcClientOptions): ClientLimits {
  const limits: Record<string, number> = { ...CLIENT_DEFAULTS }
  for (const name of Object.keys(CLIENT_DEFAULTS) as (keyof ClientLimits)[]) {
    const value = options[name] ?? CLIENT_DEFAULTS[name]
    if (!(value >= 0) || (value === 0 && !ZERO_ALLOWED.has(name))) throw new RangeError(`${name} is ${value}`)
    limits[name] = value
  }
  if (options.connections !== undefined && !(options.connections === 1 || options.connections === 2)) {
    throw new RangeError(`connections is ${options.connections}, not 1 or 2`)
  }
  return limits as unknown as ClientLimits
}

const ZERO_ALLOWED: ReadonlySet<string> = new Set(['receiveBytesMax', 'sendBytesMax'])
