// Writes the files that are made from the tables of metrics: the page of the documentation and the Grafana dashboard.
import { writeFileSync } from 'node:fs'
import { grafanaDashboard } from '../dist/src/main/metrics/grafana-dashboard.js'
import { metricsPage } from '../dist/src/main/metrics/metrics-page.js'

const root = new URL('..', import.meta.url)
writeFileSync(new URL('docs/metrics.md', root), metricsPage())
writeFileSync(
  new URL('examples/grafana-dashboard.json', root),
  `${JSON.stringify(grafanaDashboard(), null, 2)}\n`,
)
