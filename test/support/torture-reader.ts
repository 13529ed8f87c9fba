import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '../../src/shared/clock.js'
import { hashBytes } from '../../src/shared/hash.js'
import { AccessLog } from '../../src/shared/store/access-log.js'
import { Epochs } from '../../src/shared/store/epoch.js'
import { StoreReader } from '../../src/shared/store/store-reader.js'
import { Prng } from './prng.js'
import { type ReaderReport, TORTURE_HASH_SEED, type TortureSpec } from './torture-spec.js'
import { tortureKey, tortureVersion } from './torture-value.js'

/** Reads as fast as it can and throws at the first value that is torn, another key's, older than one seen, or moved. */
function read(spec: TortureSpec): ReaderReport {
  const control = new Int32Array(spec.control)
  const random = new Prng(spec.seed + spec.thread)
  const epochs = new Epochs(spec.epochs)
  const reader = new StoreReader(spec.memory, new AccessLog(spec.accessLog), spec.thread, systemClock)
  const versions = new Uint32Array(spec.keyCount)
  let reads = 0
  let hits = 0
  while (Atomics.load(control, 0) === 0) {
    const key = random.below(spec.keyCount)
    const bytes = tortureKey(key)
    const hash = hashBytes(bytes, 0, bytes.length, TORTURE_HASH_SEED)
    reads++
    epochs.pin(spec.thread)
    const place = reader.find(bytes, 0, bytes.length, hash)
    const value = place === 0 ? undefined : Buffer.from(reader.value(place))
    // Now and then the pin is held for a while: the same bytes must still be there.
    if (value && random.below(2000) === 0) {
      Atomics.wait(control, 0, 0, random.below(3))
      if (!value.equals(reader.value(place))) throw new Error(`The bytes of key ${key} changed under a pin`)
    }
    epochs.unpin(spec.thread)
    if (!value) continue
    hits++
    const version = tortureVersion(key, value)
    if (version < versions[key]!) throw new Error(`Key ${key}: version ${version} after ${versions[key]}`)
    versions[key] = version
  }
  return { reads, hits }
}

parentPort?.postMessage(read(workerData as TortureSpec))
