import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { Group } from '../../src/main/group.js'
import { startNode } from '../../src/main/node.js'
import type { GroupOptions } from '../../src/main/node-options.js'
import { CopyKeeper } from '../support/copy-keeper.js'
import { GatedGetter } from '../support/gated-getter.js'
import { counterOf } from '../support/group-counters.js'
import { Prng, seedOf } from '../support/prng.js'
import { until } from '../support/until.js'

async function start(t: TestContext, options: Partial<GroupOptions> = {}, workers = 2) {
  const node = await startNode({ self: '127.0.0.1:0', workers, drainMs: 200 })
  t.after(() => node.close())
  const group = await node.group('g', { maxBytes: 1 << 20, getter: (key) => `value of ${key}`, ...options })
  return { node, group }
}

async function keepCopies(t: TestContext, group: Group): Promise<CopyKeeper> {
  const keeper = new CopyKeeper(group)
  t.after(keeper.stop)
  await until('the keys are covered', () => group.covers('Tom'))
  return keeper
}

test('whoever watches has heard of a key when its delete has resolved', async (t) => {
  const { group } = await start(t)
  const keepers = [await keepCopies(t, group), await keepCopies(t, group)]
  for (const key of ['Tom', 'Tim', 'Jim']) {
    for (const keeper of keepers) await keeper.get(key)
    await group.delete(key)
    for (const { copies, told } of keepers) {
      assert.deepEqual(told.at(-1), [key])
      assert.equal(copies.has(key), false)
    }
  }
})

test('nothing is covered before the shards tell, nor after the last watcher has gone', async (t) => {
  const { group } = await start(t)
  assert.equal(group.covers('Tom'), false)
  const stop = group.onInvalidate(() => {})
  const other = group.onInvalidate(() => {})
  assert.equal(group.covers('Tom'), false)
  await until('the key is covered', () => group.covers('Tom'))
  stop()
  stop()
  assert.equal(group.covers('Tom'), true)
  other()
  assert.equal(group.covers('Tom'), false)
})

test('a value that is fetched on hearing of its key is the new one, also while an old load is under way', async (t) => {
  const getter = new GatedGetter()
  const { group } = await start(t, { getter: getter.get }, 1)
  await keepCopies(t, group)
  const [early, late]: [Promise<Uint8Array>, Promise<Uint8Array>[]] = [group.get('Tom'), []]
  const old = await getter.begun(1)
  group.onInvalidate(() => late.push(group.get('Tom')))
  await group.delete('Tom')
  ;(await getter.begun(2)).resolve('new')
  old.resolve('old')
  assert.equal(Buffer.from(await early).toString(), 'old')
  assert.equal(Buffer.from(await late[0]!).toString(), 'new')
})

test('one that throws keeps nobody else from hearing', async (t) => {
  const { group } = await start(t)
  t.after(
    group.onInvalidate(() => {
      throw new Error('a fault of a listener')
    }),
  )
  const keeper = await keepCopies(t, group)
  await group.delete('Tom')
  assert.deepEqual(keeper.told, [['Tom']])
})

test('a group that is removed, and one whose node closes, tells of all', async (t) => {
  const { node, group } = await start(t)
  const keeper = await keepCopies(t, group)
  await keeper.get('Tom')
  await node.removeGroup('g')
  assert.deepEqual(keeper.told, ['all'])
  assert.equal(group.covers('Tom'), false)
  const again = await node.group('g', { maxBytes: 1 << 16, getter: () => 'another' })
  await until('the new group is covered', () => again.covers('Tom'))
  await again.delete('Tom')
  assert.deepEqual(keeper.told, ['all', ['Tom']])
  await node.close()
  assert.deepEqual(keeper.told, ['all', ['Tom'], 'all'])
  assert.equal(again.covers('Tom'), false)
})

test('when the thread of a shard dies, all are told of, and none is covered until the next one tells', async (t) => {
  const { node, group } = await start(t)
  const keeper = await keepCopies(t, group)
  await keeper.get('Tom')
  node.killWorker(0)
  await until('all are told of', () => keeper.told.length > 0)
  assert.deepEqual(keeper.told, ['all'])
  assert.equal(group.covers('Tom'), false)
  await until('the next thread tells', () => group.covers('Tom'))
  assert.equal(counterOf(group, 'shard_restarts'), 1)
  await group.delete('Tom')
  assert.deepEqual(keeper.told, ['all', ['Tom']])
})

test('a thread that dies before it was told is replaced by one that tells', async (t) => {
  const { node, group } = await start(t)
  node.killWorker(1)
  const keeper = await keepCopies(t, group)
  await group.delete('Tom')
  assert.deepEqual(keeper.told.at(-1), ['Tom'])
})

/** Resolves when whatever the shards had told by now has arrived: it comes ahead of their answers. */
async function hearAll(group: Group): Promise<void> {
  await until('the group serves', () => group.covers('Tom'))
  for (let i = 0; i < 20; i++) await group.delete(`nobody${i}`)
}

/** Copies that differ from what the cache holds, and still do when everything has arrived. */
async function disagreements(
  group: Group,
  keepers: readonly CopyKeeper[],
  expire: boolean,
): Promise<string[]> {
  const differing = ({ copies }: CopyKeeper): string[] =>
    [...copies].flatMap(([key, copy]) => {
      const held = group.peek(key, { stale: true })
      // An entry whose time is over stays until housekeeping comes by.
      if (held === undefined && expire) return []
      return held && Buffer.from(held).toString() === copy ? [] : [`${key}: ${copy} is ${held}`]
    })
  const suspects = keepers.map(differing)
  await hearAll(group)
  return keepers.flatMap((keeper, index) => {
    const still = differing(keeper)
    return suspects[index]!.filter((suspect) => still.includes(suspect))
  })
}

const FRESHNESS: Record<string, Partial<GroupOptions>> = {
  'no time to live': {},
  'a short time to live, stale values and refreshes': {
    ttlMs: 80,
    staleWhileRevalidateMs: 40,
    refreshAhead: 0.3,
  },
}

for (const [name, options] of Object.entries(FRESHNESS)) {
  test(`one who keeps copies holds no other value than the cache, with ${name}`, async (t) => {
    const seed = seedOf()
    const prng = new Prng(seed)
    const source = new Map<string, number>()
    const { node, group } = await start(t, {
      // Room for some of the keys only.
      maxBytes: 1 << 15,
      getter: (key) => {
        const count = source.get(key) ?? 0
        return count % 11 === 10 ? null : `${key} ${count} `.padEnd(200 + (count % 3) * 100, '.')
      },
      ...options,
    })
    const keepers = [await keepCopies(t, group), await keepCopies(t, group)]
    const nextKey = (): string => `key${prng.below(200)}`
    let kept = 0
    for (let round = 0; round < 150; round++) {
      const calls = Array.from({ length: 20 }, () => {
        const [what, key] = [prng.below(100), nextKey()]
        if (what < 10) source.set(key, (source.get(key) ?? 0) + 1)
        if (what < 5) return group.delete(key)
        return keepers[what % 2]!.get(key)
      })
      if (round === 40) calls.push(group.resize(3 << 14))
      if (round === 80) calls.push(group.clear())
      if (round === 110) node.killWorker(prng.below(2))
      await Promise.allSettled(calls)
      if (round % 10 !== 9) continue
      await hearAll(group)
      assert.deepEqual(
        await disagreements(group, keepers, options.ttlMs !== undefined),
        [],
        `seed ${seed}, round ${round}`,
      )
      for (const { copies } of keepers) kept += copies.size
    }
    assert.ok(kept > 200, `${kept} copies were kept: too few to tell`)
    assert.ok(counterOf(group, 'evictions') > 0)
    if (options.ttlMs === undefined) return
    await until('no copy outlives its entry', () => keepers.every(({ copies }) => copies.size === 0))
  })
}
