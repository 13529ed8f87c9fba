import { type Trace, traceOf } from './trace.js'
import { zipf } from './zipf.js'

/** Popular keys are asked for again and again: Zipf's law over `keyCount` keys. */
export function zipfWorkload(requestCount: number, keyCount: number, random: () => number): Trace {
  return traceOf('zipf', Int32Array.from({ length: requestCount }, zipf(keyCount, random)))
}

/** One key after the other, round and round: the ruin of every policy that goes by recency alone. */
export function loopWorkload(requestCount: number, keyCount: number): Trace {
  return traceOf(
    'loop',
    Int32Array.from({ length: requestCount }, (_, request) => request % keyCount),
  )
}

/**
 * Zipf's law, and every `period` requests a scan over `scanLength` keys that nobody has asked for before and nobody will
 * again; half-way, all popular keys change.
 */
export function mixedWorkload(requestCount: number, keyCount: number, random: () => number): Trace {
  const period = 10 * keyCount
  const scanLength = keyCount
  const popular = zipf(keyCount, random)
  let scanned = 2 * keyCount
  return traceOf(
    'mixed',
    Int32Array.from({ length: requestCount }, (_, request) => {
      if (request % period >= period - scanLength) return scanned++
      return popular() + (request < requestCount / 2 ? 0 : keyCount)
    }),
  )
}
