import { mkdtempSync, rmSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { GROUP, startBenchNode, type Values, writeValues } from './bench-node.js'
import type { BarChart } from './chart.js'
import {
  type CoreShares,
  capacityRatio,
  coreShares,
  limitOf,
  middleShares,
  sharesTable,
} from './core-shares.js'
import { type Goal, ratio } from './goal.js'
import type { LoadShape } from './load/load.js'
import { runLoad } from './load/run-load.js'
import { Wrk } from './load/wrk.js'
import { startNginx } from './peers/nginx.js'
import { Pinning } from './pinning.js'
import { canReadUsage } from './process-usage.js'
import { measure, middle, SAMPLE_COLUMNS, type Sample, sampleCells } from './sample.js'
import { freePorts, ServerProcess } from './server-process.js'
import type { Findings, Run, Suite } from './suite.js'
import type { Table } from './table.js'
import { adviceFor, ensureTool, findTool, NGINX, type Tool, WRK } from './tool.js'

const VALUE_SIZES = [3, 1024, 65_536]
const CONNECTIONS = 50
const WEB_SOCKETS: LoadShape = { connections: 4, streams: 50 }
/** With fewer, several front threads and the load take time from each other, and nothing can be said of them. */
const CORES_FOR_THREADS = 4
const HAS_CORES_FOR_THREADS = availableParallelism() >= CORES_FOR_THREADS
const BARE_UWS = fileURLToPath(new URL('./peers/bare-uws.js', import.meta.url))

const UWS = 'geek-cache'
const NODE = 'geek-cache on node:http'
const TWO = 'geek-cache, 2 front threads'
const BARE = 'bare uWebSockets.js'
const STATIC = 'nginx, static file'

interface Entry {
  readonly name: string
  readonly server: ServerProcess
  url(valueBytes: number): string
}

/** What a GET of a value in memory costs over HTTP, and what an answer of that size costs others. */
export const suite: Suite = {
  name: 'http',
  summary:
    'GET of one key that is in memory, over HTTP/1.1: calls/s, latencies, and CPU of the server per call',
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

class Contest {
  readonly #run: Run
  readonly #folder: string
  readonly #pinning = new Pinning()
  readonly #notes: string[] = []
  readonly #entries: Entry[] = []

  constructor(run: Run, folder: string) {
    this.#run = run
    this.#folder = folder
  }

  async hold(): Promise<Findings> {
    const program = this.#tool(WRK)
    if (program === undefined) return { tables: [], notes: this.#notes }
    const wrk = new Wrk(program, this.#pinning, this.#folder)
    const rounds = this.#run.parameter('rounds', 1, 5)
    const seconds = this.#run.parameter('seconds of each run', 1, 2)
    await this.#startAll()
    this.#notes.unshift(this.#pinning.note)
    const middles = new Map<number, Map<string, Sample>>()
    for (const valueBytes of this.#run.smoke ? VALUE_SIZES.slice(0, 1) : VALUE_SIZES) {
      const samples = new Map<string, Sample[]>(this.#entries.map(({ name }) => [name, []]))
      for (const { url } of this.#entries) await wrk.run(url(valueBytes), CONNECTIONS, 1)
      for (let round = 1; round <= rounds; round++) {
        this.#run.progress(`${titleOf(valueBytes)}: round ${round} of ${rounds}`)
        for (const { name, server, url } of this.#entries) {
          const load = () => wrk.run(url(valueBytes), CONNECTIONS, seconds)
          samples.get(name)!.push(await measure([server], load))
        }
      }
      middles.set(valueBytes, new Map([...samples].map(([name, of]) => [name, middle(of)])))
    }
    const tables = [...middles].map(([valueBytes, of]) => tableOf(titleOf(valueBytes), of))
    tables.push(await this.#webSockets(rounds))
    const goals = goalsOf(middles)
    if (HAS_CORES_FOR_THREADS) goals.push(throughputGoal(middles))
    else {
      const shares = await this.#shares(program, rounds, seconds)
      const cores = availableParallelism()
      tables.push(sharesTable(`${titleOf(VALUE_SIZES[0]!)}, nothing pinned, ${cores} cores`, shares, cores))
      goals.push(capacityGoal(shares.get(1)!, shares.get(2)!, cores))
      this.#notes.push(
        `With ${cores} cores the load generator takes one of two front threads' cores, so calls/s cannot double. Compared is what the server does with the CPU time that it gets; on ${CORES_FOR_THREADS} cores it is calls/s.`,
      )
    }
    return { tables, charts: [chartOf(middles)], goals, notes: this.#notes }
  }

  async close(): Promise<void> {
    for (const { server } of this.#entries) await server.stop()
  }

  async #startAll(): Promise<void> {
    const written = this.#values()
    await this.#startNode(UWS, written, ['--http-engine', 'uws'])
    await this.#startNode(NODE, written, ['--http-engine', 'node'])
    const sizes = VALUE_SIZES.map(String)
    const bare = await ServerProcess.start(this.#pinning.server([process.execPath, BARE_UWS, ...sizes]))
    this.#entries.push({ name: BARE, server: bare, url: (bytes) => `http://${bare.address}/${bytes}` })
    const nginx = this.#tool(NGINX)
    if (nginx !== undefined) {
      const server = await startNginx(nginx, this.#folder, VALUE_SIZES, this.#pinning)
      this.#entries.push({ name: STATIC, server, url: (bytes) => `http://${server.address}/${bytes}` })
    }
    if (HAS_CORES_FOR_THREADS) {
      await this.#startNode(TWO, written, ['--http-engine', 'uws', '--http-threads', '2'])
    }
  }

  /**
   * Where the load takes cores that two front threads could use: one and two of them in turn, and who was the limit.
   * Nothing is pinned, or two threads of the server could not use two cores.
   */
  async #shares(program: string, rounds: number, seconds: number): Promise<ReadonlyMap<number, CoreShares>> {
    const anywhere = new Pinning(false)
    const wrk = new Wrk(program, anywhere, this.#folder)
    const bytes = VALUE_SIZES[0]!
    const started = new Map<number, Entry>()
    const runs = new Map<number, CoreShares[]>()
    for (const threads of [1, 2]) {
      const name = `geek-cache, ${threads} front threads, unpinned`
      const flags = ['--http-engine', 'uws', '--http-threads', String(threads)]
      started.set(threads, await this.#startNode(name, this.#values(), flags, anywhere))
      await wrk.run(started.get(threads)!.url(bytes), CONNECTIONS, 1)
      runs.set(threads, [])
    }
    for (let round = 1; round <= rounds; round++) {
      this.#run.progress(`one and two front threads: round ${round} of ${rounds}`)
      for (const [threads, { server, url }] of started) {
        const load = () => wrk.run(url(bytes), CONNECTIONS, seconds)
        runs.get(threads)!.push(await coreShares(server, load))
      }
    }
    return new Map([...runs].map(([threads, of]) => [threads, middleShares(of)]))
  }

  /** The same hit over WebSocket, many in flight on each socket: what HTTP/1.1 has no way to ask for. */
  async #webSockets(rounds: number): Promise<Table> {
    const callCount = this.#run.parameter('calls of each run over WebSocket', 300, 100_000)
    const bytes = VALUE_SIZES[0]!
    const entries = this.#entries.filter(({ name }) => name === UWS || name === NODE)
    const samples = new Map<string, Sample[]>(entries.map(({ name }) => [name, []]))
    for (let round = 0; round <= rounds; round++) {
      this.#run.progress(`WebSocket: round ${round} of ${rounds}`)
      for (const { name, server, url } of entries) {
        const ws = `ws://${new URL(url(bytes)).host}/v1/ws`
        const what = [ws, WEB_SOCKETS.connections, WEB_SOCKETS.streams, callCount, GROUP, `value${bytes}`]
        const sample = await measure([server], () => runLoad(this.#pinning, 'ws-load', what))
        // The first round warms up.
        if (round > 0) samples.get(name)!.push(sample)
      }
    }
    const title = `WebSocket, ${WEB_SOCKETS.connections} sockets × ${WEB_SOCKETS.streams} requests in flight, value of ${bytes} B`
    return tableOf(title, new Map([...samples].map(([name, of]) => [name, middle(of)])))
  }

  #values(): Values {
    const values = Object.fromEntries(VALUE_SIZES.map((bytes) => [`value${bytes}`, 'x'.repeat(bytes)]))
    return writeValues(this.#folder, values)
  }

  async #startNode(
    name: string,
    values: Values,
    flags: readonly string[],
    pinning = this.#pinning,
  ): Promise<Entry> {
    const [port] = await freePorts(1)
    const address = `127.0.0.1:${port}`
    const more = ['--self', '127.0.0.1:0', '--http', address, ...flags]
    const server = await startBenchNode('native', values, pinning, more)
    const url = (bytes: number) => `http://${address}/v1/groups/${GROUP}/keys/value${bytes}`
    for (const bytes of VALUE_SIZES) await (await fetch(url(bytes))).arrayBuffer()
    const entry = { name, server, url }
    this.#entries.push(entry)
    return entry
  }

  #tool(tool: Tool): string | undefined {
    const path = this.#run.smoke ? findTool(tool) : ensureTool(tool, (line) => this.#run.progress(line))
    if (path === undefined) this.#notes.push(adviceFor(tool))
    return path
  }
}

function titleOf(valueBytes: number): string {
  const size = valueBytes < 1024 ? `${valueBytes} B` : `${valueBytes / 1024} KiB`
  return `wrk, ${CONNECTIONS} connections, value of ${size}`
}

function tableOf(title: string, samples: ReadonlyMap<string, Sample>): Table {
  return {
    title,
    columns: [{ name: 'server' }, ...SAMPLE_COLUMNS],
    rows: [...samples].map(([name, sample]) => [name, ...sampleCells(sample)]),
  }
}

function chartOf(middles: ReadonlyMap<number, ReadonlyMap<string, Sample>>): BarChart {
  const groups = [...middles].map(([valueBytes, samples]) => ({
    label: titleOf(valueBytes),
    bars: [...samples].map(([label, { cpuUsPerCall }]) => ({
      label,
      value: cpuUsPerCall,
      isOurs: label === UWS,
    })),
  }))
  return { kind: 'bars', name: 'http', title: 'Server CPU per GET', unit: 'µs', groups }
}

function goalsOf(middles: ReadonlyMap<number, ReadonlyMap<string, Sample>>): Goal[] {
  const goals = VALUE_SIZES.flatMap((valueBytes): Goal[] => {
    const cpu = (name: string) => middles.get(valueBytes)?.get(name)?.cpuUsPerCall
    const size = valueBytes < 1024 ? `${valueBytes} B` : `${valueBytes / 1024} KiB`
    return [
      {
        what: `${size}: CPU per call, of bare uWebSockets.js`,
        measured: ratio(cpu(UWS), cpu(BARE)),
        atMost: 1.25,
      },
      { what: `${size}: CPU per call, of nginx`, measured: ratio(cpu(UWS), cpu(STATIC)), atMost: 1 },
    ]
  })
  const errorCount = [...middles.values()].reduce((sum, of) => sum + (of.get(UWS)?.errorCount ?? 0), 0)
  return [...goals, { what: 'errors', measured: errorCount, atMost: 0 }]
}

function throughputGoal(middles: ReadonlyMap<number, ReadonlyMap<string, Sample>>): Goal {
  const perSecond = (name: string) => middles.get(VALUE_SIZES[0]!)?.get(name)?.callsPerSecond
  return {
    what: 'calls/s of two front threads, of one',
    measured: ratio(perSecond(TWO), perSecond(UWS)),
    atLeast: 1.8,
  }
}

/** Says who was the limit, so that nobody takes it for calls/s that were seen. */
function capacityGoal(one: CoreShares, two: CoreShares, cores: number): Goal {
  const limit = limitOf(two, 2, cores)
  return {
    what: `calls by CPU time of two front threads, twice, of one (two: bound by ${limit})`,
    measured: capacityRatio(one, two),
    atLeast: 1.8,
  }
}
