import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ring } from '../src/shared/ring.js'
import { type Engine, GROUP, startBenchNode, writeValues } from './bench-node.js'
import { ratio } from './goal.js'
import type { LoadResult, LoadShape } from './load/load.js'
import { runProgram } from './load/run-program.js'
import { Pinning } from './pinning.js'
import { canReadUsage } from './process-usage.js'
import { measure, middle, SAMPLE_COLUMNS, type Sample, sampleCells } from './sample.js'
import { freePorts, type ServerProcess } from './server-process.js'
import type { Findings, Run, Suite } from './suite.js'

const FRAME_LOAD = fileURLToPath(new URL('./load/frame-load.js', import.meta.url))
const ENGINES: readonly Engine[] = ['native', 'grpc-js']
const SHAPE: LoadShape = { connections: 4, streams: 50 }
const VALUE = 'x'.repeat(100)

/** Two nodes of one engine, and the keys that the second one owns. */
interface Pair {
  readonly engine: Engine
  readonly asked: ServerProcess
  readonly owner: ServerProcess
  readonly keysFile: string
}

/** What it costs to ask a node for what another one owns. */
export const suite: Suite = {
  name: 'cluster',
  summary: 'Get at node A of keys that node B owns and has in memory: CPU of both nodes per call',
  async run(run: Run): Promise<Findings> {
    if (!canReadUsage()) return { tables: [], notes: ['CPU of a process is read from /proc: Linux only'] }
    const folder = mkdtempSync(join(tmpdir(), 'geek-cache-bench-'))
    const pinning = new Pinning()
    const pairs: Pair[] = []
    try {
      for (const engine of ENGINES) pairs.push(await startPair(run, engine, folder, pinning))
      return findingsOf(await measurePairs(run, pairs, pinning), pinning)
    } finally {
      for (const { asked, owner } of pairs) await Promise.all([asked.stop(), owner.stop()])
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function startPair(run: Run, engine: Engine, folder: string, pinning: Pinning): Promise<Pair> {
  const keyCount = run.parameter('keys', 100, 2000)
  const keys = Array.from({ length: keyCount }, (_, index) => `key${index}`)
  const values = writeValues(folder, Object.fromEntries(keys.map((key) => [key, VALUE])))
  const [asked, owner] = (await freePorts(2)).map((port) => `127.0.0.1:${port}`)
  const ring = new Ring([asked!, owner!])
  const keysFile = join(folder, `${engine}.keys.json`)
  writeFileSync(keysFile, JSON.stringify(keys.filter((key) => ring.owner(Buffer.from(key)) === owner)))
  const start = (self: string) =>
    startBenchNode(engine, values, pinning, ['--self', self, '--peers', `${asked},${owner}`])
  return { engine, keysFile, asked: await start(asked!), owner: await start(owner!) }
}

/** Round after round, each pair in turn. */
async function measurePairs(
  run: Run,
  pairs: readonly Pair[],
  pinning: Pinning,
): Promise<Map<Engine, Sample>> {
  const rounds = run.parameter('rounds', 1, 3)
  const callCount = run.parameter('calls', 300, 30_000)
  const load = async ({ asked, keysFile }: Pair): Promise<LoadResult> => {
    const { connections, streams } = SHAPE
    const what = [asked.address, connections, streams, callCount, GROUP, keysFile].map(String)
    const result = JSON.parse(
      await runProgram(pinning.generator([process.execPath, FRAME_LOAD, ...what])),
    ) as LoadResult
    return { ...result, latenciesUs: Float64Array.from(result.latenciesUs) }
  }
  // The first run loads every key.
  for (const pair of pairs) await load(pair)
  const samples = new Map<Engine, Sample[]>(pairs.map(({ engine }) => [engine, []]))
  for (let round = 1; round <= rounds; round++) {
    run.progress(`round ${round} of ${rounds}`)
    for (const pair of pairs) {
      samples.get(pair.engine)!.push(await measure([pair.asked, pair.owner], () => load(pair)))
    }
  }
  return new Map([...samples].map(([engine, of]) => [engine, middle(of)]))
}

function findingsOf(samples: ReadonlyMap<Engine, Sample>, pinning: Pinning): Findings {
  const rows = [...samples].map(([engine, sample]) => [engine, ...sampleCells(sample)])
  const cpu = (engine: Engine) => samples.get(engine)?.cpuUsPerCall
  const share = ratio(cpu('native'), cpu('grpc-js'))
  return {
    tables: [
      {
        title: `Peer hop: ${SHAPE.connections} connections × ${SHAPE.streams} calls in flight, values of ${VALUE.length} B; CPU and RSS of both nodes`,
        columns: [{ name: 'engine' }, ...SAMPLE_COLUMNS],
        rows,
      },
    ],
    notes: [
      ...(share === undefined
        ? []
        : [`A hop over the native engine costs ${share.toFixed(3)} of one over grpc-js.`]),
      pinning.note.replace('Each server', 'Both nodes'),
    ],
  }
}
