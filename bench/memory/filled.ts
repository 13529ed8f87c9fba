/** What a cache holds and takes after it was filled. */
export interface Filled {
  /** Growth of the process in RAM, in bytes. */
  readonly residentBytes: number
  readonly entryCount: number
  /** Keys and values that can be read back. */
  readonly payloadBytes: number
  /** What the cache itself says it uses, where it says so. */
  readonly chargedBytes?: number
}
