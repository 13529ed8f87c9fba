import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GROUP, writeValues } from './bench-node.js'
import type { BarChart } from './chart.js'
import { type Contestant, startContestants } from './contestant.js'
import { median } from './distribution.js'
import { type Goal, ratio } from './goal.js'
import { Ghz } from './load/ghz.js'
import { H2load } from './load/h2load.js'
import type { LoadResult, LoadShape } from './load/load.js'
import { runLoad } from './load/run-load.js'
import { Pinning } from './pinning.js'
import { canReadUsage } from './process-usage.js'
import { measure, middle, SAMPLE_COLUMNS, type Sample, sampleCells } from './sample.js'
import { ServerProcess } from './server-process.js'
import type { Findings, Run, Suite } from './suite.js'
import type { Table } from './table.js'
import { adviceFor, ensureTool, findTool, GHZ, H2LOAD, type Tool } from './tool.js'

const VALUE_SIZES = [3, 1024, 65_536]
const MULTIPLEXED: LoadShape = { connections: 4, streams: 50 }
const ONE_EACH: LoadShape = { connections: 50, streams: 1 }
const TCP_ECHO = fileURLToPath(new URL('./peers/tcp-echo.js', import.meta.url))

const NATIVE = 'geek-cache, native'
const GRPC_JS = 'geek-cache, grpc-js'
const GRPC_GO = 'grpc-go'
const ECHO = 'TCP echo on node:net'

/** A server under one load: how many calls it is given, and their run. */
interface Entry {
  readonly name: string
  readonly server: ServerProcess
  load(callCount: number): Promise<LoadResult>
}

/** What a Get of a value in memory costs over gRPC, and what the same costs others. */
export const suite: Suite = {
  name: 'grpc',
  summary: 'Get of one key that is in memory, over gRPC: calls/s, latencies, and CPU of the server per call',
  async run(run: Run): Promise<Findings> {
    if (!canReadUsage()) return { tables: [], notes: ['CPU of a process is read from /proc: Linux only'] }
    const folder = mkdtempSync(join(tmpdir(), 'geek-cache-bench-'))
    const contest = new Contest(run, folder)
    try {
      return await contest.hold()
    } finally {
      await contest.close()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

/** All servers, all loads, one after the other. */
class Contest {
  readonly #run: Run
  readonly #folder: string
  readonly #pinning = new Pinning()
  readonly #notes: string[] = []
  readonly #rounds: number
  readonly #callsPerRun: number
  readonly #secondsPerRun: number
  #contestants: Contestant[] = []
  #echo: ServerProcess | undefined

  constructor(run: Run, folder: string) {
    this.#run = run
    this.#folder = folder
    this.#rounds = run.parameter('rounds', 1, 5)
    this.#callsPerRun = run.parameter('calls of the first run', CALLS_MIN, 20_000)
    this.#secondsPerRun = run.parameter('seconds of each run', 0, 2)
  }

  async hold(): Promise<Findings> {
    const values = Object.fromEntries(VALUE_SIZES.map((bytes) => [keyOf(bytes), 'x'.repeat(bytes)]))
    const progress = (line: string) => this.#run.progress(line)
    this.#contestants = await startContestants(
      writeValues(this.#folder, values),
      this.#pinning,
      this.#notes,
      progress,
    )
    this.#notes.unshift(this.#pinning.note)
    this.#echo = await ServerProcess.start(this.#pinning.server([process.execPath, TCP_ECHO]))
    const h2load = this.#tool(H2LOAD)
    const ghz = this.#tool(GHZ)
    const tables: Table[] = []
    const middles = new Map<string, Map<string, Sample>>()
    const add = async (title: string, valueBytes: number, entries: readonly Entry[]) => {
      const samples = await this.#rounded(title, entries, valueBytes)
      middles.set(title, samples)
      tables.push(tableOf(title, samples))
    }
    let callsPerSecond: number | undefined
    if (h2load !== undefined) {
      const generator = new H2load(h2load, this.#pinning, this.#folder)
      for (const bytes of VALUE_SIZES) {
        await add(titleOf(MULTIPLEXED, bytes), bytes, this.#entries(generator, MULTIPLEXED, bytes))
        await add(titleOf(ONE_EACH, bytes), bytes, this.#entries(generator, ONE_EACH, bytes))
      }
      callsPerSecond = await this.#rate(generator)
    }
    if (ghz !== undefined) {
      const generator = new Ghz(ghz, this.#pinning)
      await add(GHZ_TITLE, VALUE_SIZES[0]!, this.#ghzEntries(generator))
    }
    return { tables, charts: [chartOf(middles)], goals: goalsOf(middles, callsPerSecond), notes: this.#notes }
  }

  async close(): Promise<void> {
    for (const { server } of this.#contestants) await server.stop()
    await this.#echo?.stop()
  }

  #tool(tool: Tool): string | undefined {
    const path = this.#run.smoke ? findTool(tool) : ensureTool(tool, (line) => this.#run.progress(line))
    if (path === undefined) this.#notes.push(adviceFor(tool))
    return path
  }

  #entries(generator: H2load, shape: LoadShape, valueBytes: number): Entry[] {
    const fitting = this.#contestants.filter(({ transport }) => transport === 'gRPC' || shape === ONE_EACH)
    const entries = fitting.map((contestant) => ({
      name: contestant.name,
      server: contestant.server,
      load: (callCount: number) =>
        generator.run(contestant.target(keyOf(valueBytes), valueBytes), shape, callCount),
    }))
    return shape === ONE_EACH ? [...entries, this.#echoEntry(valueBytes)] : entries
  }

  /** What one thread of ours holds, the middle of some runs in which h2load notes no latencies. */
  async #rate(generator: H2load): Promise<number> {
    const native = this.#contestants.find(({ name }) => name === NATIVE)!
    const bytes = VALUE_SIZES[0]!
    const target = native.target(keyOf(bytes), bytes)
    const rates: number[] = []
    let callCount = this.#callsPerRun
    for (let round = 1; round <= this.#rounds; round++) {
      this.#run.progress(`h2load, calls/s alone: round ${round} of ${this.#rounds}`)
      const rate = await generator.rate(target, MULTIPLEXED, callCount)
      callCount = Math.max(CALLS_MIN, Math.round(rate * this.#secondsPerRun))
      rates.push(rate)
    }
    return median(rates)
  }

  /** Echoes as many bytes as an answer has. */
  #echoEntry(valueBytes: number): Entry {
    const server = this.#echo!
    return {
      name: ECHO,
      server,
      load: async (callCount) => {
        const load = [server.address, ONE_EACH.connections, callCount, valueBytes + FRAMES_BYTES]
        return runLoad(this.#pinning, 'tcp-load', load)
      },
    }
  }

  #ghzEntries(generator: Ghz): Entry[] {
    const request = { group: GROUP, key: keyOf(VALUE_SIZES[0]!) }
    return this.#contestants
      .filter(({ transport }) => transport === 'gRPC')
      .map(({ name, server }) => ({
        name,
        server,
        load: (callCount: number) => generator.run(server.address, request, callCount),
      }))
  }

  #firstCalls(valueBytes: number): number {
    return Math.min(this.#callsPerRun, Math.ceil(FIRST_RUN_BYTES / valueBytes))
  }

  /** Round after round, each server in turn; so many calls that each fills the time, by what the run before took. */
  async #rounded(title: string, entries: readonly Entry[], valueBytes: number): Promise<Map<string, Sample>> {
    const callCounts = new Map<Entry, number>()
    const learn = (entry: Entry, { callsPerSecond }: { callsPerSecond: number }) => {
      callCounts.set(entry, Math.max(CALLS_MIN, Math.round(callsPerSecond * this.#secondsPerRun)))
    }
    for (const entry of entries) learn(entry, await entry.load(this.#firstCalls(valueBytes)))
    const samples = new Map<string, Sample[]>(entries.map(({ name }) => [name, []]))
    for (let round = 1; round <= this.#rounds; round++) {
      this.#run.progress(`${title}: round ${round} of ${this.#rounds}`)
      for (const entry of entries) {
        const sample = await measure([entry.server], () => entry.load(callCounts.get(entry)!))
        learn(entry, sample)
        samples.get(entry.name)!.push(sample)
      }
    }
    return new Map([...samples].map(([name, of]) => [name, middle(of)]))
  }
}

/** A run of fewer says nothing of what is in flight at a time. */
const CALLS_MIN = 200
/** The first run of each server moves no more bytes than this, about. */
const FIRST_RUN_BYTES = 100 * 2 ** 20
/** Frame headers and header blocks of an answer of h2load's calls, about. */
const FRAMES_BYTES = 40
const GHZ_TITLE = 'ghz with its defaults (50 callers, one connection, 20 s deadlines), value of 3 B'

function keyOf(valueBytes: number): string {
  return `value${valueBytes}`
}

function titleOf({ connections, streams }: LoadShape, valueBytes: number): string {
  const size = valueBytes < 1024 ? `${valueBytes} B` : `${valueBytes / 1024} KiB`
  const calls = streams === 1 ? '1 call' : `${streams} calls`
  return `h2load, ${connections} connections × ${calls} in flight, value of ${size}`
}

function tableOf(title: string, samples: ReadonlyMap<string, Sample>): Table {
  return {
    title,
    columns: [{ name: 'server' }, ...SAMPLE_COLUMNS],
    rows: [...samples].map(([name, sample]) => [name, ...sampleCells(sample)]),
  }
}

/** CPU per call of the loads with the smallest value. */
function chartOf(middles: ReadonlyMap<string, ReadonlyMap<string, Sample>>): BarChart {
  const titles = [titleOf(MULTIPLEXED, VALUE_SIZES[0]!), titleOf(ONE_EACH, VALUE_SIZES[0]!), GHZ_TITLE]
  const groups = titles.flatMap((title) => {
    const bars = [...(middles.get(title) ?? [])].map(([label, { cpuUsPerCall }]) => ({
      label,
      value: cpuUsPerCall,
      isOurs: label === NATIVE,
    }))
    return bars.length === 0 ? [] : [{ label: title, bars }]
  })
  return { kind: 'bars', name: 'grpc', title: 'Server CPU per Get', unit: 'µs', groups }
}

/** @param callsPerSecond of the native engine, 4 × 50 */
function goalsOf(
  middles: ReadonlyMap<string, ReadonlyMap<string, Sample>>,
  callsPerSecond: number | undefined,
): Goal[] {
  const small = VALUE_SIZES[0]!
  const figures = (title: string) => (name: string) => middles.get(title)?.get(name)
  const [multiplexed, oneEach] = [MULTIPLEXED, ONE_EACH].map((shape) => figures(titleOf(shape, small)))
  const large = VALUE_SIZES.at(-1)!
  const [largeMultiplexed, largeOneEach] = [MULTIPLEXED, ONE_EACH].map((shape) => {
    return figures(titleOf(shape, large))
  })
  const p99 = (of: typeof ghz, other: string) => ratio(of(NATIVE)?.p99Us, of(other)?.p99Us)
  const ghz = figures(GHZ_TITLE)
  const cpu = (of: typeof ghz, other: string) => ratio(of(NATIVE)?.cpuUsPerCall, of(other)?.cpuUsPerCall)
  const errorCount = [...middles.values()].reduce((sum, of) => sum + (of.get(NATIVE)?.errorCount ?? 0), 0)
  return [
    {
      what: '4 × 50: calls/s of one thread, h2load noting no latencies',
      measured: callsPerSecond,
      atLeast: 200_000,
    },
    { what: '4 × 50: CPU per call, of grpc-js', measured: cpu(multiplexed!, GRPC_JS), atMost: 1 / 12 },
    { what: '4 × 50: CPU per call, of grpc-go', measured: cpu(multiplexed!, GRPC_GO), atMost: 1 / 4 },
    { what: '50 × 1: CPU per call, of grpc-go', measured: cpu(oneEach!, GRPC_GO), atMost: 0.6 },
    { what: '50 × 1: CPU per call, of TCP echo', measured: cpu(oneEach!, ECHO), atMost: 1.5 },
    { what: 'ghz: CPU per call, of grpc-js', measured: cpu(ghz, GRPC_JS), atMost: 1 / 5 },
    { what: '64 KiB, 4 × 50: p99, of grpc-js', measured: p99(largeMultiplexed!, GRPC_JS), atMost: 1 },
    { what: '64 KiB, 4 × 50: p99, of grpc-go', measured: p99(largeMultiplexed!, GRPC_GO), atMost: 1 },
    { what: '64 KiB, 50 × 1: CPU per call, of grpc-go', measured: cpu(largeOneEach!, GRPC_GO), atMost: 1 },
    { what: 'errors of the native engine', measured: errorCount, atMost: 0 },
  ]
}
