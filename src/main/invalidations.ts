/** Keys of a group whose values changed or left memory; 'all' when that may be every key. */
export type Invalidated = readonly Uint8Array[] | 'all'

/** Tells whoever keeps copies of values outside of the cache when these are no longer good. */
export interface Invalidations {
  /** From now on `listener` hears of the keys of a group, whichever node owns them. Returns what ends it. */
  watch(group: string, listener: (keys: Invalidated) => void): () => void

  /** False for a key whose owner does not tell of changes: nobody may keep a copy of its value. */
  covers(group: string, key: Uint8Array): boolean
}
