import { percentile } from '../distribution.js'

/** So many calls in flight: on each of some connections, so many at a time. */
export interface LoadShape {
  readonly connections: number
  readonly streams: number
}

/** What a load generator saw. */
export interface LoadResult {
  /** Calls that were answered as they must be. */
  readonly callCount: number
  /** Calls that were not. */
  readonly errorCount: number
  readonly callsPerSecond: number
  /** Microseconds of each call, ascending. */
  readonly latenciesUs: Float64Array
}

export interface Latencies {
  readonly p50Us: number
  readonly p99Us: number
  readonly p999Us: number
}

export function latenciesOf({ latenciesUs }: LoadResult): Latencies {
  return {
    p50Us: percentile(latenciesUs, 0.5),
    p99Us: percentile(latenciesUs, 0.99),
    p999Us: percentile(latenciesUs, 0.999),
  }
}
