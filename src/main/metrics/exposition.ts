import type { CounterSample, NodeView } from '../node-view.js'
import { BUILD_INFO, type MetricFamily } from './metric-families.js'
import { type Distribution, type Labels, metricPoints } from './metric-points.js'

/** How metrics are written: Prometheus text format 0.0.4, or OpenMetrics 1.0.0. */
export type MetricsFormat = 'prometheus' | 'openmetrics'

/** Metrics as text. */
export interface MetricsText {
  readonly contentType: string
  readonly body: string
}

const CONTENT_TYPES: Readonly<Record<MetricsFormat, string>> = {
  prometheus: 'text/plain; version=0.0.4; charset=utf-8',
  openmetrics: 'application/openmetrics-text; version=1.0.0; charset=utf-8',
}

/** What is told of the program itself. */
export interface BuildInfo {
  readonly version: string
  /** Address of the node. */
  readonly self: string
}

/**
 * All metrics of a node.
 *
 * @param accept header field of the request; without a wish for OpenMetrics the answer is Prometheus text
 * @param version of this package
 */
export async function metricsOf(
  node: NodeView,
  accept: string | undefined,
  version: string,
): Promise<MetricsText> {
  const format = formatOf(accept)
  const samples = await node.counters()
  return { contentType: CONTENT_TYPES[format], body: expose(samples, format, { version, self: node.self }) }
}

/** The format that a client prefers, by its Accept (RFC 9110, section 12.5.1). */
export function formatOf(accept: string | undefined): MetricsFormat {
  const weightOf = (type: string): number => {
    for (const range of (accept ?? '').split(',')) {
      const [name, ...parameters] = range.split(';').map((part) => part.trim().toLowerCase())
      if (name !== type) continue
      const weight = parameters.find((parameter) => parameter.startsWith('q='))
      const q = weight === undefined ? 1 : Number(weight.slice(2))
      return q >= 0 && q <= 1 ? q : 0
    }
    return 0
  }
  const openMetrics = weightOf('application/openmetrics-text')
  return openMetrics > 0 && openMetrics >= weightOf('text/plain') ? 'openmetrics' : 'prometheus'
}

/** Writes samples in a format. Samples of one metric stand together, as both formats demand. */
export function expose(samples: Iterable<CounterSample>, format: MetricsFormat, build: BuildInfo): string {
  const open = format === 'openmetrics'
  const info = { version: build.version, node_version: process.version, self: build.self }
  const lines = [...headOf(BUILD_INFO, open), sampleLine(`${BUILD_INFO.name}_info`, info, 1)]
  for (const { family, points, distributions } of metricPoints(samples)) {
    lines.push(...headOf(family, open))
    const name = family.type === 'counter' ? `${family.name}_total` : family.name
    for (const { labels, value } of points) lines.push(sampleLine(name, labels, value))
    for (const distribution of distributions) lines.push(...histogramLines(family, distribution, open))
  }
  if (open) lines.push('# EOF')
  return `${lines.join('\n')}\n`
}

function headOf({ name, type, unit, help }: MetricFamily, open: boolean): string[] {
  if (open) {
    return [
      `# TYPE ${name} ${type}`,
      ...(unit ? [`# UNIT ${name} ${unit}`] : []),
      `# HELP ${name} ${escapeText(help)}`,
    ]
  }
  // Prometheus names what the sample lines name, and knows no info.
  const sample = type === 'counter' ? `${name}_total` : type === 'info' ? `${name}_info` : name
  const known = type === 'info' ? 'gauge' : type
  return [`# HELP ${sample} ${escapeHelp(help)}`, `# TYPE ${sample} ${known}`]
}

function histogramLines(
  { name, bounds = [] }: MetricFamily,
  { labels, counts, sum }: Distribution,
  open: boolean,
): string[] {
  let count = 0
  const buckets = counts.map((own, bucket) => {
    count += own
    return sampleLine(`${name}_bucket`, { ...labels, le: boundText(bounds[bucket], open) }, count)
  })
  return [...buckets, sampleLine(`${name}_sum`, labels, sum), sampleLine(`${name}_count`, labels, count)]
}

/** OpenMetrics writes bounds as floats, "Considerations: Canonical Numbers"; both want the same text every time. */
function boundText(bound: number | undefined, open: boolean): string {
  if (bound === undefined) return '+Inf'
  if (Number.isInteger(bound)) return open ? bound.toFixed(1) : String(bound)
  return bound.toFixed(7).replace(/0+$/, '')
}

function sampleLine(name: string, labels: Labels, value: number): string {
  const parts = Object.entries(labels).map(([label, text]) => `${label}="${escapeText(text)}"`)
  return `${name}${parts.length === 0 ? '' : `{${parts.join(',')}}`} ${numberText(value)}`
}

function numberText(value: number): string {
  if (value === Number.POSITIVE_INFINITY) return '+Inf'
  return value === Number.NEGATIVE_INFINITY ? '-Inf' : String(value)
}

/** Of label values, and of OpenMetrics' help. */
function escapeText(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
