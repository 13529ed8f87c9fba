import type { CodeName } from '../../shared/errors.js'

/** What is asked of many keys at a time. */
export interface BatchRequest {
  readonly keys: readonly Uint8Array[]
}

export interface BatchFailure {
  readonly code: CodeName
  readonly status: number
  readonly detail: string
}

/** What became of one key: it has a value or a failure, unless it was deleted. */
export interface BatchEntry {
  readonly key: Uint8Array
  readonly value?: Uint8Array
  /** As `x-cache` of a single key. */
  readonly cache?: string
  /** Absent for no limit. */
  readonly ttlLeftMs?: number
  readonly failure?: BatchFailure
}

/** How batches lie in a body. */
export interface BatchFormat {
  readonly mediaType: string
  /** @throws CacheError INVALID_ARGUMENT */
  read(body: Uint8Array): BatchRequest
  write(entries: readonly BatchEntry[]): Uint8Array | string
}
