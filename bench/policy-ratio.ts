/**
 * Hit ratios of every policy on recorded traces, beside those of another simulator:
 *
 *     node dist/bench/policy-ratio.js --trace DIRECTORY [NAME…]
 *
 * DIRECTORY (or the environment variable GEEK_CACHE_TRACES) holds `<name>.txt.gz`. After each figure stands how far, in
 * points, it is from the reference; "=" is the same to its last digit. Exits with 1 when one is farther than it may be.
 */
import { existsSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { LfuPolicy } from '../src/worker/policy/lfu.js'
import { POLICIES } from '../src/worker/policy/policies.js'
import type { PolicyFactory } from '../src/worker/policy/policy.js'
import { WTinyLfuPolicy } from '../src/worker/policy/w-tinylfu.js'
import { simulateClairvoyant } from './clairvoyant.js'
import { MIX, REFERENCE_COLUMNS, REFERENCE_RATIOS, type ReferenceColumn } from './reference-ratios.js'
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
    const createPolicy = CONTESTANTS[row]
    const hits =
      createPolicy === undefined
        ? simulateClairvoyant(trace, capacity)
        : simulate(createPolicy, trace, capacity)
    const percent = (100 * hits) / trace.keys.length
    const reference = percents[columns.indexOf(row as ReferenceColumn)]
    let verdict = ''
    if (reference !== undefined) {
      const difference = percent - reference
      const same = Math.abs(difference) <= ROUNDING_POINTS
      verdict = same ? '=' : `${difference > 0 ? '+' : ''}${difference.toFixed(2)}`
      if (!same && Math.abs(difference) > REFERENCE_COLUMNS[row as ReferenceColumn]) {
        verdict += ' out of tolerance'
        farCount++
      }
    }
    process.stdout.write(`  ${row.padEnd(28)}${percent.toFixed(2).padStart(6)}  ${verdict}\n`)
  }
  return farCount
}

main()
