import type { CacheError } from '../shared/errors.js'
import type { Answer, CallOptions } from './call.js'

/**
 * Another node, as the core sees it. Calls are marked as forwarded: the peer answers from itself. They reject with
 * CacheError. NOT_FOUND, UNKNOWN, INVALID_ARGUMENT and RESOURCE_EXHAUSTED are the peer's word on the key; every other
 * code says that there was no answer.
 */
export interface Peer {
  readonly address: string
  fetch(group: string, key: Uint8Array, options: CallOptions): Promise<Answer>
  /** As fetch() for each of the keys, in one call where the peer knows how. An answer for each key, in order. */
  fetchMany(
    group: string,
    keys: readonly Uint8Array[],
    options: CallOptions,
  ): Promise<readonly (Answer | CacheError)[]>
  remove(group: string, key: Uint8Array, options: CallOptions): Promise<void>
}

/** Who owns a key. */
export interface PeerPicker {
  /** True when this node owns the key `bytes[start…end)`. */
  owns(bytes: Uint8Array, start: number, end: number): boolean
  /**
   * The owner of the key, then at most `countMax - 1` nodes that take over from it, in ring order, each node once.
   * `undefined` stands for this node.
   */
  pick(key: Uint8Array, countMax: number): readonly (Peer | undefined)[]
}
