import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'

/** What a process has used. */
export interface ProcessUsage {
  /** Of all its threads, in user and kernel mode, in microseconds; in steps of 10 ms. */
  readonly cpuUs: number
  /** The same of each of its threads that run, by number. */
  readonly threadCpuUs: ReadonlyMap<number, number>
  /** Memory in RAM now, in bytes. */
  readonly residentBytes: number
}

/** Linux only: see {@link canReadUsage}. */
export function usageOf(processId: number): ProcessUsage {
  const status = readFileSync(`/proc/${processId}/status`, 'utf8')
  const residentKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN)
  const threads = readdirSync(`/proc/${processId}/task`).map(Number)
  return {
    cpuUs: cpuUsOf(processId, 14),
    threadCpuUs: new Map(threads.map((id) => [id, cpuUsOf(`${processId}/task/${id}`, 14)])),
    residentBytes: residentKiB * 1024,
  }
}

/** CPU time, in microseconds, of those processes started by this one that have ended and were waited for. */
export function endedChildrenCpuUs(): number {
  return cpuUsOf('self', 16)
}

/** @param field of proc(5) with the ticks in user mode; those in kernel mode follow */
function cpuUsOf(process: number | string, field: number): number {
  const stat = readFileSync(`/proc/${process}/stat`, 'utf8')
  // The name of the program, in parentheses, may hold anything; the fields after it count from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[field - 3]) + Number(fields[field - 2])
  return (ticks * 1e6) / TICKS_PER_SECOND
}

export function canReadUsage(): boolean {
  return existsSync('/proc/self/stat')
}

const TICKS_PER_SECOND = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100
