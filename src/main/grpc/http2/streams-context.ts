import type { ByteBudget } from './byte-budget.js'
import type { ConnectionMetrics } from './connection-metrics.js'
import type { ConnectionOutput } from './connection-output.js'
import type { FloodGuard } from './flood-guard.js'
import type { ConnectionLimits } from './limits.js'
import type { RequestHead } from './request-head.js'
import type { Http2Stream } from './stream.js'

/** What the streams of a connection need of it. */
export interface StreamsContext {
  readonly limits: ConnectionLimits
  readonly output: ConnectionOutput
  readonly guard: FloodGuard
  readonly budget: ByteBudget
  readonly metrics: ConnectionMetrics | undefined
  /** False once the connection drains: new streams are ignored. */
  readonly accepting: boolean
  nowMs(): number
  /** A request began; `truncated` says that its header list exceeded the limit and lacks fields. */
  onRequest(stream: Http2Stream, head: RequestHead, truncated: boolean): void
  onStreamOpened(): void
  onStreamClosed(): void
}
