import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** How a process ended, and all that it wrote. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

/** A child process of a test: a compiled script, its output kept. It does not outlive `dispose`. */
export class Child {
  readonly process: ChildProcess
  stdout = ''
  stderr = ''
  readonly ended: Promise<Ended>
  readonly #wakers = new Set<() => void>()

  /** @param script URL of the script, from the caller */
  constructor(script: URL, argv: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    this.process = spawn(process.execPath, [fileURLToPath(script), ...argv], {
      env: { PATH: process.env.PATH, ...environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text
      for (const wake of this.#wakers) wake()
    })
    this.process.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text
    })
    this.ended = once(this.process, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }))
  }

  /** Resolves once the process has written the text to stdout; rejects when it ends without. */
  async wrote(text: string): Promise<void> {
    while (!this.stdout.includes(text)) {
      const more = new Promise<'more'>((resolve) => this.#wakers.add(() => resolve('more')))
      if ((await Promise.race([more, this.ended])) !== 'more' && !this.stdout.includes(text)) {
        throw new Error(`The process ended without writing ${JSON.stringify(text)}: ${this.stderr}`)
      }
      this.#wakers.clear()
    }
  }

  dispose(): void {
    this.process.kill('SIGKILL')
  }
}
