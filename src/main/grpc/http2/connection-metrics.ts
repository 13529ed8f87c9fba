/** Why a connection was ended by GOAWAY: the server shuts down or the connection is old; an error; too much of something. */
export type GoawayReason = 'shutdown' | 'error' | 'flood'

/** Told of what connections do, to be counted. Never called for a single request that goes well. */
export interface ConnectionMetrics {
  /** Streams that the client has opened since the last time. */
  streamsOpened(count: number): void
  /** A stream was cut short. */
  streamReset(by: 'client' | 'server'): void
  goaway(reason: GoawayReason): void
  /** The client broke the rules, of a stream or of the connection. */
  protocolError(): void
}
