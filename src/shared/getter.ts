/** What a getter is told about the load that it serves. */
export interface GetterContext {
  /** Name of the group. */
  readonly group: string
  /** The key as it came, for keys that are not UTF-8 text. */
  readonly keyBytes: Uint8Array
  /** Aborted when nobody waits for the load any more, or its time is up. */
  readonly signal: AbortSignal
  /** Milliseconds that are left for this load; Infinity when nobody set a limit. */
  readonly deadlineMs: number
}

/** A value, or a value with its own time to live. */
export type GetterValue = Uint8Array | string

/**
 * What a getter may return. Strings are stored as UTF-8. `null` says that the source has no such key: callers get
 * NOT_FOUND, and with `notFoundTtlMs` the answer is remembered for that long.
 */
export type GetterResult =
  | GetterValue
  | null
  | { readonly value: GetterValue; readonly ttlMs?: number }
  | { readonly value: null; readonly notFoundTtlMs?: number }

/** Loads one key from the slow source. `key` is the UTF-8 text of the key. May be called from any of the shards. */
export type Getter = (key: string, context: GetterContext) => GetterResult | Promise<GetterResult>
