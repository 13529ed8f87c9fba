import { EventEmitter, once } from 'node:events'
import { EtcdRegistry, type EtcdRegistryOptions } from '../../src/main/cluster/etcd-registry.js'
import type { Log } from '../../src/main/node-options.js'

interface LogLine {
  readonly level: keyof Log
  readonly message: string
}

/** A registry under test, with every view it told and every line it logged. */
export class Member {
  readonly registry: EtcdRegistry
  readonly views: string[][] = []
  readonly lines: LogLine[] = []
  readonly #changes = new EventEmitter()

  constructor(self: string, host: string | readonly string[], options: Partial<EtcdRegistryOptions> = {}) {
    const write = (level: keyof Log) => (_: object, message: string) => {
      this.lines.push({ level, message })
      this.#changes.emit('change')
    }
    this.registry = new EtcdRegistry({
      self,
      service: 'geek-cache',
      hosts: typeof host === 'string' ? [host] : host,
      log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
      ...options,
    })
  }

  async start(): Promise<this> {
    await this.registry.start((members) => {
      this.views.push([...members].sort())
      this.#changes.emit('change')
    })
    return this
  }

  /** Members of the last view, in order. */
  get view(): readonly string[] {
    return this.views.at(-1) ?? []
  }

  linesOf(level: keyof Log): string[] {
    return this.lines.filter((line) => line.level === level).map((line) => line.message)
  }

  /** Resolves when the condition holds; it is looked at with every view and log line. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await once(this.#changes, 'change')
  }

  async sees(...members: string[]): Promise<void> {
    await this.until(() => this.view.join() === members.join())
  }
}
