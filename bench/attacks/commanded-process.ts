import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { CommandLine } from '../pinning.js'

/** A program that answers each line of its input by a line of JSON; a first one it says by itself, once it is ready. */
export class CommandedProcess {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]()
  }

  static async start<Ready>([program, ...args]: CommandLine): Promise<[CommandedProcess, Ready]> {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    // A run that ends in an uncaught error must not leave it running.
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    const started = new CommandedProcess(child)
    return [started, await started.#answer<Ready>()]
  }

  /** One command at a time. */
  ask<Answer>(command: string): Promise<Answer> {
    this.#child.stdin!.write(`${command}\n`)
    return this.#answer<Answer>()
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  async #answer<Answer>(): Promise<Answer> {
    const { done, value } = await this.#lines.next()
    if (done) throw new Error(`${this.#child.spawnargs.join(' ')} ended`)
    return JSON.parse(value) as Answer
  }
}
