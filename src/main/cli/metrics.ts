import { CacheError } from '../../shared/errors.js'
import { expose } from '../metrics/exposition.js'
import { grafanaDashboard } from '../metrics/grafana-dashboard.js'
import { metricsPage } from '../metrics/metrics-page.js'
import { type OptionTable, readEnvironment, resolveOptions } from '../option/option.js'
import { toggle } from '../option/option-type.js'
import { packageVersion } from '../package-version.js'
import type { Command } from './command.js'
import { CLIENT_OPTIONS, withNode } from './node-client.js'

const OPTIONS = {
  openMetrics: { flag: 'openmetrics', type: toggle(), default: false, help: 'Print OpenMetrics 1.0.0' },
  dashboard: {
    flag: 'dashboard',
    type: toggle(),
    default: false,
    help: 'Print a Grafana dashboard of all metrics instead; asks no node',
  },
  table: {
    flag: 'table',
    type: toggle(),
    default: false,
    help: 'Print a table of all metrics instead, in Markdown; asks no node',
  },
  ...CLIENT_OPTIONS,
} as const satisfies OptionTable

export const metricsCommand: Command = {
  name: 'metrics',
  summary: 'Print the metrics of a node for Prometheus',
  description: [
    'The same as GET /metrics of its HTTP front, for nodes without one: by way of a file, for example.',
  ],
  arguments: [],
  options: OPTIONS,
  examples: [
    ['geek-cache metrics', 'the metrics of 127.0.0.1:8001'],
    ['geek-cache metrics --dashboard', 'what Grafana imports'],
  ],
  async run({ flags, terminal }) {
    const { values } = resolveOptions(OPTIONS, [readEnvironment(OPTIONS, terminal.environment), flags])
    if (values.dashboard && values.table)
      throw new CacheError('INVALID_ARGUMENT', '--dashboard and --table exclude each other')
    if (values.dashboard) terminal.stdout.write(`${JSON.stringify(grafanaDashboard(), null, 2)}\n`)
    else if (values.table) terminal.stdout.write(metricsPage())
    else {
      const { self, counters } = await withNode(values, (node) => node.stats())
      const format = values.openMetrics ? 'openmetrics' : 'prometheus'
      terminal.stdout.write(expose(counters, format, { version: packageVersion(), self }))
    }
    return 0
  },
}
