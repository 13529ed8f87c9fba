import { CacheError } from './errors.js'

/** The eviction policies by name: what a group may ask for, and what the shards can make. `auto` chooses. */
export const POLICY_NAMES = [
  'fifo',
  'lru',
  'lfu',
  'clock',
  '2q',
  'sieve',
  's3fifo',
  'w-tinylfu',
  'auto',
] as const

/** The name of a policy that exists. */
export type PolicyName = (typeof POLICY_NAMES)[number]

/** What a group has that asks for none: the one that is never far behind the best (bench/results/hit-ratio.md). */
export const DEFAULT_POLICY: PolicyName = 'auto'

export function isPolicyName(name: string): name is PolicyName {
  return (POLICY_NAMES as readonly string[]).includes(name)
}

/** What to tell who asks for a policy that does not exist. */
export function unknownPolicy(name: string): CacheError {
  return new CacheError(
    'INVALID_ARGUMENT',
    `There is no policy "${name}"; there are ${POLICY_NAMES.join(', ')}`,
  )
}
