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

/** What a batch getter is told. */
export interface BatchGetterContext extends Omit<GetterContext, 'keyBytes'> {
  /** The keys as they came, for keys that are not UTF-8 text. */
  readonly keysBytes: readonly Uint8Array[]
}

/**
 * What a batch getter returns: results in the order of the keys, as many as there are keys, or a Map by key. A key
 * without a result is one that the source does not have, as `null` says for a single key; an Error in place of a result
 * fails that key alone.
 */
export type BatchGetterResult =
  | readonly (GetterResult | undefined | Error)[]
  | ReadonlyMap<string, GetterResult | undefined | Error>

/** Loads many keys from the slow source with one call. When it throws, all of them fail. */
export interface BatchGetter {
  getMany(
    keys: readonly string[],
    context: BatchGetterContext,
  ): BatchGetterResult | Promise<BatchGetterResult>
}

/** Loads one key from the slow source. `key` is the UTF-8 text of the key. May be called from any of the shards. */
export type Getter = (key: string, context: GetterContext) => GetterResult | Promise<GetterResult>
