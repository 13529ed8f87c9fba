import { median } from './distribution.js'
import type { LoadResult } from './load/load.js'
import { endedChildrenCpuUs } from './process-usage.js'
import type { ServerProcess } from './server-process.js'
import type { Table } from './table.js'

/** From this part of what it can use on, something is busy all the time: ticks of 10 ms and the start of a run take some. */
const BUSY = 0.9

/** How server and load generator shared the cores during one run. */
export interface CoreShares {
  readonly callsPerSecond: number
  /** CPU time of the server by time of the run: 2 when two of its threads were busy all the time. */
  readonly serverCores: number
  readonly generatorCores: number
  /** The same of each thread of the server, the busiest first. */
  readonly threadCores: readonly number[]
}

/** @param load runs one program of one thread and waits for its end; nothing else that was started ends meanwhile */
export async function coreShares(
  server: ServerProcess,
  load: () => Promise<LoadResult>,
): Promise<CoreShares> {
  const before = { server: server.usage(), generator: endedChildrenCpuUs(), ms: performance.now() }
  const { callsPerSecond } = await load()
  const us = (performance.now() - before.ms) * 1000
  const after = server.usage()
  const threads = [...after.threadCpuUs].map(
    ([id, cpuUs]) => cpuUs - (before.server.threadCpuUs.get(id) ?? 0),
  )
  return {
    callsPerSecond,
    serverCores: (after.cpuUs - before.server.cpuUs) / us,
    generatorCores: (endedChildrenCpuUs() - before.generator) / us,
    threadCores: threads.map((cpuUs) => cpuUs / us).sort((a, b) => b - a),
  }
}

/** Of each figure the one in the middle. */
export function middleShares(runs: readonly CoreShares[]): CoreShares {
  const of = (figure: (shares: CoreShares) => number) => median(runs.map(figure))
  const threadCount = Math.min(...runs.map(({ threadCores }) => threadCores.length))
  return {
    callsPerSecond: of(({ callsPerSecond }) => callsPerSecond),
    serverCores: of(({ serverCores }) => serverCores),
    generatorCores: of(({ generatorCores }) => generatorCores),
    threadCores: Array.from({ length: threadCount }, (_, index) =>
      of(({ threadCores }) => threadCores[index]!),
    ),
  }
}

/**
 * What two front threads would serve, of what one does, had the load no part in the cores: calls by CPU time that the
 * server used, times its threads. What threads cost each other, by locks, caches and switches, is in that CPU time.
 */
export function capacityRatio(one: CoreShares, two: CoreShares): number {
  return (2 * (two.callsPerSecond / two.serverCores)) / (one.callsPerSecond / one.serverCores)
}

/**
 * Why the run was no faster. `load`: the one thread of the generator was busy all the time, or together they had all cores
 * while the server's threads could have used more. `server`: all its threads were busy.
 */
export function limitOf(shares: CoreShares, threads: number, cores: number): 'server' | 'load' | 'neither' {
  const { serverCores, generatorCores } = shares
  if (serverCores >= BUSY * threads) return 'server'
  return generatorCores >= BUSY || serverCores + generatorCores >= BUSY * cores ? 'load' : 'neither'
}

/** @param rows by the number of front threads that the server had */
export function sharesTable(title: string, rows: ReadonlyMap<number, CoreShares>, cores: number): Table {
  return {
    title,
    columns: [
      { name: 'front threads' },
      { name: 'calls/s' },
      { name: 'cores of the server', digits: 2 },
      { name: 'of its busiest threads' },
      { name: 'cores of the load', digits: 2 },
      { name: 'bound by' },
    ],
    rows: [...rows].map(([threads, shares]) => [
      String(threads),
      shares.callsPerSecond,
      shares.serverCores,
      shares.threadCores
        .slice(0, threads)
        .map((cores) => cores.toFixed(2))
        .join(' + '),
      shares.generatorCores,
      limitOf(shares, threads, cores),
    ]),
  }
}
