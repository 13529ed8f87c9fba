import type { Encoding } from './compression.js'
import type { ConnectionLimits } from './http2/limits.js'
import type { ServerMetrics } from './server-metrics.js'

/** One option of the server. */
interface OptionRow {
  readonly default: number
  readonly min: number
  /** Of finite values; Infinity is allowed where the default is Infinity or `endless` says so. */
  readonly max: number
  readonly endless?: true
  readonly help: string
}

const INT31_MAX = 0x7fff_ffff

/** Every number that a server can be given: name, default, bounds, meaning. Units are in the names. */
export const GRPC_OPTIONS = {
  concurrentStreamsMax: { default: 1000, min: 1, max: INT31_MAX, help: 'Calls at a time on one connection.' },
  streamWindowBytes: {
    default: 1 << 20,
    min: 65_535,
    max: INT31_MAX,
    help: 'Request bytes of one call under way.',
  },
  connectionWindowBytes: {
    default: 1 << 24,
    min: 65_535,
    max: INT31_MAX,
    help: 'The same for a connection.',
  },
  headerListBytesMax: { default: 16_384, min: 4096, max: 1 << 20, help: 'Request headers, decoded.' },
  unsentBytesMax: {
    default: 1 << 20,
    min: 65_536,
    max: 1 << 30,
    help: 'Unsent output above which nothing is read.',
  },
  queuedBytesMax: {
    default: 64 << 20,
    min: 65_536,
    max: 2 ** 40,
    help: 'Replies that wait for their client, per connection.',
  },
  receiveBytesMax: { default: 4 << 20, min: 0, max: 0xffff_ffff, help: 'Largest request message.' },
  sendBytesMax: { default: 0xffff_ffff, min: 0, max: 0xffff_ffff, help: 'Largest reply message.' },
  bufferedBytesMax: {
    default: 256 << 20,
    min: 1 << 20,
    max: 2 ** 40,
    help: 'Requests being received and replies that wait, all connections.',
  },
  connectionsMax: { default: 10_000, min: 1, max: 1_000_000, help: 'Connections at a time.' },
  handshakeTimeoutMs: { default: 10_000, min: 10, max: INT31_MAX, help: 'For the TLS handshake.' },
  prefaceTimeoutMs: {
    default: 10_000,
    min: 10,
    max: INT31_MAX,
    help: 'To the first SETTINGS of the client.',
  },
  headerTimeoutMs: {
    default: 10_000,
    min: 10,
    max: INT31_MAX,
    help: 'For the rest of a header block or frame.',
  },
  requestStallTimeoutMs: {
    default: 60_000,
    min: 10,
    max: INT31_MAX,
    endless: true,
    help: 'For the next piece of a unary request.',
  },
  writeStallTimeoutMs: {
    default: 30_000,
    min: 10,
    max: INT31_MAX,
    help: 'For a client to read what it was sent.',
  },
  idleTimeoutMs: {
    default: Number.POSITIVE_INFINITY,
    min: 10,
    max: INT31_MAX,
    help: 'A connection without calls for so long is closed.',
  },
  ageMaxMs: {
    default: Number.POSITIVE_INFINITY,
    min: 10,
    max: INT31_MAX,
    help: 'A connection of this age is drained.',
  },
  ageGraceMs: {
    default: Number.POSITIVE_INFINITY,
    min: 0,
    max: INT31_MAX,
    help: 'How long calls may run on once it drains.',
  },
  keepaliveTimeMs: {
    default: 7_200_000,
    min: 10,
    max: INT31_MAX,
    endless: true,
    help: 'Silence after which a client is pinged.',
  },
  keepaliveTimeoutMs: { default: 20_000, min: 10, max: INT31_MAX, help: 'For the answer to that.' },
  // Half of the 10 s that clients may choose for their keepalive (gRPC proposal A8), and that our own choose.
  pingIntervalMinMs: {
    default: 5000,
    min: 0,
    max: INT31_MAX,
    help: 'Between PINGs of a client that is sent nothing.',
  },
  pingIntervalIdleMinMs: {
    default: 7_200_000,
    min: 0,
    max: INT31_MAX,
    help: 'The same of a client without calls.',
  },
  violationsBurst: {
    default: 200,
    min: 1,
    max: INT31_MAX,
    help: 'Protocol violations answered by RST_STREAM, at once.',
  },
  violationsPerSecond: { default: 20, min: 0, max: INT31_MAX, help: 'And in the long run.' },
  idleFramesBurst: {
    default: 2000,
    min: 100,
    max: INT31_MAX,
    help: 'Frames that move nothing forward, at once.',
  },
  idleFramesPerSecond: { default: 500, min: 0, max: INT31_MAX, help: 'And in the long run.' },
  resetSampleStreams: {
    default: 1000,
    min: 10,
    max: INT31_MAX,
    help: 'Calls of which half may be reset when young.',
  },
} as const satisfies Record<string, OptionRow>

export type GrpcOptionName = keyof typeof GRPC_OPTIONS
type Numbers = { readonly [Name in GrpcOptionName]: number }

/** How a server is made; what is not given has its default of {@link GRPC_OPTIONS}. */
export interface GrpcServerOptions extends Partial<Numbers> {
  /** Compress replies to clients that accept it. Default: identity. */
  readonly replyEncoding?: Encoding
  /** Around everything that is done for one read of a socket, so that hot methods can share what they prepare. */
  readonly onReadStart?: () => void
  readonly onReadEnd?: () => void
  /** Told of what is to be counted. Default: nobody. */
  readonly metrics?: ServerMetrics
  /** Faults of the engine itself, each of which ended a connection. Default: ignored. */
  readonly onFault?: (error: unknown) => void
}

export interface ResolvedOptions extends ConnectionLimits, Numbers {
  readonly replyEncoding: Encoding
}

/** @throws RangeError of a number outside its bounds; TypeError of an unknown option */
export function resolveOptions(options: GrpcServerOptions): ResolvedOptions {
  const numbers = {} as Record<GrpcOptionName, number>
  for (const name of Object.keys(GRPC_OPTIONS) as GrpcOptionName[]) {
    const row: OptionRow = GRPC_OPTIONS[name]
    const value = options[name] ?? row.default
    const endless =
      value === Number.POSITIVE_INFINITY && (row.endless ?? row.default === Number.POSITIVE_INFINITY)
    if (!endless && !(value >= row.min && value <= row.max)) {
      throw new RangeError(`${name} must be between ${row.min} and ${row.max}, not ${value}`)
    }
    numbers[name] = value
  }
  return { ...numbers, flood: numbers, replyEncoding: options.replyEncoding ?? 'identity' }
}
