import { POLICY_NAMES, type PolicyName } from '../src/shared/policy-names.js'
import { POLICIES } from '../src/worker/policy/policies.js'
import { simulateClairvoyant } from './clairvoyant.js'
import type { Goal } from './goal.js'
import { simulate } from './simulate.js'
import {
  type RatioReaders,
  ratioSeed,
  requestsUnderWay,
  STORE_ENTRY_BYTES,
  storeHashes,
  storeRatio,
} from './store-ratio.js'
import type { Table } from './table.js'
import type { Trace } from './trace.js'

/** Hits that come late can bring SIEVE down: of all policies, it alone may be off. */
const DELICATE: PolicyName = 'sieve'
const OFF_MAX_POINTS = 1

/** What these decide depends on the hashes of the keys: they are tried with several seeds, each in the store and alone, */
const HASHED: readonly PolicyName[] = ['w-tinylfu', 'auto']
const SEED_COUNT = 3
/**
 * and with so many where their mean is off by more than this: where `auto` hits five points more or less by whether it
 * changes in time, the mean of a dozen is off by a point by chance.
 */
const SEED_COUNT_IN_DOUBT = 96
const DOUBT_POINTS = 0.5

/** Figures of a policy, in percent, each the mean over the seeds that were tried. */
interface StoreFigures {
  readonly inStore: number
  /** Of the policy alone, with as many requests under way as in the store: what it would be were no hint late or lost. */
  readonly alone: number
  /** The same with one request after the other. */
  readonly inTurn: number
}

/** A workload at one size of the cache. */
export interface StoreRow {
  readonly trace: string
  readonly requests: number
  readonly entries: number
  /** In the order of POLICY_NAMES. */
  readonly policies: readonly StoreFigures[]
  readonly clairvoyant: number
}

/** Goes through a trace with every policy, in the store and alone. */
export function storeRow(trace: Trace, entries: number, readers: RatioReaders): StoreRow {
  const policies = POLICY_NAMES.map((name) => {
    const tried = triedWith(range(0, HASHED.includes(name) ? SEED_COUNT : 1), name, trace, entries, readers)
    if (HASHED.includes(name) && Math.abs(offOf(meanOf(tried))) > DOUBT_POINTS)
      tried.push(...triedWith(range(SEED_COUNT, SEED_COUNT_IN_DOUBT), name, trace, entries, readers))
    return meanOf(tried)
  })
  const requests = trace.keys.length
  const clairvoyant = (100 * simulateClairvoyant(trace, entries)) / requests
  return { trace: trace.name, requests, entries, policies, clairvoyant }
}

function triedWith(
  seedNumbers: readonly number[],
  policy: PolicyName,
  trace: Trace,
  entryCount: number,
  readers: RatioReaders,
): StoreFigures[] {
  const percent = (hits: number) => (100 * hits) / trace.keys.length
  return seedNumbers.map((number) => {
    const seed = ratioSeed(number)
    const { hits } = storeRatio(trace, readers, { policy, entryCount, seed })
    const options = { hashes: storeHashes(trace.keyCount, seed), entryBytes: STORE_ENTRY_BYTES }
    const together = requestsUnderWay(readers, entryCount)
    return {
      inStore: percent(hits),
      alone: percent(simulate(POLICIES[policy], trace, entryCount, { ...options, together })),
      inTurn: percent(simulate(POLICIES[policy], trace, entryCount, options)),
    }
  })
}

function meanOf(tried: readonly StoreFigures[]): StoreFigures {
  const mean = (figure: keyof StoreFigures) =>
    tried.reduce((sum, figures) => sum + figures[figure], 0) / tried.length
  return { inStore: mean('inStore'), alone: mean('alone'), inTurn: mean('inTurn') }
}

function offOf({ inStore, alone }: StoreFigures): number {
  return inStore - alone
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index)
}

/** The hit ratios of the store. */
export function storeTable(rows: readonly StoreRow[]): Table {
  return {
    title: 'Hits per 100 requests in the store',
    columns: [
      { name: 'workload' },
      { name: 'requests' },
      { name: 'entries' },
      ...[...POLICY_NAMES, 'clairvoyant'].map((name) => ({ name, digits: 2 })),
    ],
    rows: rows.map(({ trace, requests, entries, policies, clairvoyant }) => [
      trace,
      requests,
      entries,
      ...policies.map(({ inStore }) => inStore),
      clairvoyant,
    ]),
  }
}

/** What hints that come late, or not at all, make of them. */
export function offTable(rows: readonly StoreRow[]): Table {
  return {
    title: 'Points that the store is off the policy alone, which hears of each hit at once',
    columns: [
      { name: 'workload' },
      { name: 'entries' },
      ...POLICY_NAMES.map((name) => ({ name, digits: 2 })),
    ],
    rows: rows.map((row) => [row.trace, row.entries, ...row.policies.map(offOf)]),
  }
}

/** The bar for that. */
export function offGoal(rows: readonly StoreRow[]): Goal {
  const offs = rows.flatMap(({ policies }) =>
    policies.filter((_, index) => POLICY_NAMES[index] !== DELICATE).map(offOf),
  )
  return {
    what: `points that the store is off, at worst, but for ${DELICATE}`,
    measured: Math.max(...offs.map(Math.abs)),
    atMost: OFF_MAX_POINTS,
  }
}

/** What is compared with what. */
export function storeNotes(rows: readonly StoreRow[]): string[] {
  const apart = rows.flatMap(({ trace, entries, policies }) =>
    policies.flatMap(({ alone, inTurn }, index) => {
      const points = alone - inTurn
      if (Math.abs(points) <= OFF_MAX_POINTS || POLICY_NAMES[index] === DELICATE) return []
      return [`${POLICY_NAMES[index]}, ${trace}, ${entries} entries: ${points.toFixed(2)}`]
    }),
  )
  return [
    `Readers go on together: four requests, or of large caches one for 128 entries, look for theirs before the owner inserts what they missed. So it is with the policy alone that the store is compared with. One request after the other it would be by more than ${OFF_MAX_POINTS} point another figure in ${apart.length} of ${rows.length * POLICY_NAMES.length}, but for ${DELICATE}${apart.length === 0 ? '' : ` (so many points more when they go on together: ${apart.join('; ')})`}.`,
    `${HASHED.join(' and ')} decide by the hashes of the keys, and from run to run otherwise: each figure is the mean over ${SEED_COUNT} seeds of the hash, the same in the store and alone, and over ${SEED_COUNT_IN_DOUBT} where those differ by more than ${DOUBT_POINTS} point.`,
  ]
}
