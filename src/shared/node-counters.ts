import { FrontMetrics } from './front-metrics.js'
import { LATENCY_BUCKETS, leOf } from './latency-buckets.js'
import { THREAD_COUNT_MAX } from './limits.js'
import {
  type FrontName,
  labelSets,
  NODE_METRICS,
  NODE_WORDS,
  type NodeMetricName,
  type NodeMetricSpec,
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

/** Words of the gauges: what they say ends with their thread, while counts stay. */
const GAUGE_WORDS: readonly number[] = [
  ROLE_WORD,
  ...NODE_METRICS.filter(({ kind, scope }) => kind === 'gauge' && scope !== 'peer').flatMap((spec) => {
    const first = firstWordOf(spec)
    return labelSets(spec).map((_, index) => first + index)
  }),
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
    return NODE_METRICS.flatMap((spec) => {
      if (spec.scope === 'peer') return []
      if (spec.scope === 'thread') return rows.flatMap((at) => this.#threadSamples(spec, at))
      const first = firstWordOf(spec)
      return labelSets(spec).flatMap((labels, index) =>
        spec.kind === 'histogram'
          ? histogramSamples(spec.name, labels, this.#durations(rows, first + index * (LATENCY_BUCKETS + 1)))
          : [{ name: spec.name, labels, value: this.#sum(rows, first + index) }],
      )
    })
  }

  /** Where the rows begin that anybody has counted in. */
  #usedRows(): number[] {
    return Array.from({ length: THREAD_COUNT_MAX }, (_, thread) => thread * ROW_WORDS).filter(
      (at) => this.#words[at + USED_WORD] === 1,
    )
  }

  #threadSamples(spec: NodeMetricSpec, at: number): NodeSample[] {
    const role = THREAD_ROLES[this.#words[at + ROLE_WORD]! - 1]
    // Threads of the user do not watch their event loops for us.
    if (role === undefined || role === 'attached') return []
    const first = firstWordOf(spec)
    return labelSets(spec).map((labels, index) => ({
      name: spec.name,
      labels: { thread: String(at / ROW_WORDS), role, ...labels },
      value: this.#words[at + first + index]!,
    }))
  }

  #durations(rows: readonly number[], first: number): Durations {
    const counts = Array.from({ length: LATENCY_BUCKETS }, (_, bucket) => this.#sum(rows, first + bucket))
    return { counts, sumUs: this.#sum(rows, first + LATENCY_BUCKETS) }
  }

  #sum(rows: readonly number[], word: number): number {
    let sum = 0
    for (const at of rows) sum += this.#words[at + word]!
    return sum
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

function firstWordOf(spec: NodeMetricSpec): number {
  return wordOf(spec.name as NodeMetricName, ...Object.values(labelSets(spec)[0]!))
}
