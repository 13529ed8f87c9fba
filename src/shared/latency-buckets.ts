/** Powers of two that the histogram spans, in µs: 2^26 µs are 67 s. */
const OCTAVES = 26

/**
 * Upper bounds of the buckets of every latency histogram, in µs, two to a power of two: 1, 1.5, 2, 3, 4, 6 … 67 108 864.
 * Durations up to a bound count in its bucket; one more bucket takes what is above the last. A percentile that is read
 * from them is off by at most a half.
 */
export const LATENCY_US_BOUNDS: readonly number[] = [
  ...Array.from({ length: 2 * OCTAVES }, (_, index) => 2 ** (index >> 1) * (1 + (index & 1) / 2)),
  2 ** OCTAVES,
]

export const LATENCY_BUCKETS = LATENCY_US_BOUNDS.length + 1

/** Number of the bucket of a duration. */
export function latencyBucketOf(durationUs: number): number {
  // NaN, and what a clock that steps back gives, count as nothing.
  if (!(durationUs > 1)) return 0
  if (durationUs > 2 ** OCTAVES) return LATENCY_BUCKETS - 1
  const octave = 31 - Math.clz32(durationUs)
  const power = 1 << octave
  if (durationUs === power) return 2 * octave
  return 2 * octave + (durationUs <= 1.5 * power ? 1 : 2)
}

/** The upper bound of a bucket in seconds, as a label: the shortest decimal text, `+Inf` for the last. */
export function leOf(bucket: number): string {
  const boundUs = LATENCY_US_BOUNDS[bucket]
  // Bounds of less than a microsecond would need an exponent; there are none.
  return boundUs === undefined ? '+Inf' : (boundUs / 1e6).toFixed(7).replace(/\.?0+$/, '')
}

/** Number of the bucket that has this label; undefined for what is no bound of ours. */
export function bucketOfLe(le: string): number | undefined {
  if (le === '+Inf') return LATENCY_BUCKETS - 1
  const boundUs = Math.round(Number(le) * 1e7) / 10
  const bucket = latencyBucketOf(boundUs)
  return LATENCY_US_BOUNDS[bucket] === boundUs ? bucket : undefined
}

/**
 * The duration in µs that the part `quantile` (0…1) of the counted ones did not exceed, interpolated within its bucket;
 * undefined when nothing was counted. What lies above the last bound is told as that bound.
 *
 * @param counts of each bucket on its own, by number
 */
export function latencyQuantileUs(counts: readonly number[], quantile: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0)
  if (total === 0) return undefined
  let left = quantile * total
  for (const [bucket, count] of counts.entries()) {
    if (count > 0 && left <= count) {
      const from = bucket === 0 ? 0 : LATENCY_US_BOUNDS[bucket - 1]!
      const to = LATENCY_US_BOUNDS[bucket] ?? from
      return from + (to - from) * Math.max(0, left / count)
    }
    left -= count
  }
  return LATENCY_US_BOUNDS.at(-1)
}
