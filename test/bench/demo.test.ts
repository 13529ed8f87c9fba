import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { demoPlan } from '../../bench/demo-plan.js'
import { Ring } from '../../src/shared/ring.js'
import { Child } from '../support/child.js'

const DEMO = new URL('../../bench/demo.js', import.meta.url)
const VALUES: Readonly<Record<string, string>> = { Tom: '630', Tom1: '631', Tom2: '632' }

function demo(...args: string[]): Child {
  return new Child(DEMO, args, { ETCD_BIN: process.env.ETCD_BIN })
}

describe('The demonstration', () => {
  it('shows nine Gets, the end of a node, and two Gets more', async (t) => {
    const child = demo('--ports', 'free')
    // Its nodes and its etcd end with it; of SIGKILL they would hear nothing.
    t.after(() => child.process.kill('SIGTERM'))
    const { code, stdout, stderr } = await child.ended
    assert.equal(code, 0, stdout + stderr)
    const rows = [...stdout.matchAll(/^ {2}(127\S+) +(\S+) +(127\S+) +(load|hit) +(\d+)$/gm)].map(
      ([, ...row]) => row,
    )
    assert.equal(rows.length, 11)
    const [before, after] = [rows.slice(0, 9), rows.slice(9)]
    const nodes = [...new Set(before.map(([asked]) => asked!))]
    assert.equal(nodes.length, 3)
    assert.deepEqual(
      before.map(([asked, key]) => [asked, key]),
      nodes.flatMap((asked) => Object.keys(VALUES).map((key) => [asked, key])),
    )
    const ring = new Ring(nodes)
    const killed = /kill -9 of node (\S+),/.exec(stdout)![1]!
    const rest = nodes.filter((node) => node !== killed)
    for (const [, key, owner, outcome, value] of before) {
      assert.equal(owner, ring.owner(Buffer.from(key!)))
      assert.equal(value, VALUES[key!])
      assert.ok(outcome === 'load' || outcome === 'hit')
    }
    assert.equal(before.filter(([, , , outcome]) => outcome === 'load').length, 3)
    const successor = new Ring(rest).owner(Buffer.from('Tom'))!
    assert.deepEqual(after, [
      [rest[0], 'Tom', successor, 'load', '630'],
      [rest[1], 'Tom', successor, 'hit', '630'],
    ])
  })

  it('exits with 1 and says why when a port is taken', async (t) => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    t.after(() => taken.close())
    const { port } = taken.address() as { port: number }
    const { code, stderr } = await demo('--ports', `${port},1,2`).ended
    assert.equal(code, 1)
    assert.match(
      stderr,
      new RegExp(`^demo: 127.0.0.1:${port} is in use by another process; npm run demo -- --ports free`),
    )
  })

  it('knows without asking the ring who owns what on its usual ports', async () => {
    const { addresses, owners, successor } = await demoPlan([])
    const others = await demoPlan(['--ports', addresses.map((address) => address.split(':')[1]).join()])
    assert.deepEqual(others, { addresses, owners, successor })
    for (const ports of ['1,2', '1,2,2', '1,2,x', '1,2,70000', '1,2,3,4', '']) {
      await assert.rejects(demoPlan(['--ports', ports]), /not three different ports/)
    }
    await assert.rejects(demoPlan(['--fast']))
  })
})
