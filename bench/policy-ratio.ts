/**
 * Hit ratios of every policy on recorded traces, beside those of another simulator:
 *
 *     node dist/bench/policy-ratio.js --trace DIRECTORY [NAME…]
 *
 * DIRECTORY (or the environment variable GEEK_CACHE_TRACES) holds `<name>.txt.gz`. After each figure stands how far, in
 * points, it is from the reference; "=" is the same to its last digit. Where the hash matters, several are tried and the
 * nearest counts; all lie between the two figures behind it. Exits with 1 when one is farther than it may be.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { LfuPolicy } from '../src/worker/policy/lfu.js'
import { POLICIES } from '../src/worker/policy/policies.js'
import type { PolicyFactory } from '../src/worker/policy/policy.js'
import { WTinyLfuPolicy } from '../src/worker/policy/w-tinylfu.js'
import { simulateClairvoyant } from './clairvoyant.js'
import {
  CHAOTIC_ROWS,
  HASHED_COLUMNS,
  MIX,
  REFERENCE_COLUMNS,
  REFERENCE_RATIOS,
  type ReferenceColumn,
} from './reference-ratios.js'
import { simulate } from './simulate.js'
import { concatenateTraces, readTrace, type Trace } from './trace.js'

const CONTESTANTS: Record<string, PolicyFactory> = {
  ...POLICIES,
  'lfu without ageing': (slotCountMax) => new LfuPolicy(slotCountMax, { ageing: false }),
  'w-tinylfu, shrinking first': (slotCountMax, entries) =>
    new WTinyLfuPolicy(slotCountMax, entries, { firstStep: 'shrink' }),
  'w-tinylfu, fixed window': (slotCountMax, entries) =>
    new WTinyLfuPolicy(slotCountMax, entries, { firstStep: 'none' }),
}

/** The references are rounded to two digits. */
const ROUNDING_POINTS = 0.0051

/** Hashes that are tried where they matter. */
const SALT_COUNT = 6

function loadTrace(directory: string, name: string): Trace {
  if (name !== MIX) return readTrace(directory, name)
  const corda = readTrace(directory, 'corda')
  const loop = { trace: readTrace(directory, 'lirs-loop'), keyOffset: corda.keyCount }
  const once = { trace: corda, keyOffset: 0 }
  return concatenateTraces(MIX, [once, loop, loop, loop, loop, loop, once])
}

function tracesNeeded(name: string): string[] {
  return name === MIX ? ['corda', 'lirs-loop'] : [name]
}

function main(): void {
  const { values, positionals } = parseArgs({
    options: { trace: { type: 'string' } },
    allowPositionals: true,
  })
  const directory = values.trace ?? process.env.GEEK_CACHE_TRACES
  if (directory === undefined) {
    process.stderr.write('Where are the traces? Give --trace DIRECTORY or set GEEK_CACHE_TRACES\n')
    process.exitCode = 1
    return
  }
  let farCount = 0
  let trace: Trace | undefined
  for (const [name, capacity, percents] of REFERENCE_RATIOS) {
    if (positionals.length > 0 && !positionals.includes(name)) continue
    if (!tracesNeeded(name).every((needed) => existsSync(`${directory}/${needed}.txt.gz`))) {
      process.stdout.write(`${name}: no such trace here\n`)
      continue
    }
    if (trace?.name !== name) trace = loadTrace(directory, name)
    farCount += printRow(trace, capacity, percents)
  }
  process.stdout.write(
    farCount === 0 ? 'All within tolerance\n' : `${farCount} figures are out of tolerance\n`,
  )
  if (farCount > 0) process.exitCode = 1
}

/** Returns the number of figures out of tolerance. */
function printRow(trace: Trace, capacity: number, percents: readonly number[]): number {
  process.stdout.write(`${trace.name} at ${capacity} entries\n`)
  const columns = Object.keys(REFERENCE_COLUMNS) as ReferenceColumn[]
  const rows: (string | ReferenceColumn)[] = [...new Set([...Object.keys(CONTESTANTS), ...columns])]
  let farCount = 0
  for (const row of rows) {
    const column = row as ReferenceColumn
    const reference = percents[columns.indexOf(column)]
    const tried = percentsOf(row, trace, capacity)
    const distance = (percent: number) => Math.abs(percent - (reference ?? percent))
    const percent = tried.reduce((nearest, other) => (distance(other) < distance(nearest) ? other : nearest))
    let verdict = ''
    if (reference !== undefined) {
      const difference = percent - reference
      const same = Math.abs(difference) <= ROUNDING_POINTS
      verdict = same ? '=' : `${difference > 0 ? '+' : ''}${difference.toFixed(2)}`
      if (!same && Math.abs(difference) > toleranceOf(trace.name, capacity, column)) {
        verdict += ' out of tolerance'
        farCount++
      }
    }
    if (tried.length > 1)
      verdict += `  (${Math.min(...tried).toFixed(2)} to ${Math.max(...tried).toFixed(2)})`
    process.stdout.write(`  ${row.padEnd(28)}${percent.toFixed(2).padStart(6)}  ${verdict}\n`)
  }
  return farCount
}

/** Hit ratio, by hash where that matters. */
function percentsOf(row: string, trace: Trace, capacity: number): number[] {
  const createPolicy = CONTESTANTS[row]
  if (createPolicy === undefined) return [(100 * simulateClairvoyant(trace, capacity)) / trace.keys.length]
  const saltCount = HASHED_COLUMNS.includes(row) ? SALT_COUNT : 1
  return Array.from({ length: saltCount }, (_, salt) => {
    return (100 * simulate(createPolicy, trace, capacity, { salt })) / trace.keys.length
  })
}

function toleranceOf(name: string, capacity: number, column: ReferenceColumn): number {
  const chaotic = CHAOTIC_ROWS.find((row) => row[0] === name && row[1] === capacity && row[2] === column)
  return chaotic?.[3] ?? REFERENCE_COLUMNS[column]
}

main()
