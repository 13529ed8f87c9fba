import { assert } from './assert.js'
import type { CodeName } from './errors.js'
import { LATENCY_BUCKETS } from './latency-buckets.js'

/** The protocols that a node speaks; `embed` is the API of the process that the node lives in. */
export const FRONTS = ['grpc', 'http', 'resp', 'ws', 'embed'] as const

export type FrontName = (typeof FRONTS)[number]

/** How a request can end; a request for many keys counts each of them. */
export const OUTCOMES = [
  // Answered with a value.
  'hit',
  'load',
  'coalesced',
  'stale',
  'peer',
  // The source has no such key, or the node no such group.
  'not_found',
  // Answered, and no value was asked for: deletes, statistics, PING.
  'done',
  // Errors, by class.
  'cancelled',
  'failed',
  'invalid',
  'deadline',
  'exhausted',
  'unavailable',
  'internal',
] as const

export type OutcomeName = (typeof OUTCOMES)[number]

/** Number of each outcome, for those who record them. */
export const RequestOutcome = Object.fromEntries(OUTCOMES.map((name, index) => [name, index])) as Record<
  OutcomeName,
  number
>

/** The class of every error. */
export const OUTCOME_OF_CODE: Readonly<Record<CodeName, OutcomeName>> = {
  CANCELLED: 'cancelled',
  UNKNOWN: 'failed',
  INVALID_ARGUMENT: 'invalid',
  DEADLINE_EXCEEDED: 'deadline',
  NOT_FOUND: 'not_found',
  ALREADY_EXISTS: 'invalid',
  RESOURCE_EXHAUSTED: 'exhausted',
  FAILED_PRECONDITION: 'unavailable',
  UNIMPLEMENTED: 'invalid',
  INTERNAL: 'internal',
  UNAVAILABLE: 'unavailable',
}

/** What the threads of a node are for; `attached` ones are its user's. */
export const THREAD_ROLES = ['main', 'worker', 'grpc', 'http', 'attached'] as const

export type ThreadRole = (typeof THREAD_ROLES)[number]

export const REGISTRY_STATES = ['idle', 'connecting', 'connected', 'disconnected', 'closed'] as const

/** Percentiles of the delays of an event loop that are told; 100 is the longest. */
export const DELAY_PERCENTILES = ['50', '90', '99', '100'] as const

/** Why a connection is closed whose client keeps to the protocol, but takes too much of the node. */
export const DROP_CAUSES = [
  // It asks for nothing.
  'idle',
  // It does not read its replies.
  'slow',
  // The rest of its request does not come.
  'unfinished',
  // It does not authenticate.
  'stranger',
  // It, or all together, made the node hold too much.
  'memory',
] as const

export type DropCause = (typeof DROP_CAUSES)[number]

/** The labels that there are, and all values that each may have: together they bound the number of series. */
export const METRIC_LABELS = {
  front: FRONTS,
  outcome: OUTCOMES,
  role: THREAD_ROLES,
  state: REGISTRY_STATES,
  percentile: DELAY_PERCENTILES,
  mode: ['user', 'system'],
  by: ['client', 'server'],
  reason: ['shutdown', 'error', 'flood'],
  cause: DROP_CAUSES,
} as const satisfies Record<string, readonly string[]>

export type LabelName = keyof typeof METRIC_LABELS

/** One metric of the node. */
export interface NodeMetricSpec {
  readonly name: string
  /** A counter only grows; a gauge is what is true now; a histogram counts durations by latency bucket. */
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** As Prometheus names it; histograms are in seconds. */
  readonly unit?: 'seconds' | 'bytes' | 'ratio'
  readonly labels: readonly LabelName[]
  /**
   * node: summed over the threads. thread: each thread has its own, labelled with its number and role. peer: of one
   * peer, labelled with its address; kept by the main thread, so it has no words.
   */
  readonly scope: 'node' | 'thread' | 'peer'
}

type Row = readonly [
  name: string,
  kind: NodeMetricSpec['kind'],
  unit: NodeMetricSpec['unit'],
  labels: readonly LabelName[],
  scope: NodeMetricSpec['scope'],
  help: string,
]

const TABLE = [
  [
    'requests',
    'counter',
    undefined,
    ['front', 'outcome'],
    'node',
    'Requests that ended, each key of a request for many counted',
  ],
  [
    'request_duration',
    'histogram',
    'seconds',
    ['front', 'outcome'],
    'node',
    'Time from the read that brought a request to its answer; hits of one socket read share the time of that read, hits of the embedding process are not timed',
  ],
  ['front_threads', 'gauge', undefined, ['front'], 'node', 'Threads that serve a protocol'],
  ['connections_open', 'gauge', undefined, ['front'], 'node', 'Connections that stand'],
  ['connections', 'counter', undefined, ['front'], 'node', 'Connections that were accepted'],
  [
    'connections_refused',
    'counter',
    undefined,
    ['front'],
    'node',
    'Connections that were turned away: there were too many, or a WebSocket came from a page of another origin',
  ],
  [
    'connections_dropped',
    'counter',
    undefined,
    ['front', 'cause'],
    'node',
    'Connections of Redis (resp) and WebSocket clients that were closed because they took too much of the node',
  ],
  ['received', 'counter', 'bytes', ['front'], 'node', 'Bytes read from connections, after decryption'],
  ['sent', 'counter', 'bytes', ['front'], 'node', 'Bytes written to connections, before encryption'],
  ['protocol_errors', 'counter', undefined, ['front'], 'node', 'Violations of the protocol by a client'],
  ['grpc_streams', 'counter', undefined, [], 'node', 'HTTP/2 streams that clients opened'],
  ['grpc_resets', 'counter', undefined, ['by'], 'node', 'HTTP/2 streams that were reset before their end'],
  [
    'grpc_goaways',
    'counter',
    undefined,
    ['reason'],
    'node',
    'HTTP/2 connections that this node ended, by GOAWAY or, where the preface never came, without',
  ],
  ['resp_held', 'gauge', 'bytes', [], 'node', 'Requests and replies of Redis clients in memory'],
  ['resp_tracking_clients', 'gauge', undefined, [], 'node', 'Redis clients that keep copies of values'],
  [
    'resp_tracked_keys',
    'gauge',
    undefined,
    [],
    'node',
    'Copies of values that Redis clients may have and will be told of',
  ],
  ['resp_invalidations', 'counter', undefined, [], 'node', 'Copies that Redis clients were told to drop'],
  ['thread_restarts', 'counter', undefined, ['role'], 'node', 'Threads that died and were replaced'],
  ['ring_members', 'gauge', undefined, [], 'node', 'Members of the ring'],
  ['ring_changes', 'counter', undefined, [], 'node', 'Changes of the ring'],
  [
    'registry_state',
    'gauge',
    undefined,
    ['state'],
    'node',
    'How the registry of the members stands: 1 for the state that it is in',
  ],
  ['registry_registrations', 'counter', undefined, [], 'node', 'How often this node has registered itself'],
  [
    'registry_connection_failures',
    'counter',
    undefined,
    [],
    'node',
    'How often the registry was lost, or could not be reached after that',
  ],
  ['process_resident_memory', 'gauge', 'bytes', [], 'node', 'Memory of the process that lies in RAM'],
  ['process_cpu', 'counter', 'seconds', ['mode'], 'node', 'Processor time that the process has used'],
  ['process_uptime', 'gauge', 'seconds', [], 'node', 'Time since the process began'],
  ['event_loop_utilization', 'gauge', 'ratio', [], 'thread', 'Part of the time that the event loop was busy'],
  [
    'event_loop_delay',
    'gauge',
    'seconds',
    ['percentile'],
    'thread',
    'How late timers are, over the last five seconds; percentile 100 is the longest',
  ],
  ['heap_used', 'gauge', 'bytes', [], 'thread', 'JavaScript heap in use'],
  ['heap_limit', 'gauge', 'bytes', [], 'thread', 'JavaScript heap that may be in use'],
  ['peer_up', 'gauge', undefined, [], 'peer', '1 while a connection to the peer stands'],
  ['peer_calls', 'counter', undefined, [], 'peer', 'Calls to the peer that ended'],
  ['peer_call_errors', 'counter', undefined, [], 'peer', 'Calls to the peer that brought no answer'],
  ['peer_call_duration', 'histogram', 'seconds', [], 'peer', 'Time that calls to the peer took'],
] as const satisfies readonly Row[]

export type NodeMetricName = (typeof TABLE)[number][0]

/** The table of everything that is counted of a node as a whole: statistics, metrics and docs are derived from it. */
export const NODE_METRICS: readonly NodeMetricSpec[] = TABLE.map(
  ([name, kind, unit, labels, scope, help]: Row): NodeMetricSpec => ({
    name,
    kind,
    ...(unit && { unit }),
    labels,
    scope,
    help,
  }),
)

/** Words that one combination of labels takes: a histogram has its buckets, then the sum in µs. */
function stride({ kind }: NodeMetricSpec): number {
  return kind === 'histogram' ? LATENCY_BUCKETS + 1 : 1
}

/** Every combination of values of the labels, the last label changing fastest. */
export function labelSets(spec: NodeMetricSpec): Readonly<Record<string, string>>[] {
  return spec.labels.reduce<Record<string, string>[]>(
    (sets, label) => sets.flatMap((set) => METRIC_LABELS[label].map((value) => ({ ...set, [label]: value }))),
    [{}],
  )
}

interface Layout {
  readonly firstWord: ReadonlyMap<string, number>
  readonly words: number
}

const LAYOUT = NODE_METRICS.reduce<{ firstWord: Map<string, number>; words: number }>(
  (layout, spec) => {
    if (spec.scope === 'peer') return layout
    layout.firstWord.set(spec.name, layout.words)
    layout.words += labelSets(spec).length * stride(spec)
    return layout
  },
  // The first words of a row say who has it, and whether anybody ever had.
  { firstWord: new Map(), words: 2 },
) satisfies Layout

/** Word of a row with the role of its thread: its number in {@link THREAD_ROLES} and 1, 0 for a row that nobody has. */
export const ROLE_WORD = 0

/** Word of a row that is 1 once a thread had it, and stays so: rows of which it is 0 have counted nothing. */
export const USED_WORD = 1

/** Words that a row of counters has. */
export const NODE_WORDS = LAYOUT.words

/**
 * Where in a row a metric stands.
 *
 * @param values of its labels, in their order
 * @returns its word, of a histogram the first bucket
 */
export function wordOf(name: NodeMetricName, ...values: readonly string[]): number {
  const spec = NODE_METRICS.find((candidate) => candidate.name === name)
  const first = LAYOUT.firstWord.get(name)
  assert(spec && first !== undefined && values.length === spec.labels.length, `${name} has no such word`)
  const position = spec.labels.reduce((index, label, at) => {
    const known: readonly string[] = METRIC_LABELS[label]
    const value = known.indexOf(values[at]!)
    assert(value >= 0, `${label} cannot be ${values[at]}`)
    return index * known.length + value
  }, 0)
  return first + position * stride(spec)
}
