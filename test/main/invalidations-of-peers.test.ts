import assert from 'node:assert/strict'
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import type { GroupOptions, NodeOptions } from '../../src/main/node-options.js'
import { CopyKeeper } from '../support/copy-keeper.js'
import { Prng, seedOf } from '../support/prng.js'
import { freeAddresses, keyOf, type RingNode, startRing, startRingNode } from '../support/ring-fixture.js'
import { until } from '../support/until.js'

const PROGRAM = new URL('../fixtures/ring-node.js', import.meta.url)

/** A member of a ring in a process of its own; killed with the test. */
async function forkNode(t: TestContext, self: string, peers: readonly string[]): Promise<ChildProcess> {
  const child = fork(PROGRAM, [self, ...peers], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.after(() => kill(child))
  await once(child, 'message')
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
}

/** One who keeps copies at that node, once keys of all these nodes are covered there. */
async function keepCopies(t: TestContext, { node, group }: RingNode, owners: readonly string[]) {
  const keeper = new CopyKeeper(group)
  t.after(keeper.stop)
  const keys = owners.map((owner) => keyOf(node, [owner], 'probe'))
  await until('the keys are covered', () => keys.every((key) => group.covers(key)))
  return keeper
}

/** This node, and a peer in a process of its own, whose keys are covered here. */
async function startPair(t: TestContext) {
  const peers = await freeAddresses(2)
  const child = await forkNode(t, peers[1]!, peers)
  const here = await startRingNode(t, { self: peers[0]!, peers })
  const keeper = await keepCopies(t, here, peers)
  const [own, theirs] = [keyOf(here.node, [peers[0]!]), keyOf(here.node, [peers[1]!])]
  for (const key of [own, theirs]) await keeper.get(key)
  assert.deepEqual([...keeper.copies.keys()], [own, theirs])
  return { child, peers, keeper, own, theirs, ...here }
}

test('whichever node a key is deleted at, and whoever owns it, all nodes hear of it', async (t) => {
  const ring = await startRing(t, 3)
  const addresses = ring.map(({ node }) => node.self)
  const keepers = await Promise.all(ring.map((member) => keepCopies(t, member, addresses)))
  for (const { node, group } of ring) {
    for (const owner of addresses) {
      const key = keyOf(node, [owner], `${node.self} of `)
      for (const keeper of keepers) await keeper.get(key)
      assert.ok(keepers.every(({ copies }) => copies.has(key)))
      await group.delete(key)
      const here = keepers[ring.findIndex((member) => member.node === node)]!
      assert.equal(
        here.copies.has(key),
        false,
        'where it was deleted, it was told before the delete resolved',
      )
      const there = keepers[addresses.indexOf(owner)]!
      assert.equal(there.copies.has(key), false, 'and where it lived')
      await until('the others hear of it', () => keepers.every(({ copies }) => !copies.has(key)))
    }
  }
})

test('what a peer evicts, loads anew or lets expire is told of here', async (t) => {
  let version = 1
  const ring = await startRing(t, 2, { ttlMs: 200, getter: (key) => `${key} ${version}` })
  const addresses = ring.map(({ node }) => node.self)
  const keeper = await keepCopies(t, ring[0]!, addresses)
  const key = keyOf(ring[0]!.node, [addresses[1]!])
  assert.equal(await keeper.get(key), `${key} 1`)
  version = 2
  await until('the copy goes with its entry', () => !keeper.copies.has(key))
  assert.equal(await keeper.get(key), `${key} 2`)
})

test('when a peer is killed, all are told of, its keys are not covered, and are again when it is back', async (t) => {
  const { child, peers, keeper, own, theirs, group } = await startPair(t)
  await kill(child)
  await until('the loss is told', () => keeper.told.includes('all'))
  assert.equal(keeper.copies.size, 0)
  assert.deepEqual([group.covers(own), group.covers(theirs)], [true, false])
  assert.equal(await keeper.get(theirs), `${theirs} from ${peers[0]}`)
  assert.equal(keeper.copies.has(theirs), false, 'what stands in for it is not kept')
  await forkNode(t, peers[1]!, peers)
  await until('it is covered again', () => group.covers(theirs))
  await until('it answers itself', async () => (await keeper.get(theirs)) === `${theirs} from ${peers[1]}`)
  assert.equal(keeper.copies.has(theirs), true)
  await group.delete(theirs)
  assert.equal(keeper.copies.has(theirs), false)
})

test('when a peer stands still, all are told of in time, and none of its keys is covered until it goes on', async (t) => {
  const { child, keeper, own, theirs, group } = await startPair(t)
  child.kill('SIGSTOP')
  await until('the loss is told', () => keeper.told.includes('all'))
  assert.deepEqual([group.covers(own), group.covers(theirs)], [true, false])
  child.kill('SIGCONT')
  await until('it is covered again', () => group.covers(theirs))
})

test('a value from another than the owner is kept by nobody', async (t) => {
  const ring = await startRing(t, 3)
  const [a, b, c] = [ring[0]!, ring[1]!, ring[2]!]
  const keeper = await keepCopies(
    t,
    a,
    ring.map(({ node }) => node.self),
  )
  const key = keyOf(a.node, [b.node.self, c.node.self])
  // The owner is covered, and has no answer all the same.
  await b.node.removeGroup('g')
  const value = keeper.get(key)
  assert.equal(await value, `${key} from ${c.node.self}`)
  assert.equal(keeper.copies.has(key), false)
})

const MIXED: [string, Partial<NodeOptions>][] = [
  ['several gRPC threads', { grpcThreads: 3 }],
  ['grpc-js', { grpcEngine: 'grpc-js' }],
]

for (const [name, options] of MIXED) {
  test(`nodes with ${name} tell their peers as well`, async (t) => {
    const peers = await freeAddresses(2)
    const ring = await Promise.all(peers.map((self) => startRingNode(t, { self, peers, ...options })))
    const keeper = await keepCopies(t, ring[0]!, peers)
    const key = keyOf(ring[0]!.node, [peers[1]!])
    await keeper.get(key)
    assert.equal(keeper.copies.has(key), true)
    await ring[1]!.group.delete(key)
    await until('it is told', () => !keeper.copies.has(key))
  })
}

test('a node that closes is not held up by its peers that wait for news', async (t) => {
  const peers = await freeAddresses(2)
  const ring = await Promise.all(peers.map((self) => startRingNode(t, { self, peers, drainMs: 60_000 })))
  const keepers = await Promise.all(ring.map((member) => keepCopies(t, member, peers)))
  await ring[1]!.node.close()
  await until('the other one is told', () => keepers[0]!.told.includes('all'))
})

test('over three nodes, one who keeps copies holds no other value than the owner', async (t) => {
  const seed = seedOf()
  const prng = new Prng(seed)
  const source = new Map<string, number>()
  const groupOptions: Partial<GroupOptions> = {
    maxBytes: 1 << 15,
    getter: (key) => `${key} ${source.get(key) ?? 0} `.padEnd(300, '.'),
  }
  const ring = await startRing(t, 3, groupOptions)
  const addresses = ring.map(({ node }) => node.self)
  const keepers = await Promise.all(ring.map((member) => keepCopies(t, member, addresses)))
  const nextKey = (): string => `key${prng.below(300)}`
  for (let round = 0; round < 100; round++) {
    const calls = Array.from({ length: 30 }, () => {
      const [what, at, key] = [prng.below(100), prng.below(3), nextKey()]
      if (what < 10) source.set(key, (source.get(key) ?? 0) + 1)
      if (what < 6) return ring[at]!.group.delete(key)
      return keepers[at]!.get(key)
    })
    if (round === 30) ring[1]!.node.killWorker(0)
    if (round === 60) calls.push(ring[2]!.group.clear())
    await Promise.allSettled(calls)
  }
  // Deletes at every owner, heard of everywhere: by then what was told before them has come, too.
  const last = addresses.map((owner) => keyOf(ring[0]!.node, [owner], 'last'))
  await until('all nodes are covered again', () =>
    ring.every(({ group }) => last.every((key) => group.covers(key))),
  )
  for (const [index, key] of last.entries()) await ring[index]!.group.delete(key)
  await until('the last deletes are heard', () =>
    keepers.every(({ told }) => last.every((key) => told.flat().lastIndexOf(key) >= 0)),
  )
  let kept = 0
  keepers.forEach(({ copies }, at) => {
    for (const [key, copy] of copies) {
      kept++
      const owner = ring[addresses.indexOf(ring[0]!.node.owners(key)[0]!)]!
      const held = owner.group.peek(key)
      assert.equal(copy, held && Buffer.from(held).toString(), `seed ${seed}: ${key} at node ${at}`)
    }
  })
  assert.ok(kept > 30, `${kept} copies were kept: too few to tell`)
})
