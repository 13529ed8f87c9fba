import type { Answer, CallOptions } from './call.js'

/**
 * Another node, as the core sees it. Calls are marked as forwarded: the peer answers from itself. They reject with
 * CacheError: NOT_FOUND is the peer's answer, UNAVAILABLE and the like say that there was none.
 */
export interface Peer {
  readonly address: string
  fetch(group: string, key: Uint8Array, options: CallOptions): Promise<Answer>
  remove(group: string, key: Uint8Array, options: CallOptions): Promise<void>
}

/** Who owns a key. */
export interface PeerPicker {
  /**
   * The owner of the key, then at most `countMax - 1` nodes that take over from it, in ring order, each node once.
   * `undefined` stands for this node.
   */
  pick(key: Uint8Array, countMax: number): readonly (Peer | undefined)[]
}
