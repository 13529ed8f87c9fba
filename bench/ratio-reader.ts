import { parentPort } from 'node:worker_threads'
import { systemClock } from '../src/shared/clock.js'
import { hashBytes } from '../src/shared/hash.js'
import { AccessLog } from '../src/shared/store/access-log.js'
import { Epochs } from '../src/shared/store/epoch.js'
import { StoreReader } from '../src/shared/store/store-reader.js'
import { keyOf, type RatioReaderData, Round } from './store-ratio.js'

/** A reader thread of {@link StoreRatio}: reads its part of every round and says which requests were hits. */
function run({
  store,
  accessLog,
  epochs,
  thread,
  threadCount,
  seed,
  requests,
  found,
  round,
}: RatioReaderData): void {
  const pins = new Epochs(epochs)
  const reader = new StoreReader(store, new AccessLog(accessLog), thread, systemClock)
  const keys = new Int32Array(requests)
  const hits = new Uint8Array(found)
  const words = new Int32Array(round)
  for (let seen = 0; ; ) {
    Atomics.wait(words, Round.NUMBER, seen)
    seen = Atomics.load(words, Round.NUMBER)
    const begin = words[Round.BEGIN]!
    const end = words[Round.END]!
    if (begin === end) return
    pins.pin(thread)
    // Requests of a round are dealt out in turn, so that they go on at the same time.
    for (let request = begin + thread; request < end; request += threadCount) {
      const key = keyOf(keys[request]!)
      hits[request - begin] =
        reader.find(key, 0, key.length, hashBytes(key, 0, key.length, seed)) === 0 ? 0 : 1
    }
    pins.unpin(thread)
    Atomics.add(words, Round.DONE, 1)
    Atomics.notify(words, Round.DONE)
  }
}

parentPort!.on('message', run)
