import type { FrontMetrics } from '../../shared/front-metrics.js'
import type { NodeCounterRow } from '../../shared/node-counters.js'
import { RequestOutcome } from '../../shared/node-metrics.js'
import type { GoawayReason, ServerMetrics } from '../grpc/server-metrics.js'

/** What one thread counts of its gRPC server. */
export class GrpcMetrics implements ServerMetrics {
  /** Of the calls. */
  readonly calls: FrontMetrics
  readonly #row: NodeCounterRow
  #readStartedMs = 0

  constructor(row: NodeCounterRow) {
    this.#row = row
    this.calls = row.front('grpc')
  }

  /** The requests of one socket read begin. */
  readStarted(): void {
    this.#readStartedMs = performance.now()
  }

  /** They have been looked at, and so many of them were hits that were answered in place. */
  readEnded(hits: number): void {
    if (hits === 0) return
    this.calls.record(RequestOutcome.hit, (performance.now() - this.#readStartedMs) * 1000, hits)
  }

  connectionOpened(): void {
    this.calls.connectionOpened()
  }

  connectionClosed(): void {
    this.calls.connectionClosed()
  }

  connectionRefused(): void {
    this.calls.connectionRefused()
  }

  received(lengthBytes: number): void {
    this.calls.received(lengthBytes)
  }

  sent(lengthBytes: number): void {
    this.calls.sent(lengthBytes)
  }

  protocolError(): void {
    this.calls.protocolError()
  }

  streamsOpened(count: number): void {
    this.#row.add('grpc_streams', [], count)
  }

  streamReset(by: 'client' | 'server'): void {
    this.#row.add('grpc_resets', [by])
  }

  goaway(reason: GoawayReason): void {
    this.#row.add('grpc_goaways', [reason])
  }
}
