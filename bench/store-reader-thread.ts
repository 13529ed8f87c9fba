/** A thread that reads a store until it is told to stop, and counts in shared memory. Posts 'ready', and at its end its CPU. */
import { existsSync, readFileSync } from 'node:fs'
import { parentPort, workerData } from 'node:worker_threads'
import { type ReaderDone, type ReaderTask, THREAD_WORDS, Word } from './reader-task.js'
import { randomOrder, requestsFor } from './requests.js'
import { StoreReads } from './store-reads.js'

const BATCH = 500
const PER_PIN = 50
const REQUEST_COUNT = 200 * BATCH

const { memory, thread, entryCount, shared } = workerData as ReaderTask
const words = new Int32Array(shared)
const own = (thread - 1) * THREAD_WORDS
const requests = requestsFor(randomOrder(entryCount, REQUEST_COUNT))
const reads = new StoreReads(memory, thread)
reads.run(requests, 0, REQUEST_COUNT, PER_PIN)
parentPort!.postMessage('ready')
Atomics.wait(words, Word.GO, 0)

const startedMs = cpuMs()
// Each thread begins elsewhere, so that they do not walk in step.
let at = ((thread * REQUEST_COUNT) >> 3) % REQUEST_COUNT
while (Atomics.load(words, Word.GO) === 1) {
  const hits = reads.run(requests, at, BATCH, PER_PIN)
  Atomics.add(words, own + Word.HITS, hits)
  Atomics.add(words, own + Word.READS, BATCH)
  at = (at + BATCH) % REQUEST_COUNT
}
const endedMs = cpuMs()
const done: ReaderDone = {
  cpuMs: startedMs === undefined || endedMs === undefined ? undefined : endedMs - startedMs,
}
parentPort!.postMessage(done)

/** CPU time of this thread (Linux: proc(5), schedstat). */
function cpuMs(): number | undefined {
  const file = '/proc/thread-self/schedstat'
  return existsSync(file) ? Number(readFileSync(file, 'utf8').split(' ')[0]) / 1e6 : undefined
}
