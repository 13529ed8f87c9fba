import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

/** What a process has used. */
export interface ProcessUsage {
  /** Of all its threads, in user and kernel mode, in microseconds; in steps of 10 ms. */
  readonly cpuUs: number
  /** Memory in RAM now, in bytes. */
  readonly residentBytes: number
}

/** Linux only: see {@link canReadUsage}. */
export function usageOf(processId: number): ProcessUsage {
  const stat = readFileSync(`/proc/${processId}/stat`, 'utf8')
  // The name of the program, in parentheses, may hold anything; the fields after it count from 3 (proc(5)).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const ticks = Number(fields[14 - 3]) + Number(fields[15 - 3])
  const status = readFileSync(`/proc/${processId}/status`, 'utf8')
  const residentKiB = Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? Number.NaN)
  return { cpuUs: (ticks * 1e6) / TICKS_PER_SECOND, residentBytes: residentKiB * 1024 }
}

export function canReadUsage(): boolean {
  return existsSync('/proc/self/stat')
}

const TICKS_PER_SECOND = Number(spawnSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }).stdout) || 100
