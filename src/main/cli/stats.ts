import { bucketOfLe, LATENCY_BUCKETS, latencyQuantileUs } from '../../shared/latency-buckets.js'
import type { CounterSample } from '../node-view.js'
import { type OptionTable, readEnvironment, resolveOptions } from '../option/option.js'
import { toggle } from '../option/option-type.js'
import type { NodeStats } from '../service/node-codec.js'
import { alignColumns } from './columns.js'
import type { Command } from './command.js'
import { CLIENT_OPTIONS, withNode } from './node-client.js'

const OPTIONS = {
  json: {
    flag: 'json',
    type: toggle(),
    default: false,
    help: 'Print JSON: every counter of every group and shard',
  },
  ...CLIENT_OPTIONS,
} as const satisfies OptionTable

/** More columns than these would not fit a terminal. */
const SHARD_COLUMNS_MAX = 8

/** Buckets of a histogram; the empty ones are left out of tables. */
const HISTOGRAM_BUCKET = /_(le_[\d.]+|over)$/

export const statsCommand: Command = {
  name: 'stats',
  summary: 'Print the counters of a node',
  description: ['One table for the node and one for each group, with a column for each shard.'],
  arguments: [],
  options: OPTIONS,
  examples: [
    ['geek-cache stats', 'the counters of 127.0.0.1:8001'],
    ['geek-cache stats --json', 'for programs'],
  ],
  async run({ flags, terminal }) {
    const { values } = resolveOptions(OPTIONS, [readEnvironment(OPTIONS, terminal.environment), flags])
    const stats = await withNode(values, (node) => node.stats())
    terminal.stdout.write(values.json ? `${JSON.stringify(stats)}\n` : statsText(stats))
    return 0
  },
}

/** A table for the node, if it has counters of its own, and one per group. */
export function statsText({ self, counters }: NodeStats): string {
  const groups = [...new Set(counters.map(({ group }) => group))].sort()
  const tables = groups.map((group) => {
    const samples = counters.filter((sample) => sample.group === group)
    return group === '' ? nodeTable(`node ${self}`, samples) : groupTable(`group ${group}`, samples)
  })
  return tables.length === 0 ? `node ${self}: no counters\n` : tables.join('\n')
}

/** What has counted anything, and percentiles for histograms. */
function nodeTable(title: string, samples: readonly CounterSample[]): string {
  const histograms = new Map<string, number[]>()
  const rows: string[][] = []
  for (const { name, labels = {}, value } of samples) {
    const { le, ...others } = labels
    const bucket = bucketOfLe(le ?? '')
    if (bucket === undefined) {
      if (value !== 0 || Object.keys(labels).length === 0)
        rows.push([name + labelText(others), formatCount(value)])
      continue
    }
    const key = `${name.replace(/_bucket$/, '')}${labelText(others)}`
    const counts = histograms.get(key) ?? new Array<number>(LATENCY_BUCKETS).fill(0)
    histograms.set(key, counts)
    counts[bucket]! += value
  }
  for (const [key, counts] of histograms) {
    for (const quantile of [0.5, 0.99]) {
      const us = latencyQuantileUs(counts, quantile) ?? 0
      rows.push([`${key} p${100 * quantile}`, `${(us / 1000).toFixed(3)} ms`])
    }
  }
  return alignColumns([[title, ''], ...rows], [1])
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([label, value]) => `${label}=${value}`)
  return parts.length === 0 ? '' : `{${parts.join(',')}}`
}

function groupTable(title: string, samples: readonly CounterSample[]): string {
  const names = [...new Set(samples.map(({ name }) => name))]
  const shards = [...new Set(samples.map(({ shard }) => shard))].sort((a, b) => a - b)
  const columns = shards.length > 1 && shards.length <= SHARD_COLUMNS_MAX ? shards : []
  const valueOfShard = (name: string, shard: number) => {
    const sample = samples.find((candidate) => candidate.name === name && candidate.shard === shard)
    return sample === undefined ? '' : formatCount(sample.value)
  }
  const rows = names.flatMap((name) => {
    const total = samples.filter((sample) => sample.name === name).reduce((sum, { value }) => sum + value, 0)
    if (total === 0 && HISTOGRAM_BUCKET.test(name)) return []
    return [[name, formatCount(total), ...columns.map((shard) => valueOfShard(name, shard))]]
  })
  const head = [title, columns.length > 0 ? 'total' : '', ...columns.map((shard) => `shard ${shard}`)]
  return alignColumns(
    [head, ...rows],
    head.map((_, column) => column).filter((column) => column > 0),
  )
}

/** With blanks between thousands: 1 234 567. */
function formatCount(value: number): string {
  if (!Number.isInteger(value)) return value.toFixed(3)
  return String(value).replace(/\B(?=(\d{3})+$)/g, ' ')
}
