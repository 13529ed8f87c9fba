/** A value on its way into the store. */
export interface Put {
  readonly key: Uint8Array
  readonly hash: number
  readonly value: Uint8Array
  readonly notFound: boolean
  /** Infinity for no limit; cut to TTL_MS_MAX. 0 or less for an entry that is stale already. */
  readonly ttlMs: number
  /** How long ago the value came from its source; default 0. */
  readonly ageMs?: number
  /** May be served stale and refreshed, if it has a time to live. Default false. */
  readonly renewable?: boolean
  /** Makes it a copy of a value that another node owns, with this stamp; only with a time to live. */
  readonly copyStamp?: number
}

/** What became of a value that was to be kept. */
export type PutResult = 'stored' | 'oversize' | 'refused'
