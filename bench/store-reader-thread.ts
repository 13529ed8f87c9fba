/** A thread that reads a store for some time, while its owner writes. Posts 'ready', is told to go, posts what it did. */
import { once } from 'node:events'
import { parentPort, workerData } from 'node:worker_threads'
import type { StoreMemory } from './bench-store.js'
import { StoreReads } from './store-reads.js'

/** What such a thread is given. */
export interface ReaderTask {
  readonly memory: StoreMemory
  readonly thread: number
  readonly keyCount: number
  readonly durationMs: number
}

export interface ReaderDone {
  readonly readCount: number
  readonly hitCount: number
  readonly elapsedMs: number
}

const BATCH = 1000
const PER_PIN = 50

const { memory, thread, keyCount, durationMs } = workerData as ReaderTask
const keys = Array.from({ length: keyCount }, (_, index) => Buffer.from(`key${index}`))
const reads = new StoreReads(memory, thread)
reads.run(keys, 0, 20 * BATCH, PER_PIN)
parentPort!.postMessage('ready')
await once(parentPort!, 'message')

const startedMs = performance.now()
let readCount = 0
let hitCount = 0
// Each thread begins elsewhere, so that they do not walk in step.
let at = (thread * keyCount) >> 3
while (performance.now() - startedMs < durationMs) {
  hitCount += reads.run(keys, at, BATCH, PER_PIN)
  readCount += BATCH
  at = (at + BATCH) % keyCount
}
const done: ReaderDone = { readCount, hitCount, elapsedMs: performance.now() - startedMs }
parentPort!.postMessage(done)
