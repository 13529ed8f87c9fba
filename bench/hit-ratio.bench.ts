import { existsSync, readdirSync } from 'node:fs'
import { POLICIES } from '../src/worker/policy/policies.js'
import { prng } from '../test/support/prng.js'
import type { LineChart } from './chart.js'
import { simulateClairvoyant } from './clairvoyant.js'
import { simulate } from './simulate.js'
import type { Findings, Run, Suite } from './suite.js'
import { readTrace, type Trace } from './trace.js'
import { loopWorkload, mixedWorkload, zipfWorkload } from './workload.js'

const SEED = 1
/** Parts of the distinct keys that the cache holds. */
const CAPACITIES = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5]
/** The workload that is drawn: popular keys, scans, and a change of what is popular. */
const DRAWN = 'mixed'

const CONTESTANTS = [...Object.keys(POLICIES), 'clairvoyant']

/** What every eviction policy makes of the same requests, from cold; beside the one that knows the future. */
export const suite: Suite = {
  name: 'hit-ratio',
  summary: 'hit ratio of every policy in percent, from cold, beside Belady’s, which knows the future',
  async run(run: Run): Promise<Findings> {
    const requestCount = run.parameter('requests', 2000, 300_000)
    const keyCount = run.parameter('keys', 100, 20_000)
    const workloads = [
      zipfWorkload(requestCount, keyCount, prng(SEED)),
      loopWorkload(requestCount, keyCount),
      mixedWorkload(requestCount, Math.ceil(keyCount / 5), prng(SEED)),
      ...(run.smoke ? [] : recordedTraces()),
    ]
    const rows = workloads.flatMap((trace) => CAPACITIES.map((part) => ratios(run, trace, part)))
    return {
      charts: [chartOf(rows)],
      tables: [
        {
          title: 'Hits per 100 requests',
          columns: [
            { name: 'workload' },
            { name: 'entries' },
            ...CONTESTANTS.map((name) => ({ name, digits: 2 })),
          ],
          rows,
        },
      ],
      notes: [
        'Recorded traces (<name>.txt.gz, one key a line) of the folder in GEEK_CACHE_TRACES are measured too; dist/bench/policy-ratio.js holds them against another simulator.',
      ],
    }
  },
}

function chartOf(rows: readonly (readonly (string | number)[])[]): LineChart {
  const drawn = rows.filter(([workload]) => workload === DRAWN)
  const series = CONTESTANTS.map((label, index) => ({
    label,
    points: drawn.map((row) => [Number(row[1]), Number(row[2 + index])] as const),
  }))
  return {
    kind: 'lines',
    name: 'hit-ratio',
    title: 'Popular keys by Zipf’s law, with scans, and half-way all others',
    xTitle: 'entries',
    yTitle: 'hits per 100 requests',
    series,
  }
}

function recordedTraces(): Trace[] {
  const folder = process.env.GEEK_CACHE_TRACES
  if (folder === undefined || !existsSync(folder)) return []
  const files = readdirSync(folder).filter((file) => file.endsWith('.txt.gz'))
  return files.sort().map((file) => readTrace(folder, file.slice(0, -'.txt.gz'.length)))
}

function ratios(run: Run, trace: Trace, part: number): (string | number)[] {
  const capacity = Math.max(1, Math.round(trace.keyCount * part))
  run.progress(`${trace.name}, ${capacity} entries`)
  const percent = (hits: number) => (100 * hits) / trace.keys.length
  const hits = Object.values(POLICIES).map((create) => percent(simulate(create, trace, capacity)))
  return [trace.name, capacity, ...hits, percent(simulateClairvoyant(trace, capacity))]
}
