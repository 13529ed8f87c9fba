import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { PolledPeer } from '../../src/main/invalidation/peer-watch.js'
import { NodeInvalidations } from '../../src/main/node-invalidations.js'
import { until } from '../support/until.js'

const SILENT = { debug() {}, info() {}, warn() {}, error() {} }

/** A node with a group `g`, that owns the keys which begin with its address; what it tells. */
function start(t: TestContext, address: string) {
  const told: string[] = []
  const node = new NodeInvalidations({
    self: () => address,
    ownerOf: (key) => Buffer.from(key).toString(),
    group: () => undefined,
    shards: () => [{ watch: async () => {} }],
    log: SILENT,
  })
  node.addGroup(1, 'g', 1)
  t.after(() => node.close())
  const peer: PolledPeer = { address, poll: (request, options) => node.poll(request, options) }
  const watch = (): void => {
    node.hub.watch('g', (keys) => told.push(String(keys)))
  }
  return { node, told, peer, watch, covers: (owner: string) => node.hub.covers('g', Buffer.from(owner)) }
}

test('when the ring changes, all are told of, and who has left is covered no more', async (t) => {
  const [a, b, c] = [start(t, 'a'), start(t, 'b'), start(t, 'c')]
  a.watch()
  a.node.setPeers([b.peer])
  await until('the peer is covered', () => a.covers('b'))
  assert.equal(a.covers('c'), false)
  a.told.length = 0
  a.node.setPeers([b.peer, c.peer])
  assert.deepEqual(a.told, ['all'])
  assert.equal(a.covers('b'), true)
  await until('the new one is covered', () => a.covers('c'))
  a.told.length = 0
  a.node.setPeers([c.peer])
  assert.deepEqual([...new Set(a.told)], ['all'])
  assert.deepEqual([a.covers('b'), a.covers('c')], [false, true])
})

test('a peer to which there is another connection is heard anew', async (t) => {
  const [a, b] = [start(t, 'a'), start(t, 'b')]
  a.watch()
  a.node.setPeers([b.peer])
  await until('the peer is covered', () => a.covers('b'))
  a.node.setPeers([{ ...b.peer }])
  assert.equal(a.covers('b'), false)
  await until('the peer is covered', () => a.covers('b'))
})

test('what a peer was told by its own peers is not told on', async (t) => {
  const [a, b, c] = [start(t, 'a'), start(t, 'b'), start(t, 'c')]
  for (const node of [a, b]) node.watch()
  a.node.setPeers([b.peer])
  b.node.setPeers([c.peer])
  await until('each hears its peer', () => a.covers('b') && b.covers('c'))
  for (const { told } of [a, b]) told.length = 0
  c.node.hub.tellOfShard(1, [Buffer.from('of c')])
  await until('the one hears it', () => b.told.length > 0)
  b.node.hub.tellOfShard(1, [Buffer.from('of b')])
  await until('the other hears it', () => a.told.length > 0)
  assert.deepEqual([a.told, b.told], [['of b'], ['of c', 'of b']])
})
