import type { TestContext } from 'node:test'
import { Child } from './child.js'

const HOST = new URL('../fixtures/http-host.js', import.meta.url)

/** A node with HTTP in a process of its own, for tests of what it can stand. */
export class HttpHost {
  readonly http: string
  readonly #child: Child

  private constructor(child: Child, http: string) {
    this.#child = child
    this.http = http
  }

  static async start(t: TestContext, engine: 'uws' | 'node'): Promise<HttpHost> {
    const child = new Child(HOST, ['memory', engine])
    t.after(() => child.dispose())
    await child.wrote('ready')
    return new HttpHost(child, /HTTP at (\S+)/.exec(child.stdout)![1]!)
  }

  /** Memory in RAM, in MiB. */
  async residentMiB(): Promise<number> {
    this.#child.stdout = ''
    this.#child.process.kill('SIGUSR2')
    await this.#child.wrote(' bytes\n')
    return Number(/rss (\d+) bytes/.exec(this.#child.stdout)![1]) / 2 ** 20
  }

  /** What it told of faults. */
  get output(): string {
    return this.#child.stdout + this.#child.stderr
  }

  get isAlive(): boolean {
    return this.#child.process.exitCode === null && this.#child.process.signalCode === null
  }
}
