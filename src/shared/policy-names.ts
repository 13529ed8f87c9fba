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

export function isPolicyName(name: string): name is PolicyName {
  return (POLICY_NAMES as readonly string[]).includes(name)
}
