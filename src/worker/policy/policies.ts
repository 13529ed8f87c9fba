import type { PolicyName } from '../../shared/policy-names.js'
import { TwoQueuePolicy } from './2q.js'
import { ClockPolicy } from './clock.js'
import { FifoPolicy } from './fifo.js'
import { LfuPolicy } from './lfu.js'
import { LruPolicy } from './lru.js'
import type { PolicyFactory } from './policy.js'
import { S3FifoPolicy } from './s3fifo.js'
import { SievePolicy } from './sieve.js'
import { WTinyLfuPolicy } from './w-tinylfu.js'

/** How every policy is made: the only file that knows them all. */
export const POLICIES: Readonly<Record<PolicyName, PolicyFactory>> = {
  fifo: (slotCountMax) => new FifoPolicy(slotCountMax),
  lru: (slotCountMax) => new LruPolicy(slotCountMax),
  lfu: (slotCountMax) => new LfuPolicy(slotCountMax),
  clock: (slotCountMax) => new ClockPolicy(slotCountMax),
  '2q': (slotCountMax) => new TwoQueuePolicy(slotCountMax),
  sieve: (slotCountMax) => new SievePolicy(slotCountMax),
  s3fifo: (slotCountMax) => new S3FifoPolicy(slotCountMax),
  'w-tinylfu': (slotCountMax) => new WTinyLfuPolicy(slotCountMax),
}
