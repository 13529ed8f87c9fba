import type { CounterSample } from '../main/node-view.js'

/** A shard of a group, between two looks at the counters. */
export interface ShardRates {
  readonly shard: number
  readonly getsPerS: number
  /** Of the keys that this node owns, 0…1; undefined when none was asked for. */
  readonly hitRatio: number | undefined
  readonly loadsPerS: number
  readonly evictionsPerS: number
  readonly entries: number
  readonly bytes: number
  readonly maxBytes: number
}

/** A group; the sums over its shards. */
export interface GroupRates extends Omit<ShardRates, 'shard'> {
  readonly name: string
  readonly loadErrorsPerS: number
  /** Calls to the nodes that own the keys. */
  readonly peerGetsPerS: number
  readonly loadsQueued: number
  readonly shards: readonly ShardRates[]
}

/** How long something took: percentiles of what ended between two looks, in ms; undefined when nothing did. */
export interface Latency {
  readonly name: string
  readonly perS: number
  readonly p50Ms: number | undefined
  readonly p90Ms: number | undefined
  readonly p99Ms: number | undefined
}

/** What a node did between two looks. */
export interface NodeRates {
  readonly atMs: number
  readonly groups: readonly GroupRates[]
  /** Of all groups; its shards are those of the node. */
  readonly total: GroupRates
  /** Loads from the source, then requests by front, where the node times them. */
  readonly latencies: readonly Latency[]
}

/** A bucket of a histogram: how many took up to `boundMs`, and longer than the bound before. */
interface Bucket {
  readonly boundMs: number
  readonly count: number
}

const LOAD_BUCKET = /^load_ms_(?:le_([\d.]+)|over)$/
const REQUEST_BUCKET = 'request_duration_bucket'

/** Turns counters, looked at again and again, into what happened in between. Runs in browsers, too. */
export class RateMeter {
  #values = new Map<string, number>()
  #atMs: number | undefined

  /**
   * @param atMs of the node; when it goes back, the node is another one
   * @returns undefined for the first look, and for a node that began anew
   */
  take(atMs: number, counters: readonly CounterSample[]): NodeRates | undefined {
    const before = this.#values
    const beforeMs = this.#atMs
    this.#values = new Map(counters.map((sample) => [idOf(sample), sample.value]))
    this.#atMs = atMs
    if (beforeMs === undefined || atMs <= beforeMs) return undefined
    const deltas = counters.map((sample) => ({
      ...sample,
      // A counter that is new began with 0; one that went back belongs to a group that was made again.
      delta: Math.max(0, sample.value - (before.get(idOf(sample)) ?? 0)),
    }))
    return ratesOf(atMs, (atMs - beforeMs) / 1000, deltas)
  }
}

interface Delta extends CounterSample {
  readonly delta: number
}

function idOf({ name, group, shard, labels }: CounterSample): string {
  return labels === undefined
    ? `${group}\n${shard}\n${name}`
    : `${group}\n${shard}\n${name}\n${JSON.stringify(labels)}`
}

function ratesOf(atMs: number, seconds: number, deltas: readonly Delta[]): NodeRates {
  const ofGroups = groupedBy(deltas, ({ group }) => group)
  const names = [...ofGroups.keys()].filter((name) => name !== '').sort()
  const groups = names.map((name) => groupRates(name, seconds, ofGroups.get(name)!))
  const all = deltas.filter(({ group }) => group !== '')
  return { atMs, groups, total: groupRates('', seconds, all), latencies: latenciesOf(seconds, deltas) }
}

function groupRates(name: string, seconds: number, deltas: readonly Delta[]): GroupRates {
  const byShard = groupedBy(deltas, ({ shard }) => shard)
  const shards = [...byShard]
    .sort(([a], [b]) => a - b)
    .map(([shard, of]) => ({ shard, ...shardRates(seconds, of) }))
  const sum = sums(deltas)
  return {
    name,
    ...shardRates(seconds, deltas),
    loadErrorsPerS: sum.delta('load_errors') / seconds,
    peerGetsPerS: sum.delta('peer_gets') / seconds,
    loadsQueued: sum.value('loads_queued'),
    shards,
  }
}

function shardRates(seconds: number, deltas: readonly Delta[]): Omit<ShardRates, 'shard'> {
  const { delta, value } = sums(deltas)
  const hits = delta('hits')
  const own = hits + delta('misses')
  return {
    getsPerS: delta('gets') / seconds,
    hitRatio: own === 0 ? undefined : hits / own,
    loadsPerS: delta('loads') / seconds,
    evictionsPerS: delta('evictions') / seconds,
    entries: value('entries'),
    bytes: value('bytes'),
    maxBytes: value('max_bytes'),
  }
}

function sums(deltas: readonly Delta[]) {
  const total = (of: (sample: Delta) => number) => (name: string) =>
    deltas.reduce((sum, sample) => (sample.name === name ? sum + of(sample) : sum), 0)
  return { delta: total((sample) => sample.delta), value: total((sample) => sample.value) }
}

function latenciesOf(seconds: number, deltas: readonly Delta[]): Latency[] {
  const loads = deltas.flatMap(({ name, delta }) => {
    const match = LOAD_BUCKET.exec(name)
    return match === null
      ? []
      : [{ boundMs: match[1] === undefined ? Infinity : Number(match[1]), count: delta }]
  })
  const requests = deltas.filter(({ name, labels }) => name === REQUEST_BUCKET && labels?.le !== undefined)
  const fronts = groupedBy(requests, ({ labels }) => labels?.front ?? '')
  return [
    latencyOf('loads', seconds, loads),
    ...[...fronts].sort().map(([front, of]) =>
      latencyOf(
        front,
        seconds,
        of.map(({ labels, delta }) => ({ boundMs: boundMsOf(labels?.le), count: delta })),
      ),
    ),
  ]
}

function boundMsOf(seconds: string | undefined): number {
  const bound = Number(seconds)
  return Number.isFinite(bound) ? bound * 1000 : Number.POSITIVE_INFINITY
}

function latencyOf(name: string, seconds: number, buckets: readonly Bucket[]): Latency {
  const counts = new Map<number, number>()
  for (const { boundMs, count } of buckets) counts.set(boundMs, (counts.get(boundMs) ?? 0) + count)
  const sorted = [...counts].sort(([a], [b]) => a - b).map(([boundMs, count]) => ({ boundMs, count }))
  const total = sorted.reduce((sum, { count }) => sum + count, 0)
  return {
    name,
    perS: total / seconds,
    p50Ms: percentile(sorted, total, 0.5),
    p90Ms: percentile(sorted, total, 0.9),
    p99Ms: percentile(sorted, total, 0.99),
  }
}

/** Within a bucket, as if what is in it were spread evenly; of the last one, its lower bound. */
function percentile(buckets: readonly Bucket[], total: number, part: number): number | undefined {
  if (total === 0) return undefined
  const rank = total * part
  let seen = 0
  let lowerMs = 0
  for (const { boundMs, count } of buckets) {
    if (count > 0 && seen + count >= rank) {
      return boundMs === Number.POSITIVE_INFINITY
        ? lowerMs
        : lowerMs + ((boundMs - lowerMs) * (rank - seen)) / count
    }
    seen += count
    lowerMs = boundMs
  }
  return lowerMs
}

function groupedBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, Item[]> {
  const groups = new Map<Key, Item[]>()
  for (const item of items) {
    const key = keyOf(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return groups
}
