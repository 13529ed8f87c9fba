import type { CallOptions } from './call.js'
import type { Invalidated } from './invalidations.js'

/** A group that a peer wants to hear of, and whether it believes that it does. */
export interface PolledGroup {
  readonly name: string
  readonly isCovered: boolean
}

/** What a node asks of a peer: what was told there after `sequence` of that `session`. Empty for a first call. */
export interface PollRequest {
  readonly session: string
  readonly sequence: number
  readonly groups: readonly PolledGroup[]
}

export interface PolledEvent {
  readonly group: string
  readonly keys: Invalidated
}

export interface PollAnswer {
  /** Made up when the peer starts. */
  readonly session: string
  /** Up to here all was told. */
  readonly sequence: number
  /** Something before `events` is not known any more: every key of the groups may have changed. */
  readonly isReset: boolean
  /** Those of the groups that the peer tells of: all that happens after `sequence` will be among the next events. */
  readonly covered: readonly string[]
  readonly events: readonly PolledEvent[]
}

/** What a node tells its peers of the keys that lie in its own memory. */
export interface PolledNode {
  /**
   * Resolves when there is something to tell, or after a while, or when most of its deadline is over.
   *
   * @throws CacheError RESOURCE_EXHAUSTED when too many wait, CANCELLED, UNAVAILABLE when the node closes
   */
  poll(request: PollRequest, options: CallOptions): Promise<PollAnswer>
}

/** Groups of one poll; those beyond are never covered. */
export const POLL_GROUPS_MAX = 1000

/** Keys, and their bytes, of one answer; a single event may have more. */
export const POLL_KEYS_MAX = 4096
export const POLL_BYTES_MAX = 256 * 1024
