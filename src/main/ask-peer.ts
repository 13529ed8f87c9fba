import type { CancelSignal } from '../shared/cancel.js'
import { CacheError, type CodeName } from '../shared/errors.js'
import type { TraceParent } from '../shared/tracing.js'
import type { Answer } from './call.js'
import type { Peer } from './peer.js'
import type { AskPeer } from './peer-batch.js'

/** Part of the time left that one peer may take, so that there is time for another way when it hangs. */
const PEER_TIME_SHARE = 0.6

/** Rejections of a peer that are its word on the key; with any other code somebody else is asked. */
const PEER_ANSWERS: ReadonlySet<CodeName> = new Set([
  'NOT_FOUND',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'RESOURCE_EXHAUSTED',
])

/** For whom a peer is asked. */
export interface PeerTurn {
  readonly signal: CancelSignal
  /** Time that is left for all peers, in ms. */
  readonly leftMs: number
  readonly trace: TraceParent | undefined
}

/** Asks one peer for a key. Undefined when there was no answer. */
export async function askPeer(
  peer: Peer,
  key: Uint8Array,
  { signal, leftMs, trace }: PeerTurn,
  ask: AskPeer,
): Promise<Answer | undefined> {
  // Once the first waiter has gone, those who are left have more time than it had.
  const deadlineMs = leftMs > 0 ? leftMs * PEER_TIME_SHARE : Number.POSITIVE_INFINITY
  try {
    return await ask(peer, key, { deadlineMs, signal, trace })
  } catch (thrown) {
    const error = CacheError.from(thrown)
    if (PEER_ANSWERS.has(error.code) || signal.aborted) throw error
    return undefined
  }
}
