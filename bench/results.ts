/**
 * Writes what a run found as pages: `node dist/bench/results.js FILE.json [FOLDER]`, FILE.json from `--json`, FOLDER by
 * default bench/results. A page for each suite, and its charts.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { svgOf } from './chart.js'
import { goalCells } from './goal.js'
import { type Machine, machineLine } from './machine.js'
import type { Findings } from './suite.js'
import { markdownOf } from './table.js'

/** What `--json` writes. */
interface Report {
  readonly machine: Machine
  readonly date: string
  readonly suites: readonly (Findings & {
    readonly suite: string
    readonly summary: string
    readonly parameters: Readonly<Record<string, number>>
  })[]
}

const FOLDER = fileURLToPath(new URL('../../bench/results', import.meta.url))

function pageOf({ machine, date }: Report, suite: Report['suites'][number]): string {
  const { tables, goals = [], notes = [], charts = [] } = suite
  const parameters = Object.entries(suite.parameters).map(
    ([name, value]) => `${name} ${value.toLocaleString('en-US')}`,
  )
  const sections = [
    `# ${suite.suite}`,
    `${capitalised(suite.summary)}.`,
    `${date.slice(0, 10)}; ${machineLine(machine)}. Parameters: ${parameters.join(', ')}.`,
    ...charts.map(({ name, title }) => `![${title}](${name}.svg)`),
    ...(goals.length === 0 ? [] : [goalsTable(goals)]),
    ...tables.map((table) => markdownOf({ ...table, title: `## ${table.title}` })),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]),
  ]
  return `${sections.map((section) => section.trimEnd()).join('\n\n')}\n`
}

function goalsTable(goals: NonNullable<Findings['goals']>): string {
  const columns = ['figure', 'measured', 'bar', ''].map((name) => ({ name }))
  return markdownOf({ title: '## Against the bars', columns, rows: goals.map(goalCells) })
}

function capitalised(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1)
}

const [file, folder = FOLDER] = process.argv.slice(2)
if (file === undefined) {
  process.stderr.write('results: which run? FILE.json [FOLDER]\n')
  process.exitCode = 2
} else {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report
  mkdirSync(folder, { recursive: true })
  for (const suite of report.suites) {
    writeFileSync(join(folder, `${suite.suite}.md`), pageOf(report, suite))
    for (const chart of suite.charts ?? []) writeFileSync(join(folder, `${chart.name}.svg`), svgOf(chart))
  }
}
