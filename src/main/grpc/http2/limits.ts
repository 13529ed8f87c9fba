import type { FloodLimits } from './flood-guard.js'

/** What a connection grants its peer, in memory and in time. Times are milliseconds; Infinity is never. */
export interface ConnectionLimits {
  /** Streams at a time: SETTINGS_MAX_CONCURRENT_STREAMS. A stream counts until its handler is done. */
  readonly concurrentStreamsMax: number
  /** SETTINGS_INITIAL_WINDOW_SIZE: request bytes of one stream that may be on their way. */
  readonly streamWindowBytes: number
  /** The same for the connection. */
  readonly connectionWindowBytes: number
  /** SETTINGS_MAX_HEADER_LIST_SIZE. */
  readonly headerListBytesMax: number
  /** Unsent output above which the connection reads no more and writes no more DATA. */
  readonly unsentBytesMax: number
  /**
   * Reply bytes that may wait for the peer's windows. Up to unsentBytesMax every connection has them for its own, above it
   * they count in the budget that all share.
   */
  readonly queuedBytesMax: number
  /** From the TCP connection to the client's preface and SETTINGS. */
  readonly prefaceTimeoutMs: number
  /** From the first to the last fragment of a header block; and for the rest of a frame of which a part came. */
  readonly headerTimeoutMs: number
  /** How long a request may send nothing although its method waits for it: see RequestHandler.onRequestStalled(). */
  readonly requestStallTimeoutMs: number
  /** How long output may be stuck with a peer that does not read. */
  readonly writeStallTimeoutMs: number
  /** A connection without streams for so long is closed. */
  readonly idleTimeoutMs: number
  /** A connection of this age is drained. */
  readonly ageMaxMs: number
  /** How long streams may still run once a connection drains for its age. */
  readonly ageGraceMs: number
  /** A connection from which nothing came for so long is pinged. */
  readonly keepaliveTimeMs: number
  /** How long the answer to that may take. */
  readonly keepaliveTimeoutMs: number
  readonly flood: FloodLimits
}
