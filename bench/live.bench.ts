import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { type CacheClient, connect } from '../src/client/index.js'
import { GROUP, startBenchNode, writeValues } from './bench-node.js'
import { percentile } from './distribution.js'
import { ratio } from './goal.js'
import type { LoadShape } from './load/load.js'
import { runLoad } from './load/run-load.js'
import { Pinning } from './pinning.js'
import { canReadUsage } from './process-usage.js'
import { measure, middle, SAMPLE_COLUMNS, type Sample, sampleCells } from './sample.js'
import { freePorts } from './server-process.js'
import type { Findings, Run, Suite } from './suite.js'

const SHAPE: LoadShape = { connections: 4, streams: 50 }
const KEYS = 1000
const WATCHERS = 3

/** What it costs a node under load to be watched. */
export const suite: Suite = {
  name: 'live',
  summary: `Hits over gRPC while nobody and while ${WATCHERS} dashboards watch: CPU of the node per call`,
  async run(run: Run): Promise<Findings> {
    if (!canReadUsage()) return { tables: [], notes: ['CPU of a process is read from /proc: Linux only'] }
    const folder = mkdtempSync(join(tmpdir(), 'geek-cache-bench-'))
    try {
      return await compare(run, folder)
    } finally {
      rmSync(folder, { recursive: true, force: true })
    }
  },
}

async function compare(run: Run, folder: string): Promise<Findings> {
  // Many short rounds: what disturbs one is in one ratio of many. Each is longer than the time from one look of a
  // dashboard to the next.
  const rounds = run.parameter('rounds', 1, 24)
  const callCount = run.parameter('calls', 300, 600_000)
  const pinning = new Pinning()
  const keys = Array.from({ length: KEYS }, (_, index) => `key${index}`)
  const keysFile = join(folder, 'keys.json')
  writeFileSync(keysFile, JSON.stringify(keys))
  const values = writeValues(folder, Object.fromEntries(keys.map((key) => [key, 'x'.repeat(100)])))
  const [port] = await freePorts(1)
  const flags = ['--self', '127.0.0.1:0', '--http', `127.0.0.1:${port}`]
  const node = await startBenchNode('native', values, pinning, flags)
  const load = () => {
    const what = [node.address, SHAPE.connections, SHAPE.streams, callCount, GROUP, keysFile]
    return runLoad(pinning, 'frame-load', what)
  }
  try {
    await load()
    const alone: Sample[] = []
    const watched: Sample[] = []
    for (let round = 1; round <= rounds; round++) {
      run.progress(`round ${round} of ${rounds}`)
      // In turn, and each first every other time: what the machine does meanwhile hits both alike.
      const steps = [
        async () => alone.push(await measure([node], load)),
        async () =>
          watched.push(await whileWatched(`ws://127.0.0.1:${port}/v1/ws`, () => measure([node], load))),
      ]
      for (const step of round % 2 === 0 ? steps.reverse() : steps) await step()
    }
    return findingsOf(alone, watched, pinning)
  } finally {
    await node.stop()
  }
}

/** Runs work while clients ask the node what the dashboard asks it, as often as that does. */
async function whileWatched<T>(url: string, work: () => Promise<T>): Promise<T> {
  const watchers = await Promise.all(Array.from({ length: WATCHERS }, () => watch(url)))
  try {
    return await work()
  } finally {
    for (const watcher of watchers) watcher.close()
  }
}

/** Resolves once statistics come. */
function watch(url: string): Promise<CacheClient> {
  return new Promise((resolve, reject) => {
    const client = connect(url, { WebSocket })
    let looks = 0
    client.watchStats(
      () => {
        resolve(client)
        if (looks++ % 5 > 0) return
        // Rejected when the client is closed meanwhile.
        client.ring().catch(() => {})
        client
          .group(GROUP)
          .hotKeys(10)
          .catch(() => {})
      },
      { onError: reject },
    )
  })
}

function findingsOf(alone: readonly Sample[], watched: readonly Sample[], pinning: Pinning): Findings {
  // Pair by pair: a round that was disturbed disturbs its own ratio alone.
  const ratios = watched
    .map(({ cpuUsPerCall }, index) => ratio(cpuUsPerCall, alone[index]?.cpuUsPerCall) ?? Number.NaN)
    .sort((a, b) => a - b)
  const [low, share, high] = [0.25, 0.5, 0.75].map((part) => percentile(ratios, part))
  return {
    tables: [
      {
        title: `${SHAPE.connections} connections × ${SHAPE.streams} calls in flight, values of 100 B`,
        columns: [{ name: 'watched by' }, ...SAMPLE_COLUMNS],
        rows: [
          ['nobody', ...sampleCells(middle(alone))],
          [`${WATCHERS} dashboards`, ...sampleCells(middle(watched))],
        ],
      },
    ],
    goals: [{ what: `CPU per call with ${WATCHERS} dashboards against none`, measured: share, atMost: 1.02 }],
    notes: [
      `Of ${ratios.length} ratios, one of each pair of runs, the middle one is ${share!.toFixed(3)}; half of them lie from ${low!.toFixed(3)} to ${high!.toFixed(3)}.`,
      pinning.note,
    ],
  }
}
