import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'

/** What figures were taken on. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
  /** Processes that wanted a core in the minute before the run: well above 0, the machine was not ours alone. */
  readonly loadAverage: number
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    loadAverage: loadavg()[0]!,
  }
}

export function machineLine(machine: Machine): string {
  const { processor, cores, memoryGiB, system, node, loadAverage } = machine
  return `${processor}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}; load average before the run ${loadAverage.toFixed(1)}`
}
