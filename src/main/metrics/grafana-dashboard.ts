import { assert } from '../../shared/assert.js'
import {
  GROUP_FAMILIES,
  LOAD_DURATION,
  type MetricFamily,
  NODE_FAMILIES,
  sampleNamesOf,
} from './metric-families.js'

/** One graph: what it shows, in which unit of Grafana, by which queries. */
interface Graph {
  readonly title: string
  readonly unit: string
  readonly queries: readonly (readonly [expression: string, legend: string])[]
}

const RATE = '[$__rate_interval]'
const NODE = 'instance=~"$instance"'
const GROUP = `${NODE},group=~"$group"`

const WIDTH = 12
const HEIGHT = 8
const COLUMNS = 2

/**
 * A dashboard for Grafana 10 and later, as it is imported. Made from the tables of metrics, so that it names none that
 * does not exist.
 */
export function grafanaDashboard(): object {
  const rows = Object.entries(graphs())
  let y = 0
  const panels: object[] = []
  for (const [title, graphsOfRow] of rows) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      gridPos: { h: 1, w: 24, x: 0, y },
      panels: [],
    })
    y++
    for (const [index, graph] of graphsOfRow.entries()) {
      const gridPos = {
        h: HEIGHT,
        w: WIDTH,
        x: (index % COLUMNS) * WIDTH,
        y: y + Math.floor(index / COLUMNS) * HEIGHT,
      }
      panels.push(panelOf(panels.length + 1, graph, gridPos))
    }
    y += Math.ceil(graphsOfRow.length / COLUMNS) * HEIGHT
  }
  return {
    title: 'geek-cache',
    uid: 'geek-cache',
    description: 'Nodes of a geek-cache ring',
    tags: ['geek-cache'],
    schemaVersion: 39,
    version: 1,
    editable: true,
    graphTooltip: 1,
    refresh: '10s',
    time: { from: 'now-1h', to: 'now' },
    templating: { list: variables() },
    panels,
  }
}

function graphs(): Readonly<Record<string, readonly Graph[]>> {
  return {
    Requests: requestGraphs(),
    Groups: groupGraphs(),
    'Ring and peers': ringGraphs(),
    Threads: threadGraphs(),
  }
}

function requestGraphs(): Graph[] {
  return [
    graph('Requests by front', 'reqps', [
      `sum by (front) (rate(${node('requests')}{${NODE}}${RATE}))`,
      '{{front}}',
    ]),
    graph('Requests by outcome', 'reqps', [
      `sum by (outcome) (rate(${node('requests')}{${NODE}}${RATE}))`,
      '{{outcome}}',
    ]),
    graph('Latency of hits', 's', ...latencies('outcome="hit"')),
    graph('Latency of everything else', 's', ...latencies('outcome!="hit"')),
    graph('Errors', 'reqps', [
      `sum by (front, outcome) (rate(${node('requests')}{${NODE},outcome=~"cancelled|failed|invalid|deadline|exhausted|unavailable|internal"}${RATE}))`,
      '{{front}} {{outcome}}',
    ]),
    graph('Connections', 'short', [`sum by (front) (${node('connections_open')}{${NODE}})`, '{{front}}']),
    graph(
      'Traffic',
      'Bps',
      [`sum by (front) (rate(${node('received')}{${NODE}}${RATE}))`, '{{front}} in'],
      [`-sum by (front) (rate(${node('sent')}{${NODE}}${RATE}))`, '{{front}} out'],
    ),
    graph(
      'Refused and broken',
      'ops',
      [`sum by (front) (rate(${node('protocol_errors')}{${NODE}}${RATE}))`, '{{front}} protocol errors'],
      [`sum by (front) (rate(${node('connections_refused')}{${NODE}}${RATE}))`, '{{front}} refused'],
      [`sum by (reason) (rate(${node('grpc_goaways')}{${NODE}}${RATE}))`, 'GOAWAY {{reason}}'],
    ),
  ]
}

function groupGraphs(): Graph[] {
  return [
    graph('Hit ratio', 'percentunit', [
      `sum by (group) (rate(${group('hits')}{${GROUP}}${RATE})) / sum by (group) (rate(${group('gets')}{${GROUP}}${RATE}))`,
      '{{group}}',
    ]),
    graph(
      'Loads',
      'ops',
      [`sum by (group) (rate(${group('loads')}{${GROUP}}${RATE}))`, '{{group}}'],
      [`sum by (group) (rate(${group('load_errors')}{${GROUP}}${RATE}))`, '{{group}} failed'],
    ),
    graph(
      'Time of loads',
      's',
      ...[0.5, 0.99].map(
        (quantile) =>
          [
            `histogram_quantile(${quantile}, sum by (le, group) (rate(${nameOf(LOAD_DURATION, '_bucket')}{${GROUP}}${RATE})))`,
            `{{group}} p${quantile * 100}`,
          ] as const,
      ),
    ),
    graph(
      'Memory',
      'bytes',
      [`sum by (group) (${group('bytes')}{${GROUP}})`, '{{group}}'],
      [`sum by (group) (${group('max_bytes')}{${GROUP}})`, '{{group}} limit'],
    ),
    graph('Entries', 'short', [`sum by (group) (${group('entries')}{${GROUP}})`, '{{group}}']),
    graph(
      'Evictions and expirations',
      'ops',
      [`sum by (group) (rate(${group('evictions')}{${GROUP}}${RATE}))`, '{{group}} evicted'],
      [`sum by (group) (rate(${group('expirations')}{${GROUP}}${RATE}))`, '{{group}} expired'],
    ),
  ]
}

function ringGraphs(): Graph[] {
  return [
    graph('Members', 'short', [`${node('ring_members')}{${NODE}}`, '{{instance}}']),
    graph('Registry', 'short', [`${node('registry_state')}{${NODE}} > 0`, '{{instance}} {{state}}']),
    graph(
      'Calls to peers',
      'ops',
      [`sum by (peer) (rate(${node('peer_calls')}{${NODE}}${RATE}))`, '{{peer}}'],
      [`sum by (peer) (rate(${node('peer_call_errors')}{${NODE}}${RATE}))`, '{{peer}} failed'],
    ),
    graph('Time of calls to peers', 's', [
      `histogram_quantile(0.99, sum by (le, peer) (rate(${node('peer_call_duration', '_bucket')}{${NODE}}${RATE})))`,
      '{{peer}} p99',
    ]),
  ]
}

function threadGraphs(): Graph[] {
  return [
    graph('Event loop utilization', 'percentunit', [
      `${node('event_loop_utilization')}{${NODE}}`,
      '{{instance}} {{role}} {{thread}}',
    ]),
    graph('Event loop delay, p99', 's', [
      `${node('event_loop_delay')}{${NODE},percentile="99"}`,
      '{{instance}} {{role}} {{thread}}',
    ]),
    graph('Processor time', 'percentunit', [
      `sum by (instance, mode) (rate(${node('process_cpu')}{${NODE}}${RATE}))`,
      '{{instance}} {{mode}}',
    ]),
    graph(
      'Memory of the process',
      'bytes',
      [`${node('process_resident_memory')}{${NODE}}`, '{{instance}} RSS'],
      [`sum by (instance) (${node('heap_used')}{${NODE}})`, '{{instance}} heaps'],
    ),
    graph('Threads replaced', 'ops', [
      `sum by (instance, role) (increase(${node('thread_restarts')}{${NODE}}${RATE}))`,
      '{{instance}} {{role}}',
    ]),
  ]
}

function latencies(selector: string): (readonly [string, string])[] {
  return [0.5, 0.99].map((quantile) => [
    `histogram_quantile(${quantile}, sum by (le, front) (rate(${node('request_duration', '_bucket')}{${NODE},${selector}}${RATE})))`,
    `{{front}} p${quantile * 100}`,
  ])
}

function graph(title: string, unit: string, ...queries: Graph['queries']): Graph {
  return { title, unit, queries }
}

/** Name of a sample of a metric of the node. */
function node(name: string, suffix?: string): string {
  return nameOf(NODE_FAMILIES.get(name), suffix)
}

function group(name: string): string {
  return nameOf(GROUP_FAMILIES.get(name))
}

function nameOf(family: MetricFamily | undefined, suffix = ''): string {
  assert(family, 'The tables have every metric of the dashboard')
  const name = sampleNamesOf(family).find((candidate) => candidate.endsWith(suffix))
  assert(name, `${family.name} has no sample ${suffix}`)
  return name
}

function panelOf(id: number, { title, unit, queries }: Graph, gridPos: object): object {
  return {
    id,
    type: 'timeseries',
    title,
    datasource: DATASOURCE,
    gridPos,
    fieldConfig: {
      defaults: {
        unit,
        min: queries.some(([text]) => text.startsWith('-')) ? null : 0,
        custom: { fillOpacity: 10 },
      },
      overrides: [],
    },
    options: {
      legend: { displayMode: 'list', placement: 'bottom' },
      tooltip: { mode: 'multi', sort: 'desc' },
    },
    targets: queries.map(([expr, legendFormat], index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      expr,
      legendFormat,
    })),
  }
}

const DATASOURCE = { type: 'prometheus', uid: `$${'{datasource}'}` }

function variables(): object[] {
  const labelValues = (label: string, metric: string) => ({
    name: label,
    type: 'query',
    datasource: DATASOURCE,
    query: { query: `label_values(${metric}, ${label})`, refId: label },
    refresh: 2,
    multi: true,
    includeAll: true,
    current: { text: 'All', value: '$__all' },
  })
  return [
    { name: 'datasource', type: 'datasource', query: 'prometheus' },
    labelValues('instance', node('ring_members')),
    labelValues('group', group('entries')),
  ]
}
