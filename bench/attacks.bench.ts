import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { AttackerProcess } from './attacks/attacker-process.js'
import { type Attack, attacksOn } from './attacks/attacks.js'
import { GROUP, startBenchNode, writeValues } from './bench-node.js'
import { median } from './distribution.js'
import { type Goal, ratio } from './goal.js'
import { type LoadResult, latenciesOf } from './load/load.js'
import { runLoad } from './load/run-load.js'
import { Pinning } from './pinning.js'
import { canReadUsage } from './process-usage.js'
import type { ServerProcess } from './server-process.js'
import type { Findings, Run, Suite } from './suite.js'
import type { Table } from './table.js'

const KEYS = { group: GROUP, small: 'small', large: 'large' }
const VALUES = { [KEYS.small]: '630', [KEYS.large]: 'x'.repeat(65_536) }
const POLITE_CONNECTIONS = 4
const POLITE_CALLS_PER_SECOND = 1000
const WATCH_MS = 50
/** What a node may buffer for all its connections, by default. */
const GROWTH_MIB_MAX = 256

/** One window of time, with an attack or without. */
interface Window {
  readonly p50Us: number
  readonly p99Us: number
  readonly errorCount: number
  /** Highest that was seen. */
  readonly residentMiB: number
  /** CPU time of the node, of all its threads, as a share of one core. */
  readonly coreShare: number
  readonly unitsPerSecond: number
  readonly endedCount: number
}

/** An attack and what it did: the middle of its windows, beside those of an attacker who writes to nowhere. */
interface Outcome {
  readonly attack: Attack
  readonly calm: Window
  readonly attacked: Window
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
    try {
      return await new Siege(run, pinning, node).hold()
    } finally {
      await node.stop()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** All attacks on one node, one after the other. */
class Siege {
  readonly #run: Run
  readonly #pinning: Pinning
  readonly #node: ServerProcess
  readonly #rounds: number
  readonly #seconds: number
  readonly #settleMs: number

  constructor(run: Run, pinning: Pinning, node: ServerProcess) {
    this.#run = run
    this.#pinning = pinning
    this.#node = node
    this.#rounds = run.parameter('rounds', 1, 3)
    this.#seconds = run.parameter('seconds of each window', 0.05, 1)
    this.#settleMs = run.parameter('ms of attack before it', 10, 300)
  }

  async hold(): Promise<Findings> {
    // Both keys into memory, and the machine code of the way there.
    for (const key of [KEYS.large, KEYS.small]) await this.#polite(key)
    const outcomes: Outcome[] = []
    const attacks = attacksOn(KEYS)
    for (const attack of attacks.slice(0, this.#run.parameter('attacks', 1, attacks.length))) {
      this.#run.progress(attack.name)
      const calm: Window[] = []
      const attacked: Window[] = []
      for (let round = 0; round < this.#rounds; round++) {
        calm.push(await this.#window(attack, 'nowhere'))
        attacked.push(await this.#window(attack, this.#node.address))
      }
      outcomes.push({ attack, calm: middleOf(calm), attacked: middleOf(attacked) })
    }
    return { tables: [tableOf(outcomes)], goals: goalsOf(outcomes), notes: [this.#pinning.note, ...NOTES] }
  }

  async #window(attack: Attack, target: string): Promise<Window> {
    const attacker = await AttackerProcess.start(
      (command) => this.#pinning.generator(command),
      target,
      attack.name,
      KEYS,
    )
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
    const { unitCount, endedCount, seconds } = await attacker.stop()
    const { p50Us, p99Us } = latenciesOf(result)
    return {
      p50Us,
      p99Us,
      errorCount: result.errorCount,
      residentMiB: Math.max(residentBytes, before.residentBytes, after.residentBytes) / 2 ** 20,
      coreShare: (after.cpuUs - before.cpuUs) / (elapsedMs * 1000),
      unitsPerSecond: unitCount / seconds,
      endedCount,
    }
  }

  async #polite(key: string): Promise<LoadResult> {
    const pace = [POLITE_CONNECTIONS, POLITE_CALLS_PER_SECOND, this.#seconds]
    return runLoad(this.#pinning, 'paced-load', [this.#node.address, ...pace, GROUP, key])
  }
}

const NOTES = [
  'Calm is the same client while an attacker builds and writes the same bytes at the same rate, but to /dev/null, on ' +
    'the core of the client: what that alone costs is not the doing of the node.',
  'One node lives through all attacks, in the order of the table; the last row is no attack and shows what as many ' +
    'honest calls cost.',
]

/** Of each figure the one in the middle; of errors the sum, of memory the most. */
function middleOf(windows: readonly Window[]): Window {
  const of = (figure: (window: Window) => number) => median(windows.map(figure))
  return {
    p50Us: of(({ p50Us }) => p50Us),
    p99Us: of(({ p99Us }) => p99Us),
    errorCount: windows.reduce((sum, { errorCount }) => sum + errorCount, 0),
    residentMiB: Math.max(...windows.map(({ residentMiB }) => residentMiB)),
    coreShare: of(({ coreShare }) => coreShare),
    unitsPerSecond: of(({ unitsPerSecond }) => unitsPerSecond),
    endedCount: of(({ endedCount }) => endedCount),
  }
}

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
    rows: outcomes.map(({ attack, calm, attacked }) => [
      attack.name,
      attack.unitsPerSecond === 0 ? undefined : attacked.unitsPerSecond,
      attacked.endedCount,
      attacked.coreShare,
      calm.p50Us,
      attacked.p50Us,
      ratio(attacked.p50Us, calm.p50Us),
      calm.p99Us,
      attacked.p99Us,
      ratio(attacked.p99Us, calm.p99Us),
      calm.residentMiB,
      attacked.residentMiB,
      attacked.errorCount,
    ]),
  }
}

function goalsOf(outcomes: readonly Outcome[]): Goal[] {
  const errorCount = outcomes.reduce((sum, { attacked }) => sum + attacked.errorCount, 0)
  const growthMiB = Math.max(...outcomes.map(({ calm, attacked }) => attacked.residentMiB - calm.residentMiB))
  return [
    ...outcomes.flatMap(({ attack, calm, attacked }) => [
      { what: `${attack.name}: p50, of calm`, measured: ratio(attacked.p50Us, calm.p50Us), atMost: 2 },
      { what: `${attack.name}: p99, of calm`, measured: ratio(attacked.p99Us, calm.p99Us), atMost: 2 },
    ]),
    { what: 'MiB that an attack adds at most', measured: growthMiB, atMost: GROWTH_MIB_MAX },
    { what: 'errors of the client', measured: errorCount, atMost: 0 },
  ]
}
