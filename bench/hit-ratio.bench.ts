import { POLICY_NAMES, type PolicyName } from '../src/shared/policy-names.js'
import { POLICIES } from '../src/worker/policy/policies.js'
import { prng } from '../test/support/prng.js'
import type { LineChart } from './chart.js'
import { randomWorkload } from './random-workloads.js'
import { REFERENCE_COLUMNS, REFERENCE_RATIOS, type ReferenceColumn } from './reference-ratios.js'
import { type PolicyRow, policyPercents, REGRET_COLUMNS, regretGoals, regretRows } from './regret.js'
import { RatioReaders } from './store-ratio.js'
import { offGoal, offTable, type StoreRow, storeNotes, storeRow, storeTable } from './store-rows.js'
import type { Findings, Run, Suite } from './suite.js'
import type { Table } from './table.js'
import { firstRequests, type Trace, tracesIn } from './trace.js'
import { variedWorkloads } from './varied-workloads.js'
import { loopWorkload, mixedWorkload, zipfWorkload } from './workload.js'

const SEED = 1
const READER_COUNT = 4
/** Sizes of the cache where there is no reference: parts of the distinct keys. */
const SIZE_SHARES = [0.02, 0.1, 0.4]
/** Sizes of the cache that varied work is made for, and the length of each. */
const VARIED: readonly (readonly [entries: number, requests: number])[] = [
  [1000, 100_000],
  [4000, 240_000],
  [16_000, 480_000],
]

/** Draws of work that nobody has chosen, at each but the largest of these sizes: no figure of a policy was fitted to them. */
const DRAW_COUNT = 30
const DRAW_SEED = 5000

/**
 * What every eviction policy makes of the same requests, from cold: in the store as a node has it, with reader threads
 * that leave hints; and alone, where whole traces and much varied work can be gone through.
 */
export const suite: Suite = {
  name: 'hit-ratio',
  summary: 'hit ratio of every policy in percent, from cold, beside Belady’s, which knows the future',
  async run(run: Run): Promise<Findings> {
    const requestCount = run.parameter('requests', 1000, 30_000)
    const keyCount = run.parameter('keys', 100, 5_000)
    const made = [
      ...(run.smoke
        ? []
        : [
            zipfWorkload(requestCount, keyCount, prng(SEED)),
            loopWorkload(requestCount, Math.ceil(keyCount / 4)),
          ]),
      mixedWorkload(requestCount, Math.ceil(keyCount / 4), prng(SEED)),
    ]
    const recorded = run.trace === undefined ? [] : [...tracesIn(run.trace)]
    const rows: StoreRow[] = []
    const readers = await RatioReaders.launch(READER_COUNT)
    for (const trace of [...made, ...recorded]) {
      const sizes = sizesOf(trace, requestCount)
      for (const entries of run.smoke ? sizes.slice(-1) : sizes) {
        run.progress(`${trace.name}, ${entries} entries in the store`)
        rows.push(storeRow(firstRequests(trace, requestCount), entries, readers))
      }
    }
    await readers.close()
    const whole = recorded.flatMap((trace) => wholeRows(run, trace))
    const varied = variedRows(run)
    const drawn = drawnRows(run)
    return {
      charts: chartsOf(rows),
      goals: [
        offGoal(rows),
        ...regretGoals('recorded', whole),
        ...regretGoals('made up', varied),
        ...regretGoals('drawn at random', drawn),
      ],
      tables: [
        storeTable(rows),
        offTable(rows),
        ...(whole.length === 0 ? [] : [regretTable('recorded traces, whole', whole)]),
        regretTable('varied work, made up', varied),
        regretTable('work drawn at random', drawn),
        ...(whole.length === 0 ? [] : [referenceTable(whole)]),
      ],
      notes: [
        `In the store: ${READER_COUNT} threads read and leave hints, the owner takes up their misses. Up to so many requests of each trace as the parameter says, at the sizes of the reference where that is all of it, else at ${SIZE_SHARES.join(', ')} of the distinct keys.`,
        ...storeNotes(rows),
        'Recorded traces (<name>.txt.gz, one request a line) are those of --trace FILE or FOLDER, or of the folder in GEEK_CACHE_TRACES.',
        'Short of the best: how many points a policy is behind the best of the eight in a row; rows of at least 1,000 entries and 100,000 requests.',
      ],
    }
  },
}

function sizesOf({ name, keys, keyCount }: Trace, requestCount: number): number[] {
  const sizes = REFERENCE_RATIOS.filter(([trace]) => trace === name).map(([, size]) => size)
  if (sizes.length > 0 && keys.length <= requestCount) return sizes
  const distinct = Math.min(keyCount, new Set(keys.subarray(0, requestCount)).size)
  return SIZE_SHARES.map((share) => Math.max(10, Math.round(share * distinct)))
}

/** All of a recorded trace, each policy alone, at the sizes of the reference. */
function wholeRows(run: Run, trace: Trace): PolicyRow[] {
  return sizesOf(trace, trace.keys.length).map((entries) => {
    run.progress(`${trace.name}, ${entries} entries, policies alone`)
    return policyPercents(trace, entries)
  })
}

function variedRows(run: Run): PolicyRow[] {
  const frames = run.smoke ? ([[100, 1000]] as const) : VARIED
  return frames.flatMap(([entries, requests]) => {
    const rows: PolicyRow[] = []
    for (const trace of variedWorkloads(entries, requests, SEED)) {
      run.progress(`${trace.name}, ${entries} entries, policies alone`)
      rows.push(policyPercents(trace, entries))
    }
    return rows
  })
}

function drawnRows(run: Run): PolicyRow[] {
  const frames = run.smoke ? ([[100, 1000]] as const) : VARIED.slice(0, -1)
  return frames.flatMap(([entries, requests]) =>
    Array.from({ length: run.smoke ? 2 : DRAW_COUNT }, (_, draw) => {
      run.progress(`work drawn at random, ${draw}, ${entries} entries, policies alone`)
      return policyPercents(randomWorkload(entries, requests, DRAW_SEED + draw), entries, draw)
    }),
  )
}

function regretTable(of: string, rows: readonly PolicyRow[]): Table {
  return { title: `Points short of the best policy, ${of}`, columns: REGRET_COLUMNS, rows: regretRows(rows) }
}

/** The same policies in another simulator. */
function referenceTable(rows: readonly PolicyRow[]): Table {
  const columns = Object.keys(REFERENCE_COLUMNS) as ReferenceColumn[]
  const compared = columns.filter((column) => column in POLICIES) as (ReferenceColumn & PolicyName)[]
  return {
    title: 'Hits per 100 requests, whole traces, policies alone; in parentheses the reference',
    columns: [{ name: 'trace' }, { name: 'entries' }, ...POLICY_NAMES.map((name) => ({ name }))],
    rows: rows.map(({ trace, entries, percents }) => {
      const reference = REFERENCE_RATIOS.find(([name, size]) => name === trace && size === entries)?.[2]
      return [
        trace,
        entries.toLocaleString('en-US'),
        ...POLICY_NAMES.map((name) => {
          const theirs = compared.some((column) => column === name)
            ? reference?.[columns.indexOf(name as ReferenceColumn)]
            : undefined
          return `${percents[name].toFixed(2)}${theirs === undefined ? '' : ` (${theirs.toFixed(2)})`}`
        }),
      ]
    }),
  }
}

function chartsOf(rows: readonly StoreRow[]): LineChart[] {
  return [...new Set(rows.map(({ trace }) => trace))].map((name) => {
    const drawn = rows.filter(({ trace }) => trace === name)
    const lines = POLICY_NAMES.map((label, index) => ({
      label,
      points: drawn.map(({ entries, policies }) => [entries, policies[index]!.inStore] as const),
    }))
    const best = drawn.map(({ entries, clairvoyant }) => [entries, clairvoyant] as const)
    return {
      kind: 'lines',
      name: `hit-ratio-${name}`,
      title: name,
      xTitle: 'entries',
      yTitle: 'hits per 100 requests',
      series: [...lines, { label: 'clairvoyant', points: best }],
    }
  })
}
