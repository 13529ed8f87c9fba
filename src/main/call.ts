import type { CancelSignal } from '../shared/cancel.js'
import type { TraceParent } from '../shared/tracing.js'

/** When a call must be over, and how it hears that its caller went away. */
export interface CallOptions {
  /** Milliseconds that the caller still waits; Infinity, the default, for a caller that set no limit. */
  readonly deadlineMs?: number
  /** Aborted when the caller went away: the call rejects with CANCELLED, others that wait for the key go on. */
  readonly signal?: CancelSignal
  /** The sampled trace that the call is part of. Default: for calls of the embedding process the active span, for others none. */
  readonly trace?: TraceParent | undefined
}

/**
 * How a node came by a value: it lay in memory, the source was asked, another call was asking already, it lay in memory
 * past its time to live and the options of the group allow that, or a copy of it lay there whose key another node owns.
 */
export type Outcome = 'hit' | 'load' | 'coalesced' | 'stale' | 'hot'

/** A value and where it came from. */
export interface Answer {
  readonly value: Uint8Array
  readonly outcome: Outcome
  /** Address of the node that had or loaded the value. */
  readonly answeredBy: string
  /** Milliseconds that the value may still be kept, 0 for a stale one; Infinity when it has no time to live. */
  readonly ttlLeftMs: number
}
