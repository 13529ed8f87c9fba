/** What may be done to a group while it runs; carried out by the owner of each shard, for its part of the group. */
export type Operation =
  /** Copies the entries to other memory and keeps both up to date until `settle`. */
  | { readonly kind: 'resize'; readonly store: SharedArrayBuffer; readonly accessLog: SharedArrayBuffer }
  /** Lets go of the old memory, or of the new. */
  | { readonly kind: 'settle'; readonly usesNew: boolean }
  | { readonly kind: 'explain'; readonly key: Uint8Array; readonly hash: number }
  | { readonly kind: 'hotKeys'; readonly countMax: number }
  | { readonly kind: 'save'; readonly file: string; readonly timeoutMs: number }
  | { readonly kind: 'restore'; readonly files: readonly string[]; readonly timeoutMs: number }

/** A key that is asked for often. */
export interface HotKey {
  readonly key: Uint8Array
  /** Estimated hits, recent ones counting most; never too low for the hits that were noted. */
  readonly hits: number
  /** By how much `hits` may be too high. */
  readonly hitsOverMax: number
}

/** What an owner knows of a key. */
export interface KeyFacts {
  readonly present: boolean
  /** True for a remembered "the source has no such key". */
  readonly notFound: boolean
  /** Time since the value came from its source; entries without a time to live do not know it. */
  readonly ageMs?: number
  /** Absent when the entry lives until it is evicted. */
  readonly ttlLeftMs?: number
  readonly valueBytes: number
  /** Everything that the entry costs: header, index and policy state included. */
  readonly costBytes: number
  /** Estimated hits; only for keys among the hot ones. */
  readonly hits?: number
}

/** How a snapshot was written or read. */
export interface SnapshotResult {
  readonly entryCount: number
  /** False when time ran out: the entries most worth keeping were written first; they are read last. */
  readonly isComplete: boolean
}

/** What each operation answers. */
export interface OperationResults {
  readonly resize: undefined
  readonly settle: undefined
  readonly explain: KeyFacts
  readonly hotKeys: readonly HotKey[]
  readonly save: SnapshotResult
  readonly restore: SnapshotResult
}

export type OperationOf<Kind extends Operation['kind']> = Extract<Operation, { kind: Kind }>
