import { TwoQueuePolicy } from './2q.js'
import { ClockPolicy } from './clock.js'
import { FifoPolicy } from './fifo.js'
import { LfuPolicy } from './lfu.js'
import { LruPolicy } from './lru.js'
import type { PolicyFactory } from './policy.js'
import { S3FifoPolicy } from './s3fifo.js'
import { SievePolicy } from './sieve.js'
import { WTinyLfuPolicy } from './w-tinylfu.js'

/** Every policy by the name that a configuration gives it. */
export const POLICIES = {
  fifo: (slotCountMax) => new FifoPolicy(slotCountMax),
  lru: (slotCountMax) => new LruPolicy(slotCountMax),
  lfu: (slotCountMax) => new LfuPolicy(slotCountMax),
  clock: (slotCountMax) => new ClockPolicy(slotCountMax),
  '2q': (slotCountMax) => new TwoQueuePolicy(slotCountMax),
  sieve: (slotCountMax) => new SievePolicy(slotCountMax),
  s3fifo: (slotCountMax) => new S3FifoPolicy(slotCountMax),
  'w-tinylfu': (slotCountMax) => new WTinyLfuPolicy(slotCountMax),
} as const satisfies Record<string, PolicyFactory>

/** The name of a policy that exists. */
export type PolicyName = keyof typeof POLICIES

/** True for the names that {@link POLICIES} knows. */
export function isPolicyName(name: string): name is PolicyName {
  return Object.hasOwn(POLICIES, name)
}
