import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

/** A command line: program and arguments. */
export type CommandLine = readonly [string, ...string[]]

/**
 * Where the measured server and the load generator run: a core each, so that neither takes time from the other. On a
 * machine with one core, or without taskset, wherever the system puts them.
 */
export class Pinning {
  readonly #cores: readonly number[]
  readonly #hasIdle: boolean

  /** @param isWanted false to leave it to the system where they run */
  constructor(isWanted = true) {
    const hasTaskset = isWanted && spawnSync('taskset', ['--version']).status === 0
    this.#cores = hasTaskset ? allowedCores() : []
    this.#hasIdle = isWanted && spawnSync('chrt', ['--idle', '0', 'true']).status === 0
  }

  get isPinned(): boolean {
    return this.#cores.length >= 2
  }

  /** One line for those who read the figures. */
  get note(): string {
    return this.isPinned
      ? `Each server ran on core ${this.#cores[0]}, the load generator on core ${this.#cores[1]}.`
      : 'Server and load generator shared their cores: calls/s and latencies say little, CPU per call says more.'
  }

  server(command: CommandLine): CommandLine {
    return this.#onCore(this.#cores[0], command)
  }

  generator(command: CommandLine): CommandLine {
    return this.#onCore(this.#cores[1], command)
  }

  /**
   * On the core of the load generator, but running only while that core has nothing else to do (SCHED_IDLE): for what
   * must not delay the generator. Where the system knows no such thing, like the generator.
   */
  background(command: CommandLine): CommandLine {
    return this.generator(this.#hasIdle ? ['chrt', '--idle', '0', ...command] : command)
  }

  #onCore(core: number | undefined, command: CommandLine): CommandLine {
    return this.isPinned ? ['taskset', '-c', String(core), ...command] : command
  }
}

/** From a list such as 0-3,8. */
function allowedCores(): number[] {
  const status = readFileSync('/proc/self/status', 'utf8')
  const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(status)?.[1] ?? ''
  return list.split(',').flatMap((range) => {
    const [first, last = first] = range.split('-').map(Number)
    return Array.from({ length: last! - first! + 1 }, (_, index) => first! + index)
  })
}
