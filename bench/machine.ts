import { availableParallelism, cpus, release, totalmem, type } from 'node:os'

/** What figures were taken on. */
export interface Machine {
  readonly processor: string
  readonly cores: number
  readonly memoryGiB: number
  readonly system: string
  readonly node: string
}

export function thisMachine(): Machine {
  return {
    processor: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
  }
}

export function machineLine({ processor, cores, memoryGiB, system, node }: Machine): string {
  return `${processor}, ${cores} cores, ${memoryGiB} GiB; ${system}; Node ${node}`
}
