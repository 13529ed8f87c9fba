/** What the threads of a store torture share. */
export interface TortureSpec {
  readonly seed: number
  readonly memory: SharedArrayBuffer
  readonly epochs: SharedArrayBuffer
  readonly accessLog: SharedArrayBuffer
  /** Word 0: set to stop. Word 1 + k: the latest version of key k. */
  readonly control: SharedArrayBuffer
  readonly keyCount: number
  readonly valueBytesMax: number
  readonly policy: string
  /** Number of the thread, and how many there are. */
  readonly thread: number
  readonly threadCount: number
}

export const TORTURE_HASH_SEED = { k0: 0x1234567, k1: 0x89abcde }

/** What an owner says when it has taken over. */
export interface TakenOver {
  readonly count: number
}

/** What a reader says at its end. */
export interface ReaderReport {
  readonly reads: number
  readonly hits: number
}
