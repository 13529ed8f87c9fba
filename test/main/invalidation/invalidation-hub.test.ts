import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvalidationHub } from '../../../src/main/invalidation/invalidation-hub.js'
import { settled } from '../../support/shard-group-fixture.js'

const TOM = [Buffer.from('Tom')]

/** A hub of a node with one group `g` on one shard, in a ring with a peer; what happens to them, in order. */
async function start(happens: string[] = []) {
  const log = { debug() {}, info() {}, warn() {}, error: () => happens.push('fault') }
  const covering = new Set<string>()
  const hub = new InvalidationHub({
    self: () => 'self',
    ownerOf: (key) => Buffer.from(key).toString(),
    remote: {
      watch: (group) => happens.push(`watch ${group} of peers`),
      unwatch: (group) => happens.push(`unwatch ${group} of peers`),
      covers: (address) => covering.has(address),
      covering: () => [...covering],
    },
    group: (name) => ({
      forgetLoads: (keys) => happens.push(`${name} forgets loads of ${keys}`),
      forgetPeerCalls: (keys) => happens.push(`${name} forgets peer calls of ${keys}`),
    }),
    log,
  })
  const shard = {
    watch: async (group: number, isWatched: boolean) =>
      void happens.push(`${isWatched ? '' : 'un'}watch ${group}`),
  }
  hub.addGroup({ id: 1, name: 'g', shards: [shard] })
  const take = (): string[] => happens.splice(0)
  return { hub, covering, take, happens }
}

test('shards and peers are told of the first watcher of a group, and of the last', async () => {
  const { hub, take } = await start()
  const stops = [
    hub.watch('g', () => {}),
    hub.watch('g', () => {}),
    hub.subscribeLocal('g', { onInvalidated() {} }),
  ]
  assert.deepEqual(take(), ['watch g of peers', 'watch 1'])
  stops[0]!()
  stops[0]!()
  assert.deepEqual(take(), [])
  stops[1]!()
  assert.deepEqual(take(), ['unwatch g of peers'])
  stops[2]!()
  assert.deepEqual(take(), ['unwatch 1'])
})

test('calls under way are forgotten before a key is told of', async () => {
  const { hub, take, happens } = await start()
  hub.watch('g', (keys) => happens.push(`told of ${keys}`))
  hub.subscribeLocal('g', { onInvalidated: (keys) => happens.push(`local ${keys}`) })
  take()
  hub.tellOfShard(1, TOM)
  assert.deepEqual(take(), ['g forgets loads of Tom', 'local Tom', 'told of Tom'])
  hub.tellOfPeer('g', TOM)
  assert.deepEqual(take(), ['g forgets peer calls of Tom', 'told of Tom'])
  hub.onRing()
  assert.deepEqual(take(), ['g forgets peer calls of all', 'told of all'])
  hub.tellOfShard(2, TOM)
  hub.tellOfShard(1, 'all')
  assert.deepEqual(take(), ['g forgets loads of all', 'local all', 'told of all'])
})

test('a key is covered while its owner and this node tell', async () => {
  const { hub, covering } = await start()
  const key = (owner: string) => Buffer.from(owner)
  hub.watch('g', () => {})
  covering.add('peer')
  assert.deepEqual(
    [hub.covers('g', key('peer')), hub.covers('g', key('self')), hub.covering('g')],
    [false, false, []],
  )
  await settled()
  assert.deepEqual(
    [hub.covers('g', key('peer')), hub.covers('g', key('self')), hub.covers('g', key('other'))],
    [true, true, false],
  )
  assert.deepEqual(hub.covering('g'), ['self', 'peer'])
  hub.onDeath(0)
  assert.deepEqual([hub.covers('g', key('peer')), hub.covers('g', key('self'))], [false, false])
  await settled()
  assert.equal(hub.covers('g', key('self')), true)
  hub.removeGroup(1)
  assert.deepEqual([hub.covers('g', key('self')), hub.covering('g')], [false, []])
})

test('a watcher hears when what is covered changes, after the news that it is to act on', async () => {
  const { hub, take, happens } = await start()
  hub.subscribe('g', {
    onInvalidated: (keys) => happens.push(`told of ${keys}`),
    onCoverage: () => happens.push(`covering ${hub.covering('g')}`),
  })
  take()
  await settled()
  assert.deepEqual(take(), ['covering self'])
  hub.onDeath(0)
  assert.deepEqual(take(), ['watch 1', 'g forgets loads of all', 'told of all', 'covering '])
  await settled()
  assert.deepEqual(take(), ['covering self'])
  hub.close()
  assert.deepEqual(take(), ['unwatch 1', 'g forgets loads of all', 'told of all', 'covering '])
  await settled()
  assert.deepEqual(take(), [])
})
