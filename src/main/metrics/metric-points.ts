import { LOAD_MS_BOUNDS } from '../../shared/counters.js'
import { bucketOfLe, LATENCY_BUCKETS } from '../../shared/latency-buckets.js'
import type { CounterSample } from '../node-view.js'
import {
  EXPORTED_LATENCY_STEP,
  GROUP_FAMILIES,
  LOAD_DURATION,
  METRIC_FAMILIES,
  type MetricFamily,
  NODE_FAMILIES,
  VALUE_SIZES,
} from './metric-families.js'

export type Labels = Readonly<Record<string, string>>

/** A value of a counter or gauge. */
export interface Point {
  readonly labels: Labels
  readonly value: number
}

/** A histogram. */
export interface Distribution {
  readonly labels: Labels
  /** Of each bucket by itself; the last one is +Inf. */
  readonly counts: number[]
  sum: number
}

/** What a metric has to tell. */
export interface MetricPoints {
  readonly family: MetricFamily
  readonly points: readonly Point[]
  readonly distributions: readonly Distribution[]
}

/** Histograms that are put together from samples, by the text of their labels. */
class Distributions {
  readonly #byLabels = new Map<string, Distribution>()
  readonly #buckets: number

  constructor(buckets: number) {
    this.#buckets = buckets
  }

  at(labels: Labels): Distribution {
    const key = JSON.stringify(labels)
    const known = this.#byLabels.get(key)
    if (known) return known
    const distribution = { labels, counts: new Array<number>(this.#buckets).fill(0), sum: 0 }
    this.#byLabels.set(key, distribution)
    return distribution
  }

  *[Symbol.iterator](): Iterator<Distribution> {
    yield* this.#byLabels.values()
  }
}

/** Sorts samples by the metric that they belong to. Samples of no known metric are left out. */
export function metricPoints(samples: Iterable<CounterSample>): MetricPoints[] {
  const points = new Map<MetricFamily, Point[]>()
  const distributions = new Map<MetricFamily, Distributions>()
  const add = (family: MetricFamily | undefined, labels: Labels, value: number): void => {
    if (!family) return
    const known = points.get(family)
    if (known) known.push({ labels, value })
    else points.set(family, [{ labels, value }])
  }
  const at = (family: MetricFamily, labels: Labels): Distribution => {
    const known = distributions.get(family) ?? new Distributions(family.bounds!.length + 1)
    distributions.set(family, known)
    return known.at(labels)
  }
  for (const sample of samples) {
    if (sample.group === '') takeNodeSample(sample, add, at)
    else takeGroupSample(sample, add, at)
  }
  return METRIC_FAMILIES.flatMap((family) => {
    const own = {
      family,
      points: points.get(family) ?? [],
      distributions: [...(distributions.get(family) ?? [])],
    }
    return own.points.length + own.distributions.length === 0 ? [] : [own]
  })
}

type Add = (family: MetricFamily | undefined, labels: Labels, value: number) => void
type At = (family: MetricFamily, labels: Labels) => Distribution

function takeNodeSample({ name, labels = {}, value }: CounterSample, add: Add, at: At): void {
  const [, base = name, part] = /^(.*)_(bucket|sum)$/.exec(name) ?? []
  const family = NODE_FAMILIES.get(part ? base : name)
  if (family?.type !== 'histogram') {
    add(NODE_FAMILIES.get(name), labels, value)
    return
  }
  const { le, ...others } = labels
  const distribution = at(family, others)
  if (part === 'sum') distribution.sum += value
  const bucket = le === undefined ? undefined : bucketOfLe(le)
  if (bucket === undefined) return
  const last = distribution.counts.length - 1
  const exported = bucket === LATENCY_BUCKETS - 1 ? last : Math.ceil(bucket / EXPORTED_LATENCY_STEP)
  distribution.counts[exported]! += value
}

function takeGroupSample({ name, group, shard, value }: CounterSample, add: Add, at: At): void {
  const labels = { group, shard: String(shard) }
  const [, kind, bound = ''] = /^(load_ms|value_bytes)_(?:le_)?([\d.]+|over)$/.exec(name) ?? []
  if (kind === 'value_bytes') add(VALUE_SIZES, { ...labels, up_to_bytes: bound }, value)
  else if (kind === 'load_ms') {
    const bucket = LOAD_MS_BOUNDS.findIndex((candidate) => String(candidate) === bound)
    const { counts } = at(LOAD_DURATION, labels)
    counts[bucket < 0 ? counts.length - 1 : bucket]! += value
  } else if (name === 'load_seconds_sum') at(LOAD_DURATION, labels).sum += value
  else add(GROUP_FAMILIES.get(name), labels, value)
}
