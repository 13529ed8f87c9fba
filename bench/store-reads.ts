import { systemClock } from '../src/shared/clock.js'
import { hashBytes } from '../src/shared/hash.js'
import { encodeKey } from '../src/shared/key.js'
import { AccessLog } from '../src/shared/store/access-log.js'
import { Epochs } from '../src/shared/store/epoch.js'
import { ReaderPin } from '../src/shared/store/reader-pin.js'
import { StoreReader } from '../src/shared/store/store-reader.js'
import { HASH_SEED, type StoreMemory } from './bench-store.js'
import type { Requests } from './requests.js'

const VALUE_BYTES_MAX = 64 * 1024

/** Reads of a store as a front does them: pin, hash, find, copy the value out, unpin. */
export class StoreReads {
  readonly #pin: ReaderPin
  readonly #reader: StoreReader
  readonly #target = new Uint8Array(VALUE_BYTES_MAX)

  constructor(memory: StoreMemory, thread: number) {
    this.#pin = new ReaderPin(new Epochs(memory.epochs), thread, systemClock)
    this.#reader = new StoreReader(memory.store, new AccessLog(memory.accessLog), thread, this.#pin)
  }

  /** Asks for the keys of `count` requests from `first` on, round and round, so many under one pin. Answers the hits. */
  run(
    { bytes, keyBytes, stepBytes, count: all }: Requests,
    first: number,
    count: number,
    perPin: number,
  ): number {
    let hits = 0
    let at = first
    for (let done = 0; done < count; done += perPin) {
      this.#pin.enter()
      const end = Math.min(done + perPin, count)
      for (let index = done; index < end; index++) {
        if (at === all) at = 0
        const start = at++ * stepBytes
        if (this.#copy(bytes, start, start + keyBytes)) hits++
      }
      this.#pin.leave()
    }
    return hits
  }

  /** The same for keys that are strings, each of which is made into bytes first. */
  runStrings(keys: readonly string[], perPin: number): number {
    let hits = 0
    for (let done = 0; done < keys.length; done += perPin) {
      this.#pin.enter()
      const end = Math.min(done + perPin, keys.length)
      for (let index = done; index < end; index++) {
        const key = encodeKey(keys[index]!)
        if (this.#copy(key, 0, key.length)) hits++
      }
      this.#pin.leave()
    }
    return hits
  }

  #copy(bytes: Uint8Array, start: number, end: number): boolean {
    const hash = hashBytes(bytes, start, end, HASH_SEED)
    const place = this.#reader.find(bytes, start, end, hash)
    if (place !== 0) this.#reader.copyValue(place, this.#target, 0)
    return place !== 0
  }
}
