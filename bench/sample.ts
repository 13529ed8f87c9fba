import { median } from './distribution.js'
import { type Latencies, type LoadResult, latenciesOf } from './load/load.js'
import type { ServerProcess } from './server-process.js'

/** One measured run of load on one or several servers. */
export interface Sample extends Latencies {
  readonly callsPerSecond: number
  /** CPU time of the servers, in microseconds. */
  readonly cpuUsPerCall: number
  readonly residentMiB: number
  readonly errorCount: number
}

/** Runs load and sees what it costs the servers. */
export async function measure(
  servers: readonly ServerProcess[],
  load: () => Promise<LoadResult>,
): Promise<Sample> {
  const cpuUs = () => servers.reduce((sum, server) => sum + server.usage().cpuUs, 0)
  const before = cpuUs()
  const result = await load()
  const usedUs = cpuUs() - before
  const residentBytes = servers.reduce((sum, server) => sum + server.usage().residentBytes, 0)
  return {
    callsPerSecond: result.callsPerSecond,
    cpuUsPerCall: usedUs / (result.callCount + result.errorCount),
    residentMiB: residentBytes / 2 ** 20,
    errorCount: result.errorCount,
    ...latenciesOf(result),
  }
}

/** Of each figure the one in the middle; of errors the sum. */
export function middle(samples: readonly Sample[]): Sample {
  const of = (figure: (sample: Sample) => number) => median(samples.map(figure))
  return {
    callsPerSecond: of(({ callsPerSecond }) => callsPerSecond),
    cpuUsPerCall: of(({ cpuUsPerCall }) => cpuUsPerCall),
    residentMiB: of(({ residentMiB }) => residentMiB),
    p50Us: of(({ p50Us }) => p50Us),
    p99Us: of(({ p99Us }) => p99Us),
    p999Us: of(({ p999Us }) => p999Us),
    errorCount: samples.reduce((sum, { errorCount }) => sum + errorCount, 0),
  }
}

/** Columns of a table of samples, and the cells of one. */
export const SAMPLE_COLUMNS = [
  { name: 'calls/s' },
  { name: 'CPU µs/call', digits: 2 },
  { name: 'p50 µs' },
  { name: 'p99 µs' },
  { name: 'p99.9 µs' },
  { name: 'RSS MiB' },
  { name: 'errors' },
]

export function sampleCells(sample: Sample): number[] {
  const { callsPerSecond, cpuUsPerCall, p50Us, p99Us, p999Us, residentMiB, errorCount } = sample
  return [callsPerSecond, cpuUsPerCall, p50Us, p99Us, p999Us, residentMiB, errorCount]
}
