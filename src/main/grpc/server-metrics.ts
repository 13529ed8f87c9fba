import type { ConnectionMetrics } from './http2/connection-metrics.js'

export type { GoawayReason } from './http2/connection-metrics.js'

/** Told of what a server and its connections do, to be counted. Bytes are told once for each read and write of a socket. */
export interface ServerMetrics extends ConnectionMetrics {
  connectionOpened(): void
  connectionClosed(): void
  /** There are too many connections: one was turned away. */
  connectionRefused(): void
  received(lengthBytes: number): void
  sent(lengthBytes: number): void
}
