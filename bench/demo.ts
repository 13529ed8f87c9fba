/**
 * The demonstration: `npm run demo`, or on other ports: `-- --ports 9001,9002,9003`, `-- --ports free`. Three nodes and a real etcd on this machine; nine Gets, the end of a node, two Gets
 * more. Prints who was asked, who answered, and whether it had the value or loaded it; exits with 1 when any of it is
 * not as it must be.
 */
import { once } from 'node:events'
import { createServer } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { NodeClient } from '../src/main/cli/node-client.js'
import { oneLine } from '../src/main/cli/run.js'
import { Child } from '../test/support/child.js'
import { Etcd } from '../test/support/etcd.js'
import { type DemoPlan, demoPlan, KEYS, type Key, VALUES } from './demo-plan.js'

const MAIN = new URL('../src/main/cli/main.js', import.meta.url)
const CONFIG = fileURLToPath(new URL('../../examples/scores.yaml', import.meta.url))
const ENSURE_ETCD = new URL('../../scripts/ensure-etcd.mjs', import.meta.url)

const MEMBERS_WITHIN_MS = 20_000
const AFTER_KILL_MS = 3000
const CLIENT_TIMEOUT_MS = 5000
const CLOSE_WITHIN_MS = 8000
const EXIT_INTERRUPTED = 130

/** All that was started, so that it can be ended. */
class Stage {
  readonly nodes = new Map<string, Child>()
  closing = false
  #etcd: Etcd | undefined

  async open(addresses: readonly string[]): Promise<void> {
    for (const address of addresses) await assertFree(address)
    const { ensureEtcd } = (await import(ENSURE_ETCD.href)) as { ensureEtcd(): string }
    process.env.ETCD_BIN = ensureEtcd()
    this.#etcd = await Etcd.prepare()
    await this.#etcd.start()
    say(`etcd is up at ${this.#etcd.host}`)
    for (const address of addresses) {
      const argv = [
        'serve',
        '--config',
        CONFIG,
        '--self',
        address,
        '--etcd',
        this.#etcd.host,
        // All of them have the addresses of the file.
        '--http',
        'off',
        '--resp',
        'off',
        '--log-level',
        'error',
      ]
      this.nodes.set(address, new Child(MAIN, argv))
    }
    for (const [address, node] of this.nodes) {
      await node.wrote('listens on')
      say(`node ${address} is up, process ${node.process.pid}`)
    }
    await Promise.all(addresses.map((address) => seesAllMembers(address, addresses.length)))
    say('all three see each other\n')
  }

  /** As `kill -9` does: the node cannot say goodbye to anyone. */
  async kill(address: string): Promise<void> {
    const node = this.nodes.get(address)
    node?.dispose()
    await node?.ended
  }

  async close(): Promise<void> {
    this.closing = true
    const nodes = [...this.nodes.values()]
    for (const node of nodes) node.process.kill('SIGTERM')
    await Promise.race([
      Promise.all(nodes.map(({ ended }) => ended)),
      delay(CLOSE_WITHIN_MS, undefined, { ref: false }),
    ])
    this.killNodes()
    await this.#etcd?.close()
  }

  killNodes(): void {
    for (const node of this.nodes.values()) node.dispose()
  }
}

/** Asks, prints, and remembers what was not as it must be. */
class Gets {
  readonly faults: string[] = []
  /** `owner key` of every load so far. */
  readonly #loaded = new Set<string>()

  constructor() {
    this.#row('asked', 'key', 'owner', 'outcome', 'value')
  }

  /** The first Get of a key that an owner answers must be a load, every other one a hit. */
  async get(asked: string, key: Key, owner: string): Promise<void> {
    const client = new NodeClient({ server: asked, timeout: CLIENT_TIMEOUT_MS })
    try {
      const { value, answeredBy = 'unknown', outcome = 'unknown' } = await client.get('scores', key)
      const text = Buffer.from(value).toString()
      const faults = [
        ...differs('owner', answeredBy, owner),
        ...differs('outcome', outcome, this.#loaded.has(`${owner} ${key}`) ? 'hit' : 'load'),
        ...differs('value', text, VALUES[key]),
      ]
      this.#row(asked, key, answeredBy, outcome, text, faults)
      this.#loaded.add(`${owner} ${key}`)
      this.faults.push(...faults.map((fault) => `Get of ${key} at ${asked}: ${fault}`))
    } catch (thrown) {
      const reason = oneLine(String(thrown))
      this.#row(asked, key, '–', '–', '–', [reason])
      this.faults.push(`Get of ${key} at ${asked}: ${reason}`)
    } finally {
      client.close()
    }
  }

  #row(
    asked: string,
    key: string,
    owner: string,
    outcome: string,
    value: string,
    faults: readonly string[] = [],
  ): void {
    const cells = [asked.padEnd(15), key.padEnd(4), owner.padEnd(15), outcome.padEnd(7), value.padEnd(5)]
    const mark = faults.length === 0 ? '' : `  ← ${faults.join('; ')}`
    say(`  ${cells.join('  ')}${mark}`.trimEnd())
  }
}

async function demo(stage: Stage, { addresses, owners, successor }: DemoPlan): Promise<readonly string[]> {
  await stage.open(addresses)
  const gets = new Gets()
  for (const asked of addresses) for (const key of KEYS) await gets.get(asked, key, owners[key])
  say(`\nkill -9 of node ${owners.Tom}, then ${AFTER_KILL_MS / 1000} seconds\n`)
  await stage.kill(owners.Tom)
  await delay(AFTER_KILL_MS)
  for (const asked of addresses) if (asked !== owners.Tom) await gets.get(asked, 'Tom', successor)
  return gets.faults
}

function verdict({ owners, successor }: DemoPlan, faults: readonly string[]): string {
  if (faults.length > 0) return `Not as it must be:\n  ${faults.join('\n  ')}`
  const { Tom, Tom1, Tom2 } = owners
  return `As it must be: Tom was owned by ${Tom} and then by ${successor}, Tom1 by ${Tom1}, Tom2 by ${Tom2}; each owner loaded each key once.`
}

function differs(what: string, is: string, expected: string): string[] {
  return is === expected ? [] : [`${what} is ${is}, not ${expected}`]
}

async function assertFree(address: string): Promise<void> {
  const [host, port] = address.split(':')
  const server = createServer().listen(Number(port), host)
  try {
    await once(server, 'listening')
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException
    const reason = code === 'EADDRINUSE' ? 'is in use by another process' : `cannot be listened on (${code})`
    throw new Error(`${address} ${reason}; npm run demo -- --ports free takes others`)
  }
  await once(server.close(), 'close')
}

async function seesAllMembers(address: string, count: number): Promise<void> {
  const client = new NodeClient({ server: address, timeout: CLIENT_TIMEOUT_MS })
  const deadline = AbortSignal.timeout(MEMBERS_WITHIN_MS)
  try {
    for (;;) {
      const { members } = await client.ring()
      if (members.length === count) return
      if (deadline.aborted) throw new Error(`${address} sees ${members.length} of ${count} nodes`)
      await delay(50)
    }
  } finally {
    client.close()
  }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

const stage = new Stage()
process.on('exit', () => stage.killNodes())
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void stage.close().finally(() => process.exit(EXIT_INTERRUPTED))
  })
}

try {
  const plan = await demoPlan(process.argv.slice(2))
  const faults = await demo(stage, plan)
  say(`\n${verdict(plan, faults)}`)
  process.exitCode = faults.length === 0 ? 0 : 1
} catch (thrown) {
  // Interrupted, it fails in some way or other; that is no news.
  if (!stage.closing)
    process.stderr.write(`demo: ${oneLine(thrown instanceof Error ? thrown.message : String(thrown))}\n`)
  process.exitCode = 1
} finally {
  await stage.close()
}
