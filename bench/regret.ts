import { POLICY_NAMES, type PolicyName } from '../src/shared/policy-names.js'
import { POLICIES } from '../src/worker/policy/policies.js'
import type { Goal } from './goal.js'
import { ENTRY_BYTES, simulate } from './simulate.js'
import type { Cell, Column } from './table.js'
import type { Trace } from './trace.js'

/** Below these a cache ends before a choice can pay: such rows are shown, not judged. */
const ENTRIES_MIN = 1000
const REQUESTS_MIN = 100_000
/** As good as the best, in points. */
const CLOSE_POINTS = 2
const CLOSE_SHARE_MIN_PERCENT = 90
const REGRET_MAX_POINTS = 6

/** One workload at one size of the cache: hit ratio of each policy alone, in percent. */
export interface PolicyRow {
  readonly trace: string
  readonly requests: number
  readonly entries: number
  readonly percents: Readonly<Record<PolicyName, number>>
}

/** @param salt of the hashes that sketches and samples go by */
export function policyPercents(trace: Trace, entries: number, salt = 0): PolicyRow {
  const percents = Object.fromEntries(
    POLICY_NAMES.map((name) => {
      const entryBytes = name === 'auto' ? ENTRY_BYTES : 1
      return [
        name,
        (100 * simulate(POLICIES[name], trace, entries, { salt, entryBytes })) / trace.keys.length,
      ]
    }),
  ) as Record<PolicyName, number>
  return { trace: trace.name, requests: trace.keys.length, entries, percents }
}

export const REGRET_COLUMNS: readonly Column[] = [
  { name: 'policy' },
  { name: 'mean hit ratio', digits: 2 },
  { name: 'mean', digits: 2 },
  { name: 'worst', digits: 2 },
  { name: 'worst in' },
  { name: `% of rows within ${CLOSE_POINTS}`, digits: 1 },
]

/** A row of a table for each policy, by the columns of {@link REGRET_COLUMNS}. */
export function regretRows(rows: readonly PolicyRow[]): Cell[][] {
  const judged = judgedOf(rows)
  return POLICY_NAMES.map((name) => {
    const regrets = judged.map((row) => regretOf(row, name))
    if (regrets.length === 0) return [name, ...REGRET_COLUMNS.slice(1).map(() => undefined)]
    const worst = Math.max(...regrets)
    const at = judged[regrets.indexOf(worst)]
    return [
      name,
      mean(judged.map(({ percents }) => percents[name])),
      mean(regrets),
      worst,
      at === undefined ? undefined : `${at.trace}, ${at.entries.toLocaleString('en-US')} entries`,
      closePercent(regrets),
    ]
  })
}

/** What `auto` must reach in these rows. */
export function regretGoals(of: string, rows: readonly PolicyRow[]): Goal[] {
  const regrets = judgedOf(rows).map((row) => regretOf(row, 'auto'))
  const isMeasured = regrets.length > 0
  return [
    {
      what: `rows, ${of}, in which auto is within ${CLOSE_POINTS} points of the best, in percent`,
      measured: isMeasured ? closePercent(regrets) : undefined,
      atLeast: CLOSE_SHARE_MIN_PERCENT,
    },
    {
      what: `points that auto is short of the best, ${of}, at worst`,
      measured: isMeasured ? Math.max(...regrets) : undefined,
      atMost: REGRET_MAX_POINTS,
    },
  ]
}

function judgedOf(rows: readonly PolicyRow[]): PolicyRow[] {
  return rows.filter(({ entries, requests }) => entries >= ENTRIES_MIN && requests >= REQUESTS_MIN)
}

/** How far a policy is behind the best of those that do not choose; below 0 when it is ahead of all of them. */
function regretOf({ percents }: PolicyRow, name: PolicyName): number {
  const best = Math.max(...POLICY_NAMES.filter((other) => other !== 'auto').map((other) => percents[other]))
  return best - percents[name]
}

function closePercent(regrets: readonly number[]): number {
  return (100 * regrets.filter((points) => points <= CLOSE_POINTS).length) / regrets.length
}

function mean(figures: readonly number[]): number {
  return figures.reduce((sum, figure) => sum + figure, 0) / figures.length
}
