/** A value on its way into the store. */
export interface Put {
  readonly key: Uint8Array
  readonly hash: number
  readonly value: Uint8Array
  readonly notFound: boolean
  /** Infinity for no limit; cut to TTL_MS_MAX. */
  readonly ttlMs: number
  /** How long ago the value came from its source; default 0. */
  readonly ageMs?: number
}

/** What became of a value that was to be kept. */
export type PutResult = 'stored' | 'oversize' | 'refused'
