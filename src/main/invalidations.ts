/** Keys of a group whose values changed or left memory; 'all' when that may be every key. Never changed after. */
export type Invalidated = readonly Uint8Array[] | 'all'

/**
 * Tells whoever keeps copies of values outside of the cache when these are no longer good. To keep a copy safely:
 *
 * 1. watch the group;
 * 2. before the value is fetched, ask whether its key is covered;
 * 3. fetch it. A copy may be kept if its key is covered still, if no event told of the key, or of 'all', meanwhile, and
 *    if the value says that it may be kept at all (`ttlLeftMs`);
 * 4. drop it with the first event that tells of it.
 *
 * An event comes after the change, so who fetches on hearing of it gets the new value. What keeps its value is told of
 * now and then, too. When the owner of a key cannot be heard any more, 'all' is told and the key is no longer covered.
 */
export interface Invalidations {
  /**
   * From now on `listener` hears of the keys of a group, whichever node owns them, also of a group that is made later or
   * anew. When a delete on this node, from this thread, has resolved, it has heard of the key. Returns what ends it.
   */
  watch(group: string, listener: (keys: Invalidated) => void): () => void

  /**
   * False for a key whose owner does not tell of changes, and until it is known that it does, a moment after watch():
   * nobody may keep a copy of its value.
   */
  covers(group: string, key: Uint8Array): boolean
}

/** One who watches a group. */
export interface Watcher {
  onInvalidated(keys: Invalidated): void
  /** For some keys, what covers() says is another now. */
  onCoverage?(): void
}

/** Where a group tells of what it does itself. */
export interface InvalidationTeller extends Invalidations {
  /** Tells those who watch the group on this node, at once. */
  tell(group: string, keys: Invalidated): void
}
