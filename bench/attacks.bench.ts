import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { AttackReport } from './attacks/attacker.js'
import { type Attack, attacksOn } from './attacks/attacks.js'
import { CommandedProcess } from './attacks/commanded-process.js'
import { GROUP, startBenchNode, writeValues } from './bench-node.js'
import { median, percentile } from './distribution.js'
import type { Goal } from './goal.js'
import type { LoadResult } from './load/load.js'
import { Pinning } from './pinning.js'
import { canReadUsage } from './process-usage.js'
import type { ServerProcess } from './server-process.js'
import type { Findings, Run, Suite } from './suite.js'
import type { Table } from './table.js'

const programOf = (name: string) => fileURLToPath(new URL(`./attacks/${name}.js`, import.meta.url))
const ATTACKER = programOf('attacker')
const POLITE_CLIENT = programOf('polite-client')
const SINK = programOf('sink')
const KEYS = { group: GROUP, small: 'small', large: 'large' }
const VALUES = { [KEYS.small]: '630', [KEYS.large]: 'x'.repeat(65_536) }
const POLITE_CONNECTIONS = 4
const POLITE_CALLS_PER_SECOND = 1000
const WATCH_MS = 50
/** What a node may buffer for all its connections, by default. */
const GROWTH_MIB_MAX = 256

/** One window of time, with an attack or without. */
interface Window {
  readonly latenciesUs: Float64Array
  readonly errorCount: number
  /** Highest that was seen. */
  readonly residentMiB: number
  /** CPU time of the node, of all its threads, as a share of one core. */
  readonly coreShare: number
  readonly unitsPerSecond: number
  readonly endedCount: number
}

/** An attack and what it did: its windows, and before each one in which the attacker did the same to another process. */
interface Outcome {
  readonly attack: Attack
  readonly calm: readonly Window[]
  readonly attacked: readonly Window[]
}

/** What a client notices of others that attack its node. */
export const suite: Suite = {
  name: 'attacks',
  summary: `What a client with ${POLITE_CALLS_PER_SECOND} Gets a second notices while others attack its node`,
  async run(run: Run): Promise<Findings> {
    if (!canReadUsage()) return { tables: [], notes: ['CPU of a process is read from /proc: Linux only'] }
    const folder = mkdtempSync(join(tmpdir(), 'geek-cache-bench-'))
    const pinning = new Pinning()
    const node = await startBenchNode('native', writeValues(folder, VALUES), pinning)
    const pace = [POLITE_CONNECTIONS, POLITE_CALLS_PER_SECOND].map(String)
    const [client] = await CommandedProcess.start(
      pinning.generator([process.execPath, POLITE_CLIENT, node.address, ...pace, GROUP]),
    )
    const [sink, sinkAddress] = await CommandedProcess.start<string>(
      pinning.background([process.execPath, SINK]),
    )
    try {
      const targets = { node: node.address, sink: sinkAddress }
      return await new Siege(run, pinning, node, client, targets).hold()
    } finally {
      await Promise.all([node.stop(), client.stop(), sink.stop()])
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** All attacks on one node, one after the other. */
class Siege {
  readonly #run: Run
  readonly #pinning: Pinning
  readonly #node: ServerProcess
  readonly #client: CommandedProcess
  readonly #targets: { readonly node: string; readonly sink: string }
  readonly #rounds: number
  readonly #seconds: number
  readonly #settleMs: number

  constructor(
    run: Run,
    pinning: Pinning,
    node: ServerProcess,
    client: CommandedProcess,
    targets: { readonly node: string; readonly sink: string },
  ) {
    this.#run = run
    this.#pinning = pinning
    this.#node = node
    this.#client = client
    this.#targets = targets
    this.#rounds = run.parameter('rounds', 1, 10)
    this.#seconds = run.parameter('seconds of each window', 0.05, 1)
    this.#settleMs = run.parameter('ms of attack before it', 10, 250)
  }

  async hold(): Promise<Findings> {
    // Both keys into memory, and the machine code of the way there.
    for (const key of [KEYS.large, KEYS.small]) await this.#polite(key)
    const outcomes: Outcome[] = []
    const attacks = attacksOn(KEYS)
    for (const attack of attacks.slice(0, this.#run.parameter('attacks', 1, attacks.length))) {
      this.#run.progress(attack.name)
      outcomes.push(await this.#suffer(attack))
    }
    return { tables: [tableOf(outcomes)], goals: goalsOf(outcomes), notes: [this.#pinning.note, ...NOTES] }
  }

  /** Calm and attacked in turn. */
  async #suffer(attack: Attack): Promise<Outcome> {
    const command = [process.execPath, ATTACKER, attack.name, JSON.stringify(KEYS)] as const
    const [attacker] = await CommandedProcess.start(this.#pinning.background(command))
    try {
      const calm: Window[] = []
      const attacked: Window[] = []
      // Memory that is touched and code that is run for the first time.
      await this.#window(attacker, this.#targets.node)
      for (let round = 0; round < this.#rounds; round++) {
        calm.push(await this.#window(attacker, this.#targets.sink))
        attacked.push(await this.#window(attacker, this.#targets.node))
      }
      return { attack, calm, attacked }
    } finally {
      await attacker.stop()
    }
  }

  async #window(attacker: CommandedProcess, target: string): Promise<Window> {
    await attacker.ask(target)
    await delay(this.#settleMs)
    let residentBytes = 0
    const watch = setInterval(() => {
      residentBytes = Math.max(residentBytes, this.#node.usage().residentBytes)
    }, WATCH_MS)
    const before = this.#node.usage()
    const startedMs = performance.now()
    const result = await this.#polite(KEYS.small)
    const elapsedMs = performance.now() - startedMs
    const after = this.#node.usage()
    clearInterval(watch)
    const { unitCount, endedCount, seconds } = await attacker.ask<AttackReport>('rest')
    await delay(this.#settleMs)
    return {
      latenciesUs: result.latenciesUs,
      errorCount: result.errorCount,
      residentMiB: Math.max(residentBytes, before.residentBytes, after.residentBytes) / 2 ** 20,
      coreShare: (after.cpuUs - before.cpuUs) / (elapsedMs * 1000),
      unitsPerSecond: unitCount / seconds,
      endedCount,
    }
  }

  async #polite(key: string): Promise<LoadResult> {
    const result = await this.#client.ask<LoadResult>(`${this.#seconds} ${key}`)
    return { ...result, latenciesUs: Float64Array.from(result.latenciesUs) }
  }
}

const NOTES = [
  'Calm is the same client while the attacker does the same, to a process that takes connections and drops what they ' +
    'send: what that alone costs the machine is not the doing of the node.',
  'The first window of each attack is not counted: in it the node runs code and touches memory for the first time.',
  'Attacker and that process run only while the core of the client has nothing else to do (SCHED_IDLE), where the ' +
    'system has that: they must not delay the client.',
  'Latencies are those of all calls in all attacked windows together, and of all in the calm ones in between: a p99 of ' +
    'one window would rest on ten calls, which one collection of garbage makes or breaks. Of CPU, the table has the ' +
    'middle one of all windows, of memory the most, of errors the sum.',
  'One node lives through all attacks, in the order of the table; the last row is no attack and shows what as many ' +
    'honest calls cost.',
]

type Figure = (window: Window) => number

function middle(windows: readonly Window[], of: Figure): number {
  return median(windows.map(of))
}

/** Of the calls of all windows. */
function p50(windows: readonly Window[]): number {
  return percentile(latenciesIn(windows), 0.5)
}

function p99(windows: readonly Window[]): number {
  return percentile(latenciesIn(windows), 0.99)
}

function latenciesIn(windows: readonly Window[]): Float64Array {
  return Float64Array.from(windows.flatMap(({ latenciesUs }) => [...latenciesUs])).sort()
}

/** Attacked, of calm. */
function ratioOf({ calm, attacked }: Outcome, of: (windows: readonly Window[]) => number): number {
  return of(attacked) / of(calm)
}

const most = (windows: readonly Window[], of: Figure) => Math.max(...windows.map(of))
const errorsOf = ({ attacked }: Outcome) => attacked.reduce((sum, { errorCount }) => sum + errorCount, 0)
const resident: Figure = ({ residentMiB }) => residentMiB

function tableOf(outcomes: readonly Outcome[]): Table {
  return {
    title: 'The client, calm and attacked',
    columns: [
      { name: 'attack' },
      { name: 'units/s' },
      { name: 'cut off' },
      { name: 'cores', digits: 2 },
      { name: 'p50 µs calm' },
      { name: 'p50 µs' },
      { name: 'ratio', digits: 2 },
      { name: 'p99 µs calm' },
      { name: 'p99 µs' },
      { name: 'ratio', digits: 2 },
      { name: 'RSS MiB calm' },
      { name: 'RSS MiB' },
      { name: 'errors' },
    ],
    rows: outcomes.map((outcome) => {
      const { attack, calm, attacked } = outcome
      return [
        attack.name,
        attack.unitsPerSecond === 0 ? undefined : middle(attacked, ({ unitsPerSecond }) => unitsPerSecond),
        middle(attacked, ({ endedCount }) => endedCount),
        middle(attacked, ({ coreShare }) => coreShare),
        p50(calm),
        p50(attacked),
        ratioOf(outcome, p50),
        p99(calm),
        p99(attacked),
        ratioOf(outcome, p99),
        most(calm, resident),
        most(attacked, resident),
        errorsOf(outcome),
      ]
    }),
  }
}

function goalsOf(outcomes: readonly Outcome[]): Goal[] {
  const growthMiB = outcomes.map(({ calm, attacked }) => most(attacked, resident) - most(calm, resident))
  return [
    ...outcomes.flatMap((outcome) => [
      { what: `${outcome.attack.name}: p50, of calm`, measured: ratioOf(outcome, p50), atMost: 2 },
      { what: `${outcome.attack.name}: p99, of calm`, measured: ratioOf(outcome, p99), atMost: 2 },
    ]),
    { what: 'MiB that an attack adds at most', measured: Math.max(...growthMiB), atMost: GROWTH_MIB_MAX },
    {
      what: 'errors of the client',
      measured: outcomes.reduce((sum, outcome) => sum + errorsOf(outcome), 0),
      atMost: 0,
    },
  ]
}
