import { systemClock } from '../src/shared/clock.js'
import { hashBytes } from '../src/shared/hash.js'
import type { PolicyName } from '../src/shared/policy-names.js'
import { AccessLog } from '../src/shared/store/access-log.js'
import { Epochs } from '../src/shared/store/epoch.js'
import { allocateStore } from '../src/shared/store/layout.js'
import { POLICIES } from '../src/worker/policy/policies.js'
import { StoreWriter } from '../src/worker/store-writer.js'

export const HASH_SEED = { k0: 0x1234567, k1: 0x89abcde }

/** What reader threads need of a store, to be sent to them. */
export interface StoreMemory {
  readonly store: SharedArrayBuffer
  readonly epochs: SharedArrayBuffer
  readonly accessLog: SharedArrayBuffer
}

/** A store of its own, with its owner in this thread, which is also reader 0. */
export class BenchStore {
  readonly memory: StoreMemory
  readonly epochs = new Epochs()
  readonly accessLog = new AccessLog()
  readonly writer: StoreWriter
  evictedCount = 0

  /** @param threadCount readers, this thread included */
  constructor(budgetBytes: number, policy: PolicyName = 'lru', threadCount = 1) {
    const store = allocateStore(budgetBytes)
    for (let thread = 0; thread < threadCount; thread++) this.epochs.admit(thread)
    this.memory = { store, epochs: this.epochs.memory, accessLog: this.accessLog.memory }
    this.writer = new StoreWriter(store, {
      epochs: this.epochs,
      accessLog: this.accessLog,
      threadCount: () => threadCount,
      seed: HASH_SEED,
      clock: systemClock,
      policy: POLICIES[policy],
      events: { onEvict: () => this.evictedCount++, onExpire: () => {}, onHit: () => {} },
    })
  }

  put(key: Uint8Array, value: Uint8Array): void {
    const hash = hashBytes(key, 0, key.length, HASH_SEED)
    this.writer.put({ key, hash, value, notFound: false, ttlMs: Number.POSITIVE_INFINITY })
  }
}
