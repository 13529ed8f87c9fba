import { FrontMetrics } from './front-metrics.js'
import { LATENCY_BUCKETS, leOf } from './latency-buckets.js'
import { THREAD_COUNT_MAX } from './limits.js'
import {
  type FrontName,
  labelSets,
  NODE_METRICS,
  NODE_WORDS,
  type NodeMetricName,
  ROLE_WORD,
  THREAD_ROLES,
  type ThreadRole,
  USED_WORD,
  wordOf,
} from './node-metrics.js'

/** One sample of one metric of the node, named as in the table. Buckets of a histogram have a label `le`. */
export interface NodeSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** Whole lines of 64 bytes, so that no two threads write to the same one. */
const ROW_WORDS = Math.ceil(NODE_WORDS / 8) * 8

/** Every metric that has words: its combinations of labels, in the order of their words, and its first word. */
const SERIES = NODE_METRICS.filter(({ scope }) => scope !== 'peer').map((spec) => {
  const labels = labelSets(spec)
  return { spec, labels, first: wordOf(spec.name as NodeMetricName, ...Object.values(labels[0]!)) }
})

type Series = (typeof SERIES)[number]

/** Words of the gauges: what they say ends with their thread, while counts stay. */
const GAUGE_WORDS: readonly number[] = [
  ROLE_WORD,
  ...SERIES.filter(({ spec }) => spec.kind === 'gauge').flatMap(({ labels, first }) =>
    labels.map((_, index) => first + index),
  ),
]

/** What one thread counts of the node as a whole. Nobody else writes to its words. */
export class NodeCounterRow {
  /** Shared words of all rows, and where this one begins. */
  readonly words: Float64Array
  readonly at: number

  constructor(words: Float64Array, at: number, role: ThreadRole) {
    this.words = words
    this.at = at
    this.setRole(role)
  }

  /** What the thread is for. */
  setRole(role: ThreadRole): void {
    this.words[this.at + USED_WORD] = 1
    this.words[this.at + ROLE_WORD] = THREAD_ROLES.indexOf(role) + 1
  }

  /** @param values of the labels of the metric, in the order of the table */
  add(name: NodeMetricName, values: readonly string[] = [], count = 1): void {
    this.words[this.at + wordOf(name, ...values)]! += count
  }

  set(name: NodeMetricName, value: number, values: readonly string[] = []): void {
    this.words[this.at + wordOf(name, ...values)] = value
  }

  get(name: NodeMetricName, values: readonly string[] = []): number {
    return this.words[this.at + wordOf(name, ...values)]!
  }

  /** What this thread counts of one front. Says that the thread serves it, unless it is the API of the process itself. */
  front(front: FrontName): FrontMetrics {
    if (front !== 'embed') this.set('front_threads', 1, [front])
    return new FrontMetrics(this.words, this.at, front)
  }
}

/**
 * All counters of a node as a whole: a row of 64-bit floats for every thread, in shared memory.
 *
 *     [thread 0: role │ requests{grpc,hit} requests{grpc,load} … │ request_duration{grpc,hit} … ] [thread 1: …] …
 *
 * As with the counters of groups, every word has one writer, so counting needs no atomic operation, and reading sums over
 * the threads without a message. A sum is exact once the writers rest, and at worst a few counts behind while they run.
 */
export class NodeCounters {
  readonly memory: SharedArrayBuffer
  readonly #words: Float64Array

  constructor(memory = new SharedArrayBuffer(THREAD_COUNT_MAX * ROW_WORDS * 8)) {
    this.memory = memory
    this.#words = new Float64Array(memory)
  }

  /** The row of a thread, for that thread alone. */
  row(thread: number, role: ThreadRole): NodeCounterRow {
    return new NodeCounterRow(this.#words, thread * ROW_WORDS, role)
  }

  /** The thread has ended: what was true of it is so no more. Its counts stay. */
  endThread(thread: number): void {
    for (const word of GAUGE_WORDS) this.#words[thread * ROW_WORDS + word] = 0
  }

  /**
   * Samples of all metrics but those of peers. Of histograms there is `NAME_sum`, in seconds, and each bucket that has
   * counted anything as `NAME_bucket`, by itself: buckets are not cumulative, their label `le` is in seconds.
   */
  samples(): NodeSample[] {
    const rows = this.#usedRows()
    const sums = this.#sums(rows)
    return SERIES.flatMap((series) => {
      const { spec, labels, first } = series
      if (spec.scope === 'thread') return rows.flatMap((at) => this.#threadSamples(series, at))
      if (spec.kind !== 'histogram') {
        return labels.map((of, index) => ({ name: spec.name, labels: of, value: sums[first + index]! }))
      }
      return labels.flatMap((of, index) => {
        const durations = durationsAt(sums, first + index * (LATENCY_BUCKETS + 1))
        return durations ? histogramSamples(spec.name, of, durations) : []
      })
    })
  }

  /** Where the rows begin that anybody has counted in. */
  #usedRows(): number[] {
    return Array.from({ length: THREAD_COUNT_MAX }, (_, thread) => thread * ROW_WORDS).filter(
      (at) => this.#words[at + USED_WORD] === 1,
    )
  }

  #threadSamples({ spec, labels, first }: Series, at: number): NodeSample[] {
    const role = THREAD_ROLES[this.#words[at + ROLE_WORD]! - 1]
    // Threads of the user do not watch their event loops for us.
    if (role === undefined || role === 'attached') return []
    return labels.map((of, index) => ({
      name: spec.name,
      labels: { thread: String(at / ROW_WORDS), role, ...of },
      value: this.#words[at + first + index]!,
    }))
  }

  /** Of every word of a row, over these rows. */
  #sums(rows: readonly number[]): Float64Array {
    const sums = new Float64Array(NODE_WORDS)
    for (const at of rows)
      for (let word = 0; word < NODE_WORDS; word++) sums[word]! += this.#words[at + word]!
    return sums
  }
}

/** Durations that were counted. */
export interface Durations {
  /** Of each bucket by itself. */
  readonly counts: readonly number[]
  readonly sumUs: number
}

/** Samples of one histogram; none while it has counted nothing. */
export function histogramSamples(
  name: string,
  labels: Readonly<Record<string, string>>,
  { counts, sumUs }: Durations,
): NodeSample[] {
  const buckets = counts.flatMap((value, bucket) =>
    value === 0 ? [] : [{ name: `${name}_bucket`, labels: { ...labels, le: leOf(bucket) }, value }],
  )
  return buckets.length === 0 ? [] : [...buckets, { name: `${name}_sum`, labels, value: sumUs / 1e6 }]
}

/** What a histogram has counted whose words begin at `first`; undefined when that is nothing. */
function durationsAt(sums: Float64Array, first: number): Durations | undefined {
  const end = first + LATENCY_BUCKETS
  for (let word = first; word < end; word++) {
    if (sums[word] !== 0) return { counts: [...sums.subarray(first, end)], sumUs: sums[end]! }
  }
  return undefined
}
