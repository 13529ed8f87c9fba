import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Etcd3 } from 'etcd3'
import { Etcd } from '../support/etcd.js'
import { freePorts } from '../support/free-ports.js'
import { ServedProcess } from '../support/served-process.js'
import { until } from '../support/until.js'

const LEASE_MS = 2000
const KEYS = Array.from({ length: 60 }, (_, i) => `key${i}`)

class Cluster {
  readonly etcd: Etcd
  readonly #t: TestContext

  private constructor(t: TestContext, etcd: Etcd) {
    this.#t = t
    this.etcd = etcd
  }

  static async start(t: TestContext): Promise<Cluster> {
    const etcd = await Etcd.start()
    t.after(() => etcd.close())
    return new Cluster(t, etcd)
  }

  /** Addresses in etcd. */
  async registered(): Promise<string[]> {
    const client = new Etcd3({ hosts: this.etcd.host })
    const keys = await client.getAll().prefix('geek-cache/').keys()
    client.close()
    return keys.map((key) => key.slice('geek-cache/'.length))
  }

  async join(address: string): Promise<ServedProcess> {
    const node = await ServedProcess.start(address, '--etcd', this.etcd.host)
    this.#t.after(() => node.close())
    return node
  }
}

async function addresses(count: number): Promise<string[]> {
  return (await freePorts(count)).map((port) => `127.0.0.1:${port}`)
}

/** Resolves once each of the nodes sees exactly these members. */
async function agree(nodes: readonly ServedProcess[], members: readonly string[]): Promise<void> {
  const expected = [...members].sort().join()
  await until(`all nodes see ${expected}`, async () =>
    (await Promise.all(nodes.map((node) => node.members()))).every((seen) => seen.join() === expected),
  )
}

async function assertServed(node: ServedProcess): Promise<void> {
  const answers = await Promise.all(KEYS.map((key) => node.get(key)))
  for (const [i, { value }] of answers.entries()) assert.equal(value, `value of ${KEYS[i]}`)
}

test('nodes find each other by etcd, outlive one that is killed, and part in order', async (t) => {
  const cluster = await Cluster.start(t)
  const [a, b, c] = (await addresses(3)) as [string, string, string]
  const [one, two, three] = await Promise.all([cluster.join(a), cluster.join(b), cluster.join(c)])
  await agree([one, two, three], [a, b, c])
  for (const key of KEYS.slice(0, 10)) {
    const owner = await one.owner(key)
    for (const node of [one, two, three]) assert.equal((await node.get(key)).answeredBy, owner)
  }

  await two.end('SIGKILL')
  const killedAtMs = performance.now()
  await Promise.all([assertServed(one), assertServed(three)])
  assert.deepEqual(await one.members(), [a, b, c].sort(), 'served before anybody was told')
  await agree([one, three], [a, c])
  const goneMs = Math.round(performance.now() - killedAtMs)
  t.diagnostic(`out of the ring ${goneMs} ms after SIGKILL`)
  await Promise.all([assertServed(one), assertServed(three)])

  assert.equal(await three.end('SIGTERM'), 0)
  assert.deepEqual(await cluster.registered(), [a], 'it left, its lease did not run out')
  await agree([one], [a])
  await assertServed(one)
})

test('etcd may go away: the ring serves on, and is registered again when etcd is back', async (t) => {
  const cluster = await Cluster.start(t)
  const [a, b, c] = (await addresses(3)) as [string, string, string]
  const [one, two] = await Promise.all([cluster.join(a), cluster.join(b)])
  await agree([one, two], [a, b])

  await cluster.etcd.stop('SIGKILL')
  const leaseEndsMs = performance.now() + LEASE_MS
  await Promise.all([assertServed(one), assertServed(two)])
  await until('every lease has run out', () => performance.now() > leaseEndsMs)
  assert.deepEqual(await one.members(), [a, b].sort())
  await Promise.all([assertServed(one), assertServed(two)])

  await cluster.etcd.wipe()
  await cluster.etcd.start()
  const three = await cluster.join(c)
  await agree([one, two, three], [a, b, c])
  await Promise.all([assertServed(one), assertServed(three)])
})
