import { systemClock } from '../src/shared/clock.js'
import { hashBytes } from '../src/shared/hash.js'
import { AccessLog } from '../src/shared/store/access-log.js'
import { Epochs } from '../src/shared/store/epoch.js'
import { StoreReader } from '../src/shared/store/store-reader.js'
import { HASH_SEED, type StoreMemory } from './bench-store.js'

const VALUE_BYTES_MAX = 64 * 1024

/** Reads of a store as a front does them: pin, hash, find, copy, unpin. */
export class StoreReads {
  readonly #epochs: Epochs
  readonly #reader: StoreReader
  readonly #thread: number
  readonly #target = new Uint8Array(VALUE_BYTES_MAX)

  constructor(memory: StoreMemory, thread: number) {
    this.#epochs = new Epochs(memory.epochs)
    this.#reader = new StoreReader(memory.store, new AccessLog(memory.accessLog), thread, systemClock)
    this.#thread = thread
  }

  /** Asks for `count` keys from `first` on, round and round, so many under one pin. Answers the hits. */
  run(keys: readonly Uint8Array[], first: number, count: number, perPin: number): number {
    let hits = 0
    for (let done = 0; done < count; done += perPin) {
      this.#epochs.pin(this.#thread)
      const end = Math.min(done + perPin, count)
      for (let index = done; index < end; index++) {
        if (this.#copy(keys[(first + index) % keys.length]!)) hits++
      }
      this.#epochs.unpin(this.#thread)
    }
    return hits
  }

  #copy(key: Uint8Array): boolean {
    const hash = hashBytes(key, 0, key.length, HASH_SEED)
    const place = this.#reader.find(key, 0, key.length, hash)
    if (place !== 0) this.#reader.copyValue(place, this.#target, 0)
    return place !== 0
  }
}
