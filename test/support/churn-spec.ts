/** What the threads of a node's churn share: the source, as versions of its keys, and what readers may rely on. */
export interface ChurnSpec {
  readonly seed: number
  /** Word 0: set to stop. */
  readonly control: SharedArrayBuffer
  /** The version that the source has of each key. */
  readonly versions: SharedArrayBuffer
  /** The version of each key below which nobody may see it any more: what was there before has been deleted. */
  readonly floors: SharedArrayBuffer
  readonly keyCount: number
  readonly valueBytesMax: number
}

/** Keys that the source does not have. */
export function isUnknown(key: number): boolean {
  return key % 31 === 30
}

/** Errors that a node may answer with while its threads are killed and its groups are moved. */
export const CODES_ALLOWED: readonly string[] = ['UNAVAILABLE', 'FAILED_PRECONDITION', 'CANCELLED']

/** What a reader says at its end. */
export interface ChurnReaderReport {
  readonly reads: number
  readonly hits: number
  readonly gets: number
  readonly unavailable: number
}
