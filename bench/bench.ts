/**
 * Measures: `npm run bench -- [suite…] [--json FILE] [--trace FILE] [--smoke]`, without a suite all of them. What the figures mean, and
 * what they were on our machine, is in bench/README.md.
 */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { alignColumns } from '../src/main/cli/columns.js'
import { suite as attacks } from './attacks.bench.js'
import { suite as cluster } from './cluster.bench.js'
import { goalCells, isReached } from './goal.js'
import { suite as grpc } from './grpc.bench.js'
import { suite as hitRatio } from './hit-ratio.bench.js'
import { suite as http } from './http.bench.js'
import { suite as live } from './live.bench.js'
import { machineLine, thisMachine } from './machine.js'
import { suite as memory } from './memory.bench.js'
import { suite as resp } from './resp.bench.js'
import { suite as ring } from './ring.bench.js'
import { suite as store } from './store.bench.js'
import { type Findings, Run, type Suite } from './suite.js'
import { textOf } from './table.js'

const SUITES: readonly Suite[] = [ring, store, memory, hitRatio, grpc, http, resp, cluster, live, attacks]
const EXIT_FAILED = 1
const EXIT_USAGE = 2

async function main(): Promise<number> {
  const { values, positionals } = readArguments()
  const unknown = positionals.filter((name) => !SUITES.some((suite) => suite.name === name))
  if (unknown.length > 0) {
    throw new UsageError(`there is no suite ${unknown.join(', ')}; there are ${names()}`)
  }
  const suites = SUITES.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  const machine = thisMachine()
  process.stdout.write(`${machineLine(machine)}\n`)
  const reports: object[] = []
  for (const suite of suites) {
    const progress = (line: string) => process.stderr.write(`${suite.name}: ${line}\n`)
    const run = new Run(values.smoke, progress, values.trace ?? process.env.GEEK_CACHE_TRACES)
    const findings = await suite.run(run)
    print(suite, findings, values.smoke)
    const { name, summary } = suite
    reports.push({ suite: name, summary, parameters: run.parameters, ...reportOf(findings) })
    // After every suite: a later one that fails takes nothing away.
    if (values.json !== undefined) {
      const report = { machine, date: new Date().toISOString(), smoke: values.smoke, suites: reports }
      writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`)
    }
  }
  return 0
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        json: { type: 'string' },
        trace: { type: 'string' },
        smoke: { type: 'boolean', default: false },
      },
      allowPositionals: true,
    })
  } catch (thrown) {
    throw new UsageError(
      `${(thrown as Error).message.split('. ')[0]}; [suite…] [--json FILE] [--trace FILE] [--smoke]`,
    )
  }
}

class UsageError extends Error {}

function names(): string {
  return SUITES.map(({ name }) => name).join(', ')
}

function print(suite: Suite, { tables, goals = [], notes = [] }: Findings, smoke: boolean): void {
  process.stdout.write(`\n${suite.name}: ${suite.summary}\n`)
  for (const table of tables) process.stdout.write(`\n${textOf(table)}`)
  if (smoke) process.stdout.write('\n  A smoke run: the figures mean nothing\n')
  else if (goals.length > 0) {
    process.stdout.write(
      `\nAgainst the bars\n\n${alignColumns(goals.map(goalCells), [1]).replace(/^(?=.)/gm, '  ')}`,
    )
  }
  if (notes.length > 0) process.stdout.write(`\n${notes.map((note) => `  * ${note}\n`).join('')}`)
}

function reportOf({ tables, goals = [], charts = [], notes = [] }: Findings): object {
  return { tables, charts, goals: goals.map((goal) => ({ ...goal, reached: isReached(goal) })), notes }
}

// An exit, unlike a signal, ends what was started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

try {
  process.exitCode = await main()
} catch (thrown) {
  const isUsage = thrown instanceof UsageError
  const reason = thrown instanceof Error ? (isUsage ? thrown.message : thrown.stack) : String(thrown)
  process.stderr.write(`bench: ${reason}\n`)
  process.exitCode = isUsage ? EXIT_USAGE : EXIT_FAILED
}
