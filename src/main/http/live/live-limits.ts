import { assert } from '../../../shared/assert.js'
import { KEY_BYTES_MAX } from '../../../shared/limits.js'

/** Longest message of a client, in bytes: many keys at once, and far more than one key. */
export const FRAME_BYTES_MAX = 4 * 1024 * 1024

/** Requests of one connection that are under way or wait for their turn; more fail with RESOURCE_EXHAUSTED. */
export const IN_FLIGHT_MAX = 1024

/** Subscriptions of one connection; more fail with RESOURCE_EXHAUSTED. */
export const SUBSCRIPTIONS_MAX = 64

/** Longest name of a group, in characters, and longest prefix, in bytes, of a subscription: they are kept. */
export const WATCHED_NAME_MAX = 1024
export const PREFIX_BYTES_MAX = 1024

/** Bytes of the requests of one connection that are under way or wait; more fail with RESOURCE_EXHAUSTED. */
export const REQUEST_BYTES_MAX = 8 * 1024 * 1024

/** Connections of one thread; more are turned away. */
export const CONNECTIONS_MAX = 20_000

/** While so many bytes wait to be read by the client, no request of its is begun and no statistics are sent. */
export const PAUSE_BYTES = 256 * 1024

/** While so many bytes wait to be read, answers are replaced by RESOURCE_EXHAUSTED and changed keys by "all". */
export const REFUSE_BYTES = 1024 * 1024

/** A client that lets so many bytes wait beside one value of the largest size is cut off at once. */
export const CUT_OFF_BYTES = 96 * 1024 * 1024

/** Bytes that may wait to be read in one thread; beyond it the clients that let most wait are cut off. */
export const BUFFERED_BYTES_MAX = 256 * 1024 * 1024

/** A client that stays over {@link PAUSE_BYTES} for so long is cut off. */
export const SLOW_MS = 10_000

/** How long a request may take whose client set no limit, in ms. */
export const DEADLINE_MS = 30_000

/** How long a request may take whatever its client says, in ms. */
export const DEADLINE_MS_MAX = 300_000

/** Step of the intervals of live statistics, and longest interval, in ms. */
export const STATS_STEP_MS = 250
export const STATS_EVERY_MS_MAX = 60_000

/** What a node closes connections with; the codes from 4000 on are for each protocol to define (RFC 6455, section 7.4.2). */
export const CloseCode = {
  /** The node shuts down. */
  GOING_AWAY: 1001,
  /** A message that is no LiveRequest. */
  PROTOCOL_ERROR: 4002,
  /** A text message. */
  UNSUPPORTED_DATA: 4003,
  /** The client does not read; or the thread has too many connections. */
  TRY_AGAIN_LATER: 4013,
} as const

assert(
  PAUSE_BYTES < REFUSE_BYTES && REFUSE_BYTES < CUT_OFF_BYTES,
  'A slow reader is paused, refused, cut off',
)
assert(FRAME_BYTES_MAX <= REQUEST_BYTES_MAX, 'The longest message can be answered')
assert(CUT_OFF_BYTES < BUFFERED_BYTES_MAX, 'One client alone is cut off by its own bound')
assert(FRAME_BYTES_MAX > KEY_BYTES_MAX, 'A key that is too long gets an answer')
