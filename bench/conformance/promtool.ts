import { fileURLToPath } from 'node:url'
import { PROMTOOL } from '../tool.js'
import type { Check, Served } from './check.js'
import { run } from './run.js'

const CLI = fileURLToPath(new URL('../../src/main/cli/main.js', import.meta.url))

/** Prometheus' own parser and linter, on the metrics of a node. */
export const METRICS_CHECKS: readonly Check[] = [
  { client: 'promtool check metrics', tools: [PROMTOOL], run: runPromtool },
]

async function runPromtool({ address }: Served, [promtool]: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(process.execPath, [CLI, 'metrics', '--server', address])
  if (code !== 0) throw new Error(stderr.trim())
  // What it finds wrong, it writes; what it finds unusual, too.
  const found = await run(promtool!, ['check', 'metrics'], stdout)
  const complaints = (found.stdout + found.stderr).trim()
  if (found.code !== 0 || complaints !== '') throw new Error(complaints.split('\n').slice(0, 5).join('; '))
  return `${stdout.split('\n').filter((line) => line.startsWith('# TYPE')).length} metrics`
}
