import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { CommandLine } from '../pinning.js'
import type { AttackReport } from './attacker.js'
import type { AttackedKeys } from './attacks.js'

const PROGRAM = fileURLToPath(new URL('./attacker.js', import.meta.url))

/** A process that attacks. */
export class AttackerProcess {
  readonly #child: ChildProcess
  #output = ''

  private constructor(child: ChildProcess) {
    this.#child = child
    child.stdout!.on('data', (chunk) => {
      this.#output += chunk
    })
  }

  /**
   * @param target HOST:PORT, or `nowhere`
   * @param place puts a command line on its core
   */
  static async start(
    place: (command: CommandLine) => CommandLine,
    target: string,
    attack: string,
    keys: AttackedKeys,
  ): Promise<AttackerProcess> {
    const [program, ...args] = place([process.execPath, PROGRAM, target, attack, JSON.stringify(keys)])
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
    // A run that ends in an uncaught error must not leave it attacking.
    const kill = () => child.kill('SIGKILL')
    process.once('exit', kill)
    child.once('exit', () => process.off('exit', kill))
    const attacker = new AttackerProcess(child)
    await Promise.race([
      once(child.stdout!, 'data'),
      once(child, 'exit').then(([code]) => Promise.reject(new Error(`the attacker exited with ${code}`))),
    ])
    return attacker
  }

  async stop(): Promise<AttackReport> {
    const closed = once(this.#child, 'close')
    this.#child.kill('SIGTERM')
    await closed
    return JSON.parse(this.#output.slice(this.#output.indexOf('\n') + 1)) as AttackReport
  }
}
