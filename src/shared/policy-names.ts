/** The eviction policies by name: what a group may ask for, and what the shards must be able to make. */
export const POLICY_NAMES = ['lru', 'fifo'] as const

export type PolicyName = (typeof POLICY_NAMES)[number]
