import { COUNTERS, LOAD_MS_BOUNDS, VALUE_BYTES_BOUNDS } from '../../shared/counters.js'
import { LATENCY_US_BOUNDS } from '../../shared/latency-buckets.js'
import { NODE_METRICS, type NodeMetricSpec } from '../../shared/node-metrics.js'

/** A metric as monitoring systems see it. */
export interface MetricFamily {
  /** Without the suffixes of its samples: `_total`, `_bucket`, `_sum`, `_count`, `_info`. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram' | 'info'
  /** With which its name ends. */
  readonly unit?: string
  readonly help: string
  readonly labels: readonly string[]
  /** Of a histogram: upper bounds of its buckets in seconds, the last one, +Inf, left out. */
  readonly bounds?: readonly number[]
}

const PREFIX = 'geekcache_'

/** What is exported of a latency histogram: every second bound, so one to a power of two. */
export const EXPORTED_LATENCY_STEP = 2

const LATENCY_BOUNDS = LATENCY_US_BOUNDS.filter((_, index) => index % EXPORTED_LATENCY_STEP === 0).map(
  (boundUs) => boundUs / 1e6,
)

/** Counters of groups that are parts of a histogram or of a breakdown, and so no metrics of their own. */
const PARTS = /^(load_seconds_sum|load_ms_.*|value_bytes_le_.*)$/

export const BUILD_INFO: MetricFamily = {
  name: `${PREFIX}build`,
  type: 'info',
  help: 'The version of this package and of Node.js, and the address of the node',
  labels: ['version', 'node_version', 'self'],
}

/** By the names of the node's own table. */
export const NODE_FAMILIES: ReadonlyMap<string, MetricFamily> = new Map(
  NODE_METRICS.map((spec) => [spec.name, familyOfNodeMetric(spec)]),
)

const OF_SHARD = ['group', 'shard']

/** By the names of the table of group counters. */
export const GROUP_FAMILIES: ReadonlyMap<string, MetricFamily> = new Map(
  COUNTERS.filter(({ name }) => !PARTS.test(name)).map(({ name, kind, help }) => [
    name,
    {
      name: `${PREFIX}group_${name}`,
      type: kind,
      ...(name.endsWith('bytes') && { unit: 'bytes' }),
      help,
      labels: OF_SHARD,
    },
  ]),
)

/** Loads by their duration. */
export const LOAD_DURATION: MetricFamily = {
  name: `${PREFIX}group_load_duration_seconds`,
  type: 'histogram',
  unit: 'seconds',
  help: 'Time that loads from the source took',
  labels: OF_SHARD,
  bounds: LOAD_MS_BOUNDS.map((boundMs) => boundMs / 1000),
}

/** Entries by the size of their value: no histogram, for entries go as well as come. */
export const VALUE_SIZES: MetricFamily = {
  name: `${PREFIX}group_entries_by_value_size`,
  type: 'gauge',
  help: `Entries in memory with a value of up to so many bytes and more than the bound before; bounds are powers of two from ${VALUE_BYTES_BOUNDS[0]} to ${VALUE_BYTES_BOUNDS.at(-1)}`,
  labels: [...OF_SHARD, 'up_to_bytes'],
}

/** Every metric that there is, in the order in which they are told. */
export const METRIC_FAMILIES: readonly MetricFamily[] = [
  BUILD_INFO,
  ...NODE_FAMILIES.values(),
  ...GROUP_FAMILIES.values(),
  LOAD_DURATION,
  VALUE_SIZES,
]

/** Names of the samples that a metric has. */
export function sampleNamesOf({ name, type }: MetricFamily): string[] {
  if (type === 'counter') return [`${name}_total`]
  if (type === 'info') return [`${name}_info`]
  return type === 'gauge' ? [name] : ['_bucket', '_sum', '_count'].map((suffix) => name + suffix)
}

function familyOfNodeMetric({ name, kind, unit, help, labels, scope }: NodeMetricSpec): MetricFamily {
  const own = scope === 'thread' ? ['thread', 'role'] : scope === 'peer' ? ['peer'] : []
  return {
    name: `${PREFIX}${name}${unit ? `_${unit}` : ''}`,
    type: kind,
    ...(unit && { unit }),
    help,
    labels: [...own, ...labels],
    ...(kind === 'histogram' && { bounds: LATENCY_BOUNDS }),
  }
}
