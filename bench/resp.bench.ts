import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { median } from './distribution.js'
import { type Goal, ratio } from './goal.js'
import { runProgram } from './load/run-program.js'
import { Pinning } from './pinning.js'
import { canReadUsage, usageOf } from './process-usage.js'
import { freePorts } from './server-process.js'
import type { Findings, Run, Suite } from './suite.js'
import type { Table } from './table.js'
import { adviceFor, ensureTool, findTool, REDIS, REDIS_BENCHMARK, type Tool } from './tool.js'

const MAIN = fileURLToPath(new URL('../src/main/cli/main.js', import.meta.url))
const OURS = 'geek-cache'
const REDIS_SERVER = 'redis-server'
const CONNECTIONS = 50
const DEPTHS = [1, 16]
const VALUE_SIZES = [3, 1024]
/** The key that redis-benchmark asks for, in a group and in Redis. */
const GROUP = 'key'
const KEY = '__rand_int__'
const READY_TRIES = 1500

/** What GETs by redis-benchmark cost this node and redis-server. */
export const suite: Suite = {
  name: 'resp',
  summary:
    'GET of one key in memory over the Redis protocol, by redis-benchmark: calls/s and CPU of the server per call',
  async run(run: Run): Promise<Findings> {
    if (!canReadUsage()) return { tables: [], notes: ['CPU of a process is read from /proc: Linux only'] }
    const tool = (of: Tool) => (run.smoke ? findTool(of) : ensureTool(of, (line) => run.progress(line)))
    const [server, benchmark] = [tool(REDIS), tool(REDIS_BENCHMARK)]
    if (server === undefined) return { tables: [], notes: [adviceFor(REDIS)] }
    if (benchmark === undefined) return { tables: [], notes: [adviceFor(REDIS_BENCHMARK)] }
    const pinning = new Pinning()
    const figures: Figure[] = []
    for (const valueBytes of VALUE_SIZES) {
      figures.push(...(await measureSize({ run, pinning, server, benchmark, valueBytes })))
    }
    return { tables: [tableOf(figures)], goals: goalsOf(figures), notes: [pinning.note] }
  },
}

interface Figure {
  readonly name: string
  readonly valueBytes: number
  readonly depth: number
  readonly callsPerSecond: number
  readonly cpuUsPerCall: number
}

interface Round {
  readonly run: Run
  readonly pinning: Pinning
  readonly server: string
  readonly benchmark: string
  readonly valueBytes: number
}

/** Both servers in turn, round after round. */
async function measureSize({ run, pinning, server, benchmark, valueBytes }: Round): Promise<Figure[]> {
  const rounds = run.parameter('rounds', 1, 3)
  const callCount = run.parameter('calls of a run, at depth 1', 1000, 60_000)
  const folder = mkdtempSync(join(tmpdir(), 'geek-cache-bench-'))
  const [redisPort, ourPort] = (await freePorts(2)) as [number, number]
  const redis = start(
    pinning.server([server, '--port', String(redisPort), '--save', '', '--appendonly', 'no']),
  )
  const ours = start(
    pinning.server([process.execPath, MAIN, 'serve', '--config', configIn(folder, valueBytes, ourPort)]),
  )
  try {
    await exchange(redisPort, `SET ${GROUP}:${KEY} ${'x'.repeat(valueBytes)}\r\n`)
    await exchange(ourPort, `GET ${GROUP}:${KEY}\r\n`)
    const contestants = [
      { name: OURS, child: ours, port: ourPort },
      { name: REDIS_SERVER, child: redis, port: redisPort },
    ]
    const figures: Figure[] = []
    for (const depth of DEPTHS) {
      const seen = new Map<string, Figure[]>(contestants.map(({ name }) => [name, []]))
      for (let round = 0; round <= rounds; round++) {
        run.progress(`value of ${valueBytes} B, pipeline of ${depth}: round ${round} of ${rounds}`)
        for (const { name, child, port } of contestants) {
          const calls = callCount * (depth === 1 ? 1 : 8)
          const load = ['-p', port, '-t', 'get', '-c', CONNECTIONS, '-n', calls, '-P', depth, '--csv'].map(
            String,
          )
          const beforeUs = usageOf(child.pid!).cpuUs
          const output = await runProgram(pinning.generator([benchmark, ...load]))
          const cpuUsPerCall = (usageOf(child.pid!).cpuUs - beforeUs) / calls
          const callsPerSecond = Number(/"GET","([\d.]+)"/.exec(output)?.[1])
          // The first one is for compilers to warm up.
          if (round > 0) seen.get(name)!.push({ name, valueBytes, depth, callsPerSecond, cpuUsPerCall })
        }
      }
      for (const [name, of] of seen) {
        figures.push({
          name,
          valueBytes,
          depth,
          callsPerSecond: median(of.map((figure) => figure.callsPerSecond)),
          cpuUsPerCall: median(of.map((figure) => figure.cpuUsPerCall)),
        })
      }
    }
    return figures
  } finally {
    for (const child of [redis, ours]) child.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
}

function start([program, ...args]: readonly [string, ...string[]]): ChildProcess {
  const child = spawn(program, args, { stdio: 'ignore' })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
  return child
}

function configIn(folder: string, valueBytes: number, port: number): string {
  const file = join(folder, 'bench.yaml')
  writeFileSync(join(folder, 'values.json'), JSON.stringify({ [KEY]: 'x'.repeat(valueBytes) }))
  const group = { maxBytes: '64MiB', origin: { json: './values.json' } }
  const config = {
    self: '127.0.0.1:0',
    resp: `127.0.0.1:${port}`,
    logLevel: 'error',
    groups: { [GROUP]: group },
  }
  writeFileSync(file, JSON.stringify(config))
  return file
}

/** Sends a request once the server listens, and waits for the first of its reply. */
async function exchange(port: number, request: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    const socket = connect({ port, host: '127.0.0.1' })
    try {
      await once(socket, 'connect')
      socket.write(request)
      await once(socket, 'data')
      return
    } catch (thrown) {
      if (tries === READY_TRIES) throw thrown
      await new Promise((resolve) => setTimeout(resolve, 20))
    } finally {
      socket.destroy()
    }
  }
}

function tableOf(figures: readonly Figure[]): Table {
  return {
    title: `redis-benchmark -t get, ${CONNECTIONS} connections`,
    columns: [
      { name: 'server' },
      { name: 'value bytes' },
      { name: 'pipeline' },
      { name: 'calls/s' },
      { name: 'CPU µs/call', digits: 2 },
    ],
    rows: figures.map((of) => [of.name, of.valueBytes, of.depth, of.callsPerSecond, of.cpuUsPerCall]),
  }
}

function goalsOf(figures: readonly Figure[]): Goal[] {
  return VALUE_SIZES.flatMap((valueBytes) =>
    DEPTHS.map((depth) => {
      const cpuOf = (name: string) =>
        figures.find((of) => of.name === name && of.valueBytes === valueBytes && of.depth === depth)
          ?.cpuUsPerCall
      return {
        what: `${valueBytes} B, pipeline of ${depth}: CPU per call, of redis-server`,
        measured: ratio(cpuOf(OURS), cpuOf(REDIS_SERVER)),
        atMost: 1.6,
      }
    }),
  )
}
