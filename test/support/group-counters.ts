import type { CounterName } from '../../src/shared/counters.js'

interface Counted {
  stats(): { readonly name: string; readonly shard: number; readonly value: number }[]
}

/** A counter of a group, of one shard or summed over all. */
export function counterOf(group: Counted, name: CounterName, shard?: number): number {
  return group
    .stats()
    .filter((sample) => sample.name === name && (shard === undefined || sample.shard === shard))
    .reduce((sum, { value }) => sum + value, 0)
}

/** The shard that a call is for, told by the miss that it counts at once. */
export function shardOfMiss<T>(
  group: Counted,
  call: () => T,
): { readonly shard: number; readonly result: T } {
  const misses = (): number[] =>
    group.stats().flatMap(({ name, value }) => (name === 'misses' ? [value] : []))
  const before = misses()
  const result = call()
  const shard = misses().findIndex((value, index) => value > before[index]!)
  if (shard < 0) throw new Error('The call was no miss')
  return { shard, result }
}
