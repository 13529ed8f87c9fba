import { type CacheError, type CodeName, groupNotFound } from '../shared/errors.js'
import type { Answer, CallOptions } from './call.js'

/** How a call is to be served: a forwarded one comes from a peer and is answered from this node alone. */
export type ServeOptions = CallOptions & { readonly forwarded?: boolean }

/** What the fronts need of a group. */
export interface ServedGroup {
  /** Rejects with CacheError; NOT_FOUND says that the source has no such key. */
  fetch(key: Uint8Array, options: ServeOptions): Promise<Answer>
  /** As fetch() for each of the keys, in order. */
  fetchMany(keys: readonly Uint8Array[], options: ServeOptions): Promise<readonly (Answer | CacheError)[]>
  /** Resolves once the owner of the key holds it no more, whether it held it before or not. */
  remove(key: Uint8Array, options: ServeOptions): Promise<void>
}

/** What the fronts need of all groups. */
export interface ServedGroups {
  find(name: string): ServedGroup | undefined
}

/**
 * The group of that name.
 *
 * @throws CacheError `missing` when this node does not have it
 */
export function groupNamed(groups: ServedGroups, name: string, missing: CodeName): ServedGroup {
  const group = groups.find(name)
  if (group !== undefined) return group
  throw groupNotFound(name, missing)
}
