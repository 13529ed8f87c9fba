import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePorts } from './free-ports.js'

const HEALTHY_WITHIN_MS = 15_000
const OUTPUT_KEPT = 4000

/** A real etcd of its own, in a temporary folder and on free ports of 127.0.0.1. Close it when the test is over. */
export class Etcd {
  /** HOST:PORT for clients; the same after a restart. */
  readonly host: string
  readonly #peerPort: number
  readonly #folder: string
  #process: ChildProcess | undefined
  #output = ''

  private constructor(clientPort: number, peerPort: number, folder: string) {
    this.host = `127.0.0.1:${clientPort}`
    this.#peerPort = peerPort
    this.#folder = folder
  }

  /** Resolves when it answers. */
  static async start(): Promise<Etcd> {
    const etcd = await Etcd.prepare()
    await etcd.start()
    return etcd
  }

  /** Chooses ports and makes the folder, but starts nothing: for tests in which etcd comes later. */
  static async prepare(): Promise<Etcd> {
    const [clientPort, peerPort] = await freePorts(2)
    return new Etcd(clientPort!, peerPort!, await mkdtemp(join(tmpdir(), 'etcd-')))
  }

  /** Starts it with the data that it had. Resolves when it answers. */
  async start(): Promise<void> {
    const binary = process.env.ETCD_BIN
    if (!binary)
      throw new Error('ETCD_BIN is not set: run the tests with "npm test", which finds or installs etcd')
    const client = `http://${this.host}`
    const peer = `http://127.0.0.1:${this.#peerPort}`
    const options = {
      name: 'test',
      'data-dir': join(this.#folder, 'data'),
      'listen-client-urls': client,
      'advertise-client-urls': client,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': `test=${peer}`,
      // A member that is alone needs no second to elect itself, and a lease of 2 s stays possible.
      'heartbeat-interval': '50',
      'election-timeout': '500',
    }
    const args = Object.entries(options).flatMap(([name, value]) => [`--${name}`, value])
    const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process = child
    this.#output = ''
    // A test that ends in an uncaught error must not leave it running.
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk) => {
        this.#output = (this.#output + chunk).slice(-OUTPUT_KEPT)
      })
    }
    await this.#healthy(child)
  }

  /** Ends it in order, or with SIGKILL as a crash would. Its data stay. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill(signal)
    child.kill('SIGCONT')
    await exited
  }

  /** Forgets everything; only while it is stopped. */
  async wipe(): Promise<void> {
    await rm(join(this.#folder, 'data'), { recursive: true, force: true })
  }

  /** Stands still with its sockets open, until `thaw`. Returns when it does: the signal takes effect a little later. */
  freeze(): void {
    const process = this.#process
    if (!process?.kill('SIGSTOP')) return
    const deadlineMs = Date.now() + 5000
    while (!isStopped(process.pid!)) assert(Date.now() < deadlineMs, 'etcd does not stop')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  async close(): Promise<void> {
    await this.stop('SIGKILL')
    await rm(this.#folder, { recursive: true, force: true })
  }

  async #healthy(child: ChildProcess): Promise<void> {
    const deadline = AbortSignal.timeout(HEALTHY_WITHIN_MS)
    while (!(await this.#answers())) {
      if (child.exitCode !== null) throw new Error(`etcd exited with ${child.exitCode}:\n${this.#output}`)
      if (deadline.aborted) throw new Error(`etcd did not become healthy:\n${this.#output}`)
      await delay(20)
    }
  }

  async #answers(): Promise<boolean> {
    try {
      const response = await fetch(`http://${this.host}/health`, { signal: AbortSignal.timeout(1000) })
      return ((await response.json()) as { health?: unknown }).health === 'true'
    } catch {
      return false
    }
  }
}

/** True when every thread of a process is stopped (proc(5): the state follows the name in parentheses). */
function isStopped(pid: number): boolean {
  return readdirSync(`/proc/${pid}/task`).every((thread) =>
    / T /.test(readFileSync(`/proc/${pid}/task/${thread}/stat`, 'latin1').replace(/^.*\)/s, ')')),
  )
}
