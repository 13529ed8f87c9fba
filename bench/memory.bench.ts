import { fileURLToPath } from 'node:url'
import type { BarChart } from './chart.js'
import type { Goal } from './goal.js'
import { runProgram } from './load/run-program.js'
import { findLruCache, LRU_CACHE_ADVICE } from './lru-cache.js'
import { SIZES_NAMES, type SizesName } from './memory/entries.js'
import { type CacheServer, fillServer, MEMCACHED_SERVER, REDIS_SERVER } from './memory/fill-server.js'
import type { Filled } from './memory/filled.js'
import { canReadUsage } from './process-usage.js'
import type { Findings, Run, Suite } from './suite.js'
import type { Cell } from './table.js'
import { adviceFor, ensureTool, MEMCACHED, REDIS, type Tool } from './tool.js'

const FILL_IN_PROCESS = fileURLToPath(new URL('./memory/fill-in-process.js', import.meta.url))

const STORE = 'geek-cache store, auto'
const STORE_LRU = 'geek-cache store, lru'

interface Contestant {
  readonly name: string
  fill(sizes: SizesName): Promise<Filled>
}

/** How much of the memory that a cache is given holds keys and values. */
export const suite: Suite = {
  name: 'memory',
  summary:
    'a cache with a budget, filled several times over: what it holds, and what it takes from the system',
  async run(run: Run): Promise<Findings> {
    if (!canReadUsage()) return { tables: [], notes: ['Memory of a process is read from /proc: Linux only'] }
    const budgetBytes = run.parameter('MiB of budget', 2, 64) * 2 ** 20
    const bytesTotal = run.parameter('times that it is filled', 2, 3) * budgetBytes
    const notes = [
      'RSS is the growth of the process while it was filled, less what of V8’s heap is empty afterwards; overhead is what RSS is more than keys and values, for each entry.',
      'By its own account is what a cache says that it uses, less keys and values, for each entry: headers, index, policy, padding. The store keeps a sixteenth of its log free besides, to move entries into.',
      'The budget of lru-cache counts keys and values alone; those of the others all that they use, as far as they know.',
    ]
    const contestants = await findContestants(run, budgetBytes, bytesTotal, notes)
    const rows: Cell[][] = []
    for (const sizes of SIZES_NAMES) {
      for (const { name, fill } of contestants) {
        run.progress(`${name}, ${sizes}`)
        rows.push([sizes, name, ...figuresOf(await fill(sizes), budgetBytes)])
      }
    }
    const charts = [chartOf(rows)]
    return {
      charts,
      tables: [{ title: `A budget of ${budgetBytes >> 20} MiB`, columns: COLUMNS, rows }],
      goals: goalsOf(rows),
      notes,
    }
  },
}

const COLUMNS = [
  { name: 'values' },
  { name: 'cache' },
  { name: 'entries' },
  { name: 'payload / budget', digits: 3 },
  { name: 'RSS / budget', digits: 3 },
  { name: 'overhead B per entry', digits: 1 },
  { name: 'by its own account', digits: 1 },
]

function goalsOf(rows: readonly (readonly Cell[])[]): Goal[] {
  return rows
    .filter(([, name]) => name === STORE || name === STORE_LRU)
    .flatMap(([sizes, name, , payload, resident, , overhead]): Goal[] => [
      {
        what: `overhead by its own account, ${name}, ${sizes}: bytes per entry`,
        measured: Number(overhead),
        atMost: 32,
      },
      ...(sizes === '100 B'
        ? []
        : [{ what: `payload / budget, ${name}, ${sizes}`, measured: Number(payload), atLeast: 0.85 }]),
      { what: `RSS / budget, ${name}, ${sizes}`, measured: Number(resident), atMost: 1.15 },
    ])
}

/** What is had of the memory that is paid for. */
function chartOf(rows: readonly (readonly Cell[])[]): BarChart {
  const groups = SIZES_NAMES.map((sizes) => ({
    label: `Values: ${sizes}`,
    bars: rows
      .filter((row) => row[0] === sizes)
      .map(([, name, , payload, resident]) => ({
        label: String(name),
        value: (100 * Number(payload)) / Number(resident),
        isOurs: name === STORE || name === STORE_LRU,
      })),
  }))
  return { kind: 'bars', name: 'memory', title: 'Keys and values in 100 bytes of RSS', unit: 'B', groups }
}

function figuresOf(filled: Filled, budgetBytes: number): Cell[] {
  const { entryCount, payloadBytes, residentBytes, chargedBytes } = filled
  return [
    entryCount,
    payloadBytes / budgetBytes,
    residentBytes / budgetBytes,
    (residentBytes - payloadBytes) / entryCount,
    chargedBytes === undefined ? undefined : (chargedBytes - payloadBytes) / entryCount,
  ]
}

async function findContestants(
  run: Run,
  budgetBytes: number,
  bytesTotal: number,
  notes: string[],
): Promise<Contestant[]> {
  const inProcess = (name: string, label: string): Contestant => ({
    name: label,
    fill: async (sizes) => {
      const args = [name, budgetBytes, bytesTotal, sizes].map(String)
      return JSON.parse(
        await runProgram([process.execPath, '--expose-gc', FILL_IN_PROCESS, ...args]),
      ) as Filled
    },
  })
  const contestants = [inProcess('store-auto', STORE), inProcess('store-lru', STORE_LRU)]
  if ((await findLruCache()) === undefined) notes.push(LRU_CACHE_ADVICE)
  else {
    contestants.push(inProcess('lru-cache-buffers', 'lru-cache, Buffers'))
    contestants.push(inProcess('lru-cache-strings', 'lru-cache, strings'))
  }
  // A smoke run needs nothing but Node.
  if (run.smoke) return contestants
  const servers: [CacheServer, Tool][] = [
    [REDIS_SERVER, REDIS],
    [MEMCACHED_SERVER, MEMCACHED],
  ]
  for (const [server, tool] of servers) {
    const program = ensureTool(tool, (line) => run.progress(line))
    if (program === undefined) notes.push(adviceFor(tool))
    else {
      const fill = (sizes: SizesName) => fillServer(server, program, budgetBytes, bytesTotal, sizes)
      contestants.push({ name: server.name, fill })
    }
  }
  return contestants
}
