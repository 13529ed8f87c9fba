import { VALUE_BYTES_MAX } from '../../shared/limits.js'

/** What clients may take of the node, in memory and in time. Times are milliseconds. */
export interface RespLimits {
  /** Connections at a time; one more is told so and closed. */
  readonly connectionsMax: number
  /** Arguments of one request, the name of the command among them. */
  readonly argCountMax: number
  /** One request on the wire. */
  readonly requestBytesMax: number
  /** The same two before a client has authenticated. */
  readonly strangerArgCountMax: number
  readonly strangerBytesMax: number
  /** One inline request, which has no lengths in it. */
  readonly inlineBytesMax: number
  /** One reply: more keys of large values than this is an error. */
  readonly replyBytesMax: number
  /** Unsent replies above which a connection is read no further. */
  readonly unsentBytesMax: number
  /** Requests of one connection that may wait for their values at a time; above it is read no further. */
  readonly waitingMax: number
  /** Requests and replies that one connection may make the node hold; above it is closed. */
  readonly connectionBytesMax: number
  /** The same for all connections together: above, the one that holds the most is closed. */
  readonly totalBytesMax: number
  /** How long the rest of a request may take, and a client to authenticate where it must. */
  readonly requestTimeoutMs: number
  /** A connection without a request for so long is closed, unless it subscribes or tracks. */
  readonly idleTimeoutMs: number
  /** How long unsent replies may be stuck with a client that does not read, and … */
  readonly writeStallTimeoutMs: number
  /** … how fast it must read at least, in bytes per second, when there are many. */
  readonly readBytesPerSecondMin: number
  /** TCP asks a silent client whether it is still there after so long. */
  readonly keepaliveMs: number
  readonly handshakeTimeoutMs: number
  /** Memory of the table of keys that clients keep copies of; above, the oldest are told to be dropped. */
  readonly trackedBytesMax: number
  /** Prefixes of one client in broadcasting mode. */
  readonly prefixesMax: number
  /** Channels that one client may subscribe to. */
  readonly channelsMax: number
  /** How often the times are looked at. */
  readonly tickMs: number
}

export const DEFAULT_LIMITS: RespLimits = {
  connectionsMax: 16_384,
  argCountMax: 65_536,
  requestBytesMax: 4 << 20,
  strangerArgCountMax: 10,
  strangerBytesMax: 16_384,
  inlineBytesMax: 65_536,
  replyBytesMax: VALUE_BYTES_MAX + (1 << 20),
  unsentBytesMax: 1 << 20,
  waitingMax: 1024,
  connectionBytesMax: 2 * VALUE_BYTES_MAX + (8 << 20),
  totalBytesMax: 512 << 20,
  requestTimeoutMs: 30_000,
  idleTimeoutMs: 3_600_000,
  writeStallTimeoutMs: 20_000,
  readBytesPerSecondMin: 65_536,
  keepaliveMs: 60_000,
  handshakeTimeoutMs: 10_000,
  trackedBytesMax: 64 << 20,
  prefixesMax: 64,
  channelsMax: 64,
  tickMs: 1000,
}
