import { METRIC_FAMILIES, type MetricFamily, sampleNamesOf } from './metric-families.js'

/** The page of the documentation that lists every metric, in Markdown. */
export function metricsPage(): string {
  return [
    '# Metrics',
    '',
    'Made from the tables of counters by `npm run metrics:files`; a test sees to it that it is up to date. Names, labels and',
    'units are stable: they change with a major version only.',
    '',
    '`GET /metrics` answers in Prometheus text format 0.0.4, or in OpenMetrics 1.0.0 to who prefers it. Counters of a group',
    'are told for each shard; a thread writes its own words of shared memory, and reading them holds up nobody.',
    '',
    '| metric | type | labels | what it tells |',
    '|---|---|---|---|',
    ...METRIC_FAMILIES.map(rowOf),
    '',
  ].join('\n')
}

function rowOf(family: MetricFamily): string {
  const names = family.type === 'histogram' ? [family.name] : sampleNamesOf(family)
  const labels = family.labels.map((label) => `\`${label}\``).join(', ')
  return `| \`${names.join(', ')}\` | ${family.type} | ${labels} | ${family.help.replaceAll('|', '\\|')} |`
}
