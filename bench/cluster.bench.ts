import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Ring } from '../src/shared/ring.js'
import { type Engine, GROUP, startBenchNode, writeValues } from './bench-node.js'
import { ratio } from './goal.js'
import type { LoadResult, LoadShape } from './load/load.js'
import { runLoad } from './load/run-load.js'
import { Pinning } from './pinning.js'
import { canReadUsage } from './process-usage.js'
import { measure, middle, SAMPLE_COLUMNS, type Sample, sampleCells } from './sample.js'
import { freePorts, type ServerProcess } from './server-process.js'
import type { Findings, Run, Suite } from './suite.js'

const SHAPE: LoadShape = { connections: 4, streams: 50 }
const VALUE = 'x'.repeat(100)

interface Contest {
  readonly name: string
  readonly engine: Engine
  readonly nodeCount: number
  /** All keys that the second node owns, or the first of them. */
  readonly isOneKey: boolean
  /** Of the group. */
  readonly hotCopiesShare: number
}

const NATIVE = 'native'
const GRPC_JS = 'grpc-js'
const ONE_KEY = 'one hot key, no copies'
const COPIED = 'one hot key, hot copies'
const HOP = { nodeCount: 2, isOneKey: false, hotCopiesShare: 0 }
const HOT: Omit<Contest, 'name' | 'hotCopiesShare'> = { engine: 'native', nodeCount: 3, isOneKey: true }
const CONTESTS: readonly Contest[] = [
  { name: NATIVE, engine: 'native', ...HOP },
  { name: GRPC_JS, engine: 'grpc-js', ...HOP },
  { name: ONE_KEY, ...HOT, hotCopiesShare: 0 },
  { name: COPIED, ...HOT, hotCopiesShare: 0.125 },
]

/** The nodes of one ring, of which the first is asked, and the keys that it is asked for. */
interface StartedRing {
  readonly name: string
  readonly nodes: readonly ServerProcess[]
  readonly keysFile: string
}

/** What it costs to ask a node for what another one owns. */
export const suite: Suite = {
  name: 'cluster',
  summary: 'Get at node A of keys that node B owns and has in memory: CPU of all nodes per call',
  async run(run: Run): Promise<Findings> {
    if (!canReadUsage()) return { tables: [], notes: ['CPU of a process is read from /proc: Linux only'] }
    const folder = mkdtempSync(join(tmpdir(), 'geek-cache-bench-'))
    const pinning = new Pinning()
    const rings: StartedRing[] = []
    try {
      for (const contest of CONTESTS) rings.push(await startRing(run, contest, folder, pinning))
      return findingsOf(await measureRings(run, rings, pinning), pinning)
    } finally {
      await Promise.all(rings.flatMap(({ nodes }) => nodes).map((node) => node.stop()))
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function startRing(run: Run, contest: Contest, folder: string, pinning: Pinning): Promise<StartedRing> {
  const { name, engine, nodeCount, isOneKey, hotCopiesShare } = contest
  const keyCount = run.parameter('keys', 100, 2000)
  const keys = Array.from({ length: keyCount }, (_, index) => `key${index}`)
  const own = join(folder, name.replaceAll(/\W+/g, '-'))
  const values = writeValues(own, Object.fromEntries(keys.map((key) => [key, VALUE])), {
    [GROUP]: { hotCopiesShare },
  })
  const members = (await freePorts(nodeCount)).map((port) => `127.0.0.1:${port}`)
  const ring = new Ring(members)
  const owned = keys.filter((key) => ring.owner(Buffer.from(key)) === members[1])
  const keysFile = join(own, 'keys.json')
  writeFileSync(keysFile, JSON.stringify(isOneKey ? owned.slice(0, 1) : owned))
  const nodes: ServerProcess[] = []
  for (const self of members) {
    nodes.push(await startBenchNode(engine, values, pinning, ['--self', self, '--peers', members.join(',')]))
  }
  return { name, nodes, keysFile }
}

/** Round after round, each ring in turn. */
async function measureRings(
  run: Run,
  rings: readonly StartedRing[],
  pinning: Pinning,
): Promise<Map<string, Sample>> {
  const rounds = run.parameter('rounds', 1, 3)
  const hops = run.parameter('calls', 300, 30_000)
  const load = async ({ name, nodes, keysFile }: StartedRing): Promise<LoadResult> => {
    const { connections, streams } = SHAPE
    // A hit takes a tenth of the time: as long a run needs more of them.
    const callCount = name === COPIED ? 10 * hops : hops
    const what = [nodes[0]!.address, connections, streams, callCount, GROUP, keysFile]
    return runLoad(pinning, 'frame-load', what)
  }
  // The first run loads every key.
  for (const ring of rings) await load(ring)
  const samples = new Map<string, Sample[]>(rings.map(({ name }) => [name, []]))
  for (let round = 1; round <= rounds; round++) {
    run.progress(`round ${round} of ${rounds}`)
    for (const ring of rings) samples.get(ring.name)!.push(await measure(ring.nodes, () => load(ring)))
  }
  return new Map([...samples].map(([name, of]) => [name, middle(of)]))
}

function findingsOf(samples: ReadonlyMap<string, Sample>, pinning: Pinning): Findings {
  const rowsOf = (names: readonly string[]) => names.map((name) => [name, ...sampleCells(samples.get(name)!)])
  const cpu = (name: string) => samples.get(name)?.cpuUsPerCall
  const share = ratio(cpu(NATIVE), cpu(GRPC_JS))
  const hot = ratio(cpu(COPIED), cpu(ONE_KEY))
  const shape = `${SHAPE.connections} connections × ${SHAPE.streams} calls in flight, values of ${VALUE.length} B; CPU and RSS of all nodes`
  const notes = [
    share !== undefined && `A hop over the native engine costs ${share.toFixed(3)} of one over grpc-js.`,
    hot !== undefined && `A hit in a hot copy costs ${hot.toFixed(3)} of asking the owner.`,
    pinning.note.replace('Each server', 'All nodes'),
  ]
  return {
    tables: [
      {
        title: `Peer hop: ${shape}`,
        columns: [{ name: 'engine' }, ...SAMPLE_COLUMNS],
        rows: rowsOf([NATIVE, GRPC_JS]),
      },
      {
        title: `One key of another node, ring of ${HOT.nodeCount}: ${shape}`,
        columns: [{ name: 'group' }, ...SAMPLE_COLUMNS],
        rows: rowsOf([ONE_KEY, COPIED]),
      },
    ],
    notes: notes.filter((note) => note !== false),
  }
}
