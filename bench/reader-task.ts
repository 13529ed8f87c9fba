import type { StoreMemory } from './bench-store.js'

/** Words that reader threads and the owner share. */
export const Word = { GO: 0, READS: 16, HITS: 17 } as const

/** Words of one thread, in lines of its own, behind the first line. */
export const THREAD_WORDS = 16

/** What such a thread is given. */
export interface ReaderTask {
  readonly memory: StoreMemory
  /** 1 is the first reader, 0 the owner. */
  readonly thread: number
  readonly entryCount: number
  readonly shared: SharedArrayBuffer
}

export interface ReaderDone {
  /** CPU time of the thread from start to stop, in ms; undefined where the system does not tell. */
  readonly cpuMs: number | undefined
}
