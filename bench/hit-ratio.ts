/**
 * Hit ratios in percent of every policy, from cold, in the store as a node has it: 4 reader threads that leave hints and
 * an owner that takes them.
 *
 *     node dist/bench/hit-ratio.js --trace FILE|DIRECTORY [--policy NAME[,…]] [--json FILE]
 *
 * Traces are `<name>.txt.gz`, one request a line, `key` or `key size`. In parentheses stands how far, in points, the
 * store is from the policy alone with hits told at once; the bar is 1 point for all but sieve. Without --trace and
 * GEEK_CACHE_TRACES, made-up work is measured.
 */
import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { isPolicyName, POLICY_NAMES, type PolicyName } from '../src/shared/policy-names.js'
import { POLICIES } from '../src/worker/policy/policies.js'
import { prng } from '../test/support/prng.js'
import { simulateClairvoyant } from './clairvoyant.js'
import { REFERENCE_RATIOS } from './reference-ratios.js'
import { simulate } from './simulate.js'
import { storeRatio } from './store-ratio.js'
import { readTrace, type Trace } from './trace.js'
import { loopWorkload, mixedWorkload, zipfWorkload } from './workload.js'

const SUFFIX = '.txt.gz'
const READER_COUNT = 4
const SEED = 1
/** Sizes of the cache for a trace without reference: parts of its distinct keys. */
const SIZE_SHARES = [0.01, 0.1, 0.5]

interface Figure {
  readonly policy: PolicyName
  readonly storePercent: number
  readonly exactPercent: number
}

interface Row {
  readonly trace: string
  readonly requests: number
  readonly entries: number
  readonly clairvoyantPercent: number
  readonly figures: readonly Figure[]
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { trace: { type: 'string' }, policy: { type: 'string' }, json: { type: 'string' } },
  })
  const policies = values.policy?.split(',').filter(isPolicyName) ?? POLICY_NAMES
  const rows: Row[] = []
  for (const trace of tracesOf(values.trace ?? process.env.GEEK_CACHE_TRACES)) {
    for (const entryCount of sizesOf(trace)) {
      const row = await measure(trace, entryCount, policies)
      print(row)
      rows.push(row)
      if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(rows, undefined, 2)}\n`)
    }
  }
}

function* tracesOf(path: string | undefined): Generator<Trace> {
  if (path === undefined) {
    yield zipfWorkload(100_000, 10_000, prng(SEED))
    yield loopWorkload(100_000, 3000)
    yield mixedWorkload(100_000, 3000, prng(SEED))
    return
  }
  const isFolder = statSync(path).isDirectory()
  const files = isFolder ? readdirSync(path).filter((name) => name.endsWith(SUFFIX)) : [basename(path)]
  for (const file of files.sort()) yield readTrace(isFolder ? path : dirname(path), basename(file, SUFFIX))
}

function sizesOf({ name, keyCount }: Trace): number[] {
  const sizes = REFERENCE_RATIOS.filter(([trace]) => trace === name).map(([, size]) => size)
  return sizes.length > 0 ? sizes : SIZE_SHARES.map((share) => Math.max(10, Math.round(share * keyCount)))
}

async function measure(trace: Trace, entries: number, policies: readonly PolicyName[]): Promise<Row> {
  const percent = (hits: number) => (100 * hits) / trace.keys.length
  const figures: Figure[] = []
  for (const policy of policies) {
    const inStore = await storeRatio(trace, { policy, entryCount: entries, readerCount: READER_COUNT })
    const exactPercent = percent(simulate(POLICIES[policy], trace, entries))
    figures.push({ policy, storePercent: percent(inStore.hits), exactPercent })
  }
  const clairvoyantPercent = percent(simulateClairvoyant(trace, entries))
  return { trace: trace.name, requests: trace.keys.length, entries, clairvoyantPercent, figures }
}

function print({ trace, requests, entries, clairvoyantPercent, figures }: Row): void {
  const best = Math.max(...figures.map(({ storePercent }) => storePercent))
  process.stdout.write(`${trace}, ${requests} requests, ${entries} entries\n`)
  for (const { policy, storePercent, exactPercent } of figures) {
    const off = storePercent - exactPercent
    const isFar = Math.abs(off) > 1 && policy !== 'sieve'
    const note = `(${off < 0 ? '' : '+'}${off.toFixed(2)})${isFar ? ' over the bar' : ''}${storePercent === best ? ' best' : ''}`
    process.stdout.write(`  ${policy.padEnd(12)}${storePercent.toFixed(2).padStart(6)}  ${note}\n`)
  }
  process.stdout.write(`  ${'clairvoyant'.padEnd(12)}${clairvoyantPercent.toFixed(2).padStart(6)}\n`)
}

await main()
