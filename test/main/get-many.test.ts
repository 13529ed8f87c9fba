import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startNode } from '../../src/main/node.js'
import type { GroupOptions } from '../../src/main/node-options.js'
import { CacheError } from '../../src/shared/errors.js'
import type { BatchGetter, BatchGetterContext } from '../../src/shared/getter.js'
import { counterOf } from '../support/group-counters.js'
import { keyOf, type RingNode, startRing } from '../support/ring-fixture.js'
import { until } from '../support/until.js'

async function startGroup(t: TestContext, options: Partial<GroupOptions> & Pick<GroupOptions, 'getter'>) {
  const node = await startNode({ self: '127.0.0.1:0', workers: 2 })
  t.after(() => node.close())
  return node.group('g', { maxBytes: 1 << 20, ...options })
}

/** A batch getter that remembers what it was called with. */
class Batches implements BatchGetter {
  readonly calls: string[][] = []
  readonly contexts: BatchGetterContext[] = []

  getMany(keys: readonly string[], context: BatchGetterContext) {
    this.calls.push([...keys])
    this.contexts.push(context)
    if (keys.includes('poison')) throw new Error('poisoned batch')
    return keys.map((key) =>
      key.startsWith('missing') ? null : key.startsWith('bad') ? new Error(`no ${key}`) : `value of ${key}`,
    )
  }
}

const texts = (answers: readonly (Uint8Array | null | CacheError)[]): unknown[] =>
  answers.map((answer) =>
    answer instanceof Uint8Array
      ? Buffer.from(answer).toString()
      : answer instanceof CacheError
        ? answer.code
        : answer,
  )

test('answers come in the order of the keys: a value, null, or the error of that key alone', async (t) => {
  const group = await startGroup(t, {
    getter: (key) => {
      if (key.startsWith('bad')) throw new Error('bad key')
      return key.startsWith('missing') ? null : `value of ${key}`
    },
  })
  const keys = ['a', 'missing', 'bad', '', 'b', 'a', Buffer.from([0xff])]
  const expected = [
    'value of a',
    null,
    'UNKNOWN',
    'INVALID_ARGUMENT',
    'value of b',
    'value of a',
    'value of \ufffd',
  ]
  assert.deepEqual(texts(await group.getMany(keys)), expected)
  assert.equal(counterOf(group, 'loads'), 5)
  assert.deepEqual(texts(await group.getMany(keys)), expected)
  assert.equal(counterOf(group, 'hits'), 4)
  assert.deepEqual(await group.getMany([]), [])
})

test('values are bytes of their own, also of a key that was asked for twice', async (t) => {
  const group = await startGroup(t, { getter: () => 'value' })
  for (let round = 0; round < 2; round++) {
    const [one, two] = await group.getMany(['k', 'k'])
    ;(one as Uint8Array).fill(0)
    assert.deepEqual(texts([two!]), ['value'])
  }
})

test('over 10 000 keys at once are refused, and a closed group answers none', async (t) => {
  const group = await startGroup(t, { getter: (key) => key })
  const keys = Array.from({ length: 10_000 }, (_, i) => `k${i}`)
  assert.deepEqual(texts(await group.getMany(keys)), keys)
  await assert.rejects(group.getMany([...keys, 'one more']), { code: 'INVALID_ARGUMENT' })
  group.close()
  await assert.rejects(group.getMany(['k']), { code: 'FAILED_PRECONDITION' })
})

test('keys that are missed together go to a batch getter together, from getMany and from single calls', async (t) => {
  const getter = new Batches()
  const group = await startGroup(t, { getter })
  const keys = Array.from({ length: 50 }, (_, i) => `k${i}`)
  await group.getMany([...keys.slice(0, 10), 'missing', 'bad'])
  assert.equal(getter.calls.length, 2, 'one call for each of the two shards')
  assert.deepEqual(getter.calls.flat().sort(), [...keys.slice(0, 10), 'bad', 'missing'].sort())
  await Promise.all(keys.map((key) => group.get(key)))
  assert.equal(getter.calls.length, 4)
  assert.deepEqual(getter.calls.slice(2).flat().sort(), keys.slice(10).sort(), 'and nothing twice')
  assert.deepEqual([counterOf(group, 'load_batches'), counterOf(group, 'loads')], [4, 52])
  const [context] = getter.contexts
  assert.deepEqual(
    [context!.group, context!.keysBytes.map((bytes) => Buffer.from(bytes).toString())],
    ['g', getter.calls[0]],
  )
})

test('a batch that fails costs its keys and no others; a key that fails costs itself', async (t) => {
  const getter = new Batches()
  const group = await startGroup(t, { getter, batchSizeMax: 1 })
  assert.deepEqual(texts(await group.getMany(['a', 'poison', 'bad1', 'b'])), [
    'value of a',
    'UNKNOWN',
    'UNKNOWN',
    'value of b',
  ])
  assert.ok(getter.calls.every(({ length }) => length === 1))
  const [error] = await group.getMany(['bad1'])
  assert.match((error as CacheError).message, /no bad1/)
})

test('loads that are under way are joined, not repeated', async (t) => {
  const calls: string[][] = []
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const group = await startGroup(t, {
    getter: {
      async getMany(keys) {
        calls.push([...keys])
        await gate
        return [...keys]
      },
    },
  })
  const first = group.get('k')
  await until('the load is under way', () => calls.length === 1)
  const second = group.getMany(['k', 'k'])
  release()
  assert.equal(Buffer.from(await first).toString(), 'k')
  assert.deepEqual(texts(await second), ['k', 'k'])
  assert.deepEqual(calls, [['k']])
})

test('a module may export getMany', async (t) => {
  const group = await startGroup(t, { getter: new URL('../fixtures/batch-getter.js', import.meta.url) })
  const answers = texts(await group.getMany(['a', 'b', 'c', 'd', 'missing']))
  assert.equal(answers[4], null)
  const sizes = new Set(answers.slice(0, 4).map((answer) => Number(String(answer).split(' of ')[1])))
  assert.ok(Math.max(...sizes) >= 2, `batches of ${[...sizes].join(', ')}`)
})

test('the source sees no more calls at a time than the group allows, whatever the demand', async (t) => {
  let running = 0
  let runningMax = 0
  const group = await startGroup(t, {
    loadConcurrencyMax: 3,
    getter: async (key) => {
      running++
      runningMax = Math.max(runningMax, running)
      await until('a turn has passed', () => true)
      await new Promise((resolve) => setImmediate(resolve))
      running--
      return key
    },
  })
  const keys = Array.from({ length: 200 }, (_, i) => `k${i}`)
  assert.deepEqual(texts(await group.getMany(keys)), keys)
  assert.ok(runningMax > 0 && runningMax <= 3, `${runningMax} at a time`)
})

test('over the queue keys fail at once with RESOURCE_EXHAUSTED, and nothing else does', async (t) => {
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const group = await startGroup(t, {
    loadConcurrencyMax: 2,
    loadQueueMax: 4,
    getter: async (key) => {
      await gate
      return key
    },
  })
  const keys = Array.from({ length: 100 }, (_, i) => `k${i}`)
  const answers = group.getMany(keys)
  await until('the rest was refused', () => counterOf(group, 'loads_rejected') === 94)
  release()
  const codes = texts(await answers).filter((answer) => answer === 'RESOURCE_EXHAUSTED')
  assert.equal(codes.length, 94)
})

test('a waiter in the queue keeps its own deadline, and what it waited for never starts', async (t) => {
  const begun: string[] = []
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const group = await startGroup(t, {
    maxBytes: 2048,
    loadConcurrencyMax: 1,
    getter: async (key) => {
      begun.push(key)
      await gate
      return key
    },
  })
  const first = group.get('first')
  await until('the first load is under way', () => begun.length === 1)
  await assert.rejects(group.get('short', { deadlineMs: 20 }), { code: 'DEADLINE_EXCEEDED' })
  const last = group.get('last')
  await until('the last one waits alone', () => counterOf(group, 'loads_queued') === 1)
  release()
  await Promise.all([first, last])
  assert.deepEqual(begun, ['first', 'last'])
})

/** `count` keys that belong to `owner`, as `node` sees it. */
function keysOf({ node }: RingNode, owner: RingNode, count: number): string[] {
  return Array.from({ length: count }, (_, i) => keyOf(node, [owner.node.self], `m${i}-`))
}

test('keys of other nodes go to each owner in one call, and come back in their places', async (t) => {
  const [one, two, three] = await startRing(t, 3)
  const own = keysOf(one!, one!, 3)
  const keys = [keysOf(one!, two!, 4), own, keysOf(one!, three!, 4)].flat().sort((a, b) => (a < b ? 1 : -1))
  keys.push(keyOf(one!.node, [two!.node.self], 'missing'))
  const answers = await one!.group.fetchMany(keys.map((key) => Buffer.from(key)))
  answers.forEach((answer, index) => {
    const [owner] = one!.node.owners(keys[index]!)
    if (index === keys.length - 1) assert.equal((answer as CacheError).code, 'NOT_FOUND')
    else if (answer instanceof CacheError) throw answer
    else {
      assert.equal(Buffer.from(answer.value).toString(), `${keys[index]} from ${owner}`)
      assert.equal(answer.answeredBy, owner)
    }
  })
  assert.deepEqual([one!.loads.length, two!.loads.length, three!.loads.length], [3, 5, 4])
  assert.equal(counterOf(one!.group, 'peer_gets'), 9)
  assert.equal(counterOf(one!.group, 'fallbacks'), 0)
})

test('when an owner is gone, its keys come from who takes over or from here, the others as ever', async (t) => {
  const [one, two, three] = await startRing(t, 3)
  const keys = [...keysOf(one!, two!, 4), ...keysOf(one!, three!, 4), ...keysOf(one!, one!, 2)]
  await two!.node.close()
  const answers = texts(await one!.group.getMany(keys))
  answers.forEach((answer, index) => {
    assert.ok(String(answer).startsWith(`${keys[index]} from `), String(answer))
    assert.ok(!String(answer).endsWith(two!.node.self))
  })
})

test('a peer call that is under way is joined', async (t) => {
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const [one, two] = await startRing(t, 2, {
    getter: async (key) => {
      await gate
      return key
    },
  })
  const key = keyOf(one!.node, [two!.node.self])
  const single = one!.group.get(key)
  await until('the owner loads', () => two!.loads.length === 1)
  const many = one!.group.getMany([key, key])
  release()
  assert.equal(Buffer.from(await single).toString(), key)
  assert.deepEqual(texts(await many), [key, key])
  assert.equal(two!.loads.length, 1)
  assert.equal(counterOf(one!.group, 'peer_gets'), 1)
})
