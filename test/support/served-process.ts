import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { groupCacheDefinition } from '../../src/main/service/group-cache-codec.js'
import { nodeDefinition } from '../../src/main/service/node-codec.js'
import { ANSWERED_BY, TRACE } from '../../src/main/service/trace.js'
import { grpcClient, unaryCall } from './grpc-call.js'

const MAIN = fileURLToPath(new URL('../../src/main/cli/main.js', import.meta.url))
const GETTER = fileURLToPath(new URL('../fixtures/echo-getter.js', import.meta.url))
const CALL_MS = 5000
const OUTPUT_KEPT = 4000

export interface Served {
  readonly value: string
  readonly answeredBy: string
}

/** A node as people run one: `geek-cache serve`, a process of its own, with a group `g` that has every key. */
export class ServedProcess {
  readonly self: string
  readonly #child: ChildProcess
  readonly #folder: string
  readonly #client
  #output = ''

  private constructor(self: string, child: ChildProcess, folder: string) {
    this.self = self
    this.#child = child
    this.#folder = folder
    this.#client = grpcClient(self)
    for (const stream of [child.stdout!, child.stderr!]) {
      stream.on('data', (chunk) => {
        this.#output = (this.#output + chunk).slice(-OUTPUT_KEPT)
      })
    }
  }

  /** Resolves when it says that it listens. */
  static async start(self: string, ...flags: string[]): Promise<ServedProcess> {
    const folder = await mkdtemp(join(tmpdir(), 'geek-cache-'))
    const config = join(folder, 'config.yaml')
    await writeFile(
      config,
      `groups: { g: { maxBytes: 1MiB, origin: { module: ${JSON.stringify(GETTER)} } } }\n`,
    )
    const args = [MAIN, 'serve', '--config', config, '--self', self, '--workers', '1', ...flags]
    const served = new ServedProcess(self, spawn(process.execPath, args), folder)
    await served.#ready()
    return served
  }

  /** A Get over gRPC, and which node had the value. */
  async get(key: string, deadlineMs = CALL_MS): Promise<Served> {
    const { response, trailer } = await unaryCall(
      this.#client,
      groupCacheDefinition.Get,
      { group: 'g', key: Buffer.from(key) },
      { deadlineMs, metadata: { [TRACE]: '1' } },
    )
    return { value: Buffer.from(response.value).toString(), answeredBy: String(trailer.get(ANSWERED_BY)[0]) }
  }

  /** Addresses in the ring as this node sees it, in ascending order. */
  async members(): Promise<string[]> {
    return (await this.#ring('')).members.map(({ address }) => address).sort()
  }

  async owner(key: string): Promise<string> {
    return (await this.#ring(key)).owners[0]!
  }

  /** Sends a signal; resolves with the exit code, null when the signal ended it. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    const exited = once(this.#child, 'exit')
    this.#child.kill(signal)
    const [code] = (await exited) as [number | null]
    return code
  }

  async close(): Promise<void> {
    this.#client.close()
    if (this.#child.exitCode === null && this.#child.signalCode === null) await this.end('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #ring(key: string) {
    const request = { key: Buffer.from(key) }
    return (await unaryCall(this.#client, nodeDefinition.Ring, request, { deadlineMs: CALL_MS })).response
  }

  async #ready(): Promise<void> {
    while (!this.#output.includes('listens on')) {
      const ended = once(this.#child, 'exit').then(() => true)
      if (await Promise.race([once(this.#child.stdout!, 'data').then(() => false), ended]))
        throw new Error(`The node ended:\n${this.#output}`)
    }
  }
}
