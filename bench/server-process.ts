import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { CommandLine } from './pinning.js'
import { type ProcessUsage, usageOf } from './process-usage.js'

const READY_WITHIN_MS = 30_000
const OUTPUT_KEPT = 4000
/** Servers at a time: each is ended by a listener of its own. */
const SERVERS_MAX = 32

/** A server that was started to be measured. It says `listens on HOST:PORT` once it does. */
export class ServerProcess {
  /** HOST:PORT */
  readonly address: string
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, address: string) {
    this.#child = child
    this.address = address
  }

  static async start([program, ...args]: CommandLine): Promise<ServerProcess> {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    // A run that ends in an uncaught error must not leave it running.
    const kill = () => child.kill('SIGKILL')
    process.setMaxListeners(SERVERS_MAX)
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    let output = ''
    const address = await new Promise<string>((resolve, reject) => {
      const fail = (why: string) => reject(new Error(`${program} ${args.join(' ')} ${why}: ${output}`))
      const timer = setTimeout(() => {
        kill()
        fail(`was not ready within ${READY_WITHIN_MS} ms`)
      }, READY_WITHIN_MS)
      child.once('error', (error) => fail(error.message))
      child.once('exit', (code) => fail(`exited with ${code}`))
      for (const stream of [child.stdout, child.stderr]) {
        stream.on('data', (chunk) => {
          output = (output + chunk).slice(-OUTPUT_KEPT)
          const ready = /listens on (\S+:\d+)/.exec(output)
          if (ready !== null) {
            clearTimeout(timer)
            resolve(ready[1]!)
          }
        })
      }
    })
    return new ServerProcess(child, address)
  }

  usage(): ProcessUsage {
    return usageOf(this.#child.pid!)
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }
}

/** Ports of 127.0.0.1 that nobody uses now, all taken at once, so that they differ. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer())
  for (const server of servers) await once(server.listen(0, '127.0.0.1'), 'listening')
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  for (const server of servers) await once(server.close(), 'close')
  return ports
}
