import { FifoPolicy } from './fifo.js'
import { LruPolicy } from './lru.js'
import type { PolicyFactory } from './policy.js'

/** Every policy by the name that a configuration gives it. */
export const POLICIES = {
  fifo: (slotCountMax) => new FifoPolicy(slotCountMax),
  lru: (slotCountMax) => new LruPolicy(slotCountMax),
} as const satisfies Record<string, PolicyFactory>

/** The name of a policy that exists. */
export type PolicyName = keyof typeof POLICIES

/** True for the names that {@link POLICIES} knows. */
export function isPolicyName(name: string): name is PolicyName {
  return Object.hasOwn(POLICIES, name)
}
