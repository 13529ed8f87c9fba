import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Groups } from '../../../src/main/groups.js'
import { ShardPool } from '../../../src/main/workers/shard-pool.js'
import { systemClock } from '../../../src/shared/clock.js'
import { NodeCounters } from '../../../src/shared/node-counters.js'
import { Ring } from '../../../src/shared/ring.js'
import { Epochs } from '../../../src/shared/store/epoch.js'
import { ReaderPin } from '../../../src/shared/store/reader-pin.js'
import { counterOf } from '../../support/group-counters.js'
import { until } from '../../support/until.js'

const SELF = '127.0.0.1:1'
const KEYS = Array.from({ length: 200 }, (_, i) => `key${i}`)

/** A pool and a group on it, without a node around them. */
async function startPool(onDeath: (pool: ShardPool) => void = () => {}) {
  const epochs = new Epochs()
  epochs.admit(0)
  const seed = { k0: 1, k1: 2 }
  const groups: Groups = new Groups({
    self: () => SELF,
    peers: { owns: () => true, pick: () => [] },
    invalidations: { watch: () => () => {}, covers: () => false, tell() {} },
    shards: () => pool.clients,
    reader: { pin: new ReaderPin(epochs, 0, systemClock), thread: 0, seed },
    metrics: new NodeCounters().row(0, 'main').front('embed'),
    keyBytesMax: 1000,
    valueBytesMax: 1000,
    onGroup() {},
    onGroupGone() {},
    async onGroupMoved() {},
  })
  const log = { debug() {}, info() {}, warn() {}, error() {} }
  const pool: ShardPool = new ShardPool({
    shardCount: 1,
    epochs,
    seed,
    counters: new NodeCounters(),
    stallMs: 5000,
    getters: groups,
    log,
    onTold() {},
    onDeath: () => onDeath(pool),
  })
  const group = await groups.create('g', { maxBytes: 1 << 20, getter: (key) => key })
  for (const key of KEYS) await group.get(key)
  return { pool, group }
}

const ringOf = (...members: string[]) => ({ self: SELF, members, replicas: 150 })

function keptBy(view: { members: readonly string[]; replicas: number }): string[] {
  const ring = new Ring(view.members, { replicas: view.replicas })
  return KEYS.filter((key) => ring.owner(Buffer.from(key)) === SELF)
}

test('entries of keys that belong to others by a new ring go, and only those', async (t) => {
  const { pool, group } = await startPool()
  t.after(() => pool.close())
  const view = ringOf(SELF, '127.0.0.1:2', '127.0.0.1:3')
  const kept = keptBy(view)
  pool.setRing(view)
  await until('the sweep is over', () => counterOf(group, 'entries') === kept.length)
  for (const key of KEYS) assert.equal(group.peek(key) !== undefined, kept.includes(key), key)
})

test('two rings in a row: an entry stays only if it was ours all the time', async (t) => {
  const { pool, group } = await startPool()
  t.after(() => pool.close())
  const away = ringOf(SELF, '127.0.0.1:2')
  const kept = keptBy(away)
  pool.setRing(away)
  pool.setRing(ringOf(SELF))
  await until('the sweep is over', () => counterOf(group, 'entries') === kept.length)
})

test('a ring that comes while there is no thread is swept by the next one', async (t) => {
  const view = ringOf(SELF, '127.0.0.1:2', '127.0.0.1:3')
  const { pool, group } = await startPool((dead) => dead.setRing(view))
  t.after(() => pool.close())
  pool.kill(0)
  await until('the sweep is over', () => counterOf(group, 'entries') === keptBy(view).length)
})
