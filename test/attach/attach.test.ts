import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { MessageChannel, Worker } from 'node:worker_threads'
import { attach, type CacheHandle } from '../../src/attach/attach.js'
import type { AttachedCache } from '../../src/attach/attached-cache.js'
import { type Node, startNode } from '../../src/main/node.js'
import type { NodeOptions } from '../../src/main/node-options.js'
import { CacheError } from '../../src/shared/errors.js'
import { THREAD_COUNT_MAX } from '../../src/shared/limits.js'
import { AttachedThread } from '../support/attached-thread.js'
import { GatedGetter } from '../support/gated-getter.js'
import { counterOf } from '../support/group-counters.js'
import { until } from '../support/until.js'

async function start(t: TestContext, options: NodeOptions = {}): Promise<Node> {
  const node = await startNode({ self: '127.0.0.1:0', workers: 2, ...options })
  t.after(() => node.close())
  return node
}

async function attachThread(t: TestContext, node: Node): Promise<AttachedThread> {
  const thread = await AttachedThread.start(node.handle())
  t.after(() => thread.worker.terminate())
  return thread
}

const code = (expected: string) => (error: unknown) => error instanceof CacheError && error.code === expected
const options = { maxBytes: 1 << 20, getter: (key: string) => `value of ${key}` }

test('two threads get, peek and delete what all threads share', async (t) => {
  const node = await start(t)
  const group = await node.group('g', options)
  const [one, two] = [await attachThread(t, node), await attachThread(t, node)]
  assert.equal(await one.run('peek', 'g', 'Tom'), undefined)
  assert.equal(await one.run('get', 'g', 'Tom'), 'value of Tom')
  assert.equal(await two.run('peek', 'g', 'Tom'), 'value of Tom')
  assert.equal(await two.run('get', 'g', 'Tom'), 'value of Tom')
  assert.equal(counterOf(group, 'loads'), 1)
  assert.equal(counterOf(group, 'gets'), 2)
  assert.equal(counterOf(group, 'hits'), 1)
  await two.run('delete', 'g', 'Tom')
  assert.equal(await one.run('peek', 'g', 'Tom'), undefined)
  assert.equal(group.peek('Tom'), undefined)
})

test('hits of an attached thread need no main thread', async (t) => {
  const node = await start(t)
  const group = await node.group('g', options)
  await group.get('Tom')
  const thread = await attachThread(t, node)
  await node.removeGroup('nobody')
  const before = counterOf(group, 'gets')
  const answer = once(thread.worker, 'message')
  thread.worker.postMessage({ what: 'get', group: 'g', key: 'Tom', repeat: 100 })
  // This thread blocks until the other one has counted its hits.
  const endsMs = performance.now() + 5000
  while (counterOf(group, 'hits') < before + 99 && performance.now() < endsMs);
  assert.equal(counterOf(group, 'hits'), before + 99)
  assert.deepEqual(await answer, [{ value: 'value of Tom' }])
})

test('a key that several threads miss at once is loaded once', async (t) => {
  const node = await start(t)
  const getter = new GatedGetter()
  const group = await node.group('g', { maxBytes: 1 << 20, getter: getter.get })
  const threads = [await attachThread(t, node), await attachThread(t, node)]
  const calls = threads.map((thread) => thread.run('get', 'g', 'Tom', { repeat: 10 }))
  calls.push(group.get('Tom').then((value) => Buffer.from(value).toString()))
  await until('all wait', () => counterOf(group, 'coalesced') === 20)
  ;(await getter.begun(1)).resolve('630')
  assert.deepEqual(await Promise.all(calls), ['630', '630', '630'])
  assert.equal(getter.loads.length, 1)
})

test('errors come over as they are', async (t) => {
  const node = await start(t, { keyBytesMax: 10 })
  const never = new GatedGetter()
  await node.group('never', { maxBytes: 1 << 16, getter: never.get })
  const missing = await node.group('missing', {
    maxBytes: 1 << 16,
    getter: () => ({ value: null, notFoundTtlMs: 60_000 }),
  })
  const thread = await attachThread(t, node)
  await assert.rejects(thread.run('get', 'g', 'Tom'), code('NOT_FOUND'))
  await assert.rejects(thread.run('get', 'missing', 'Tom'), code('NOT_FOUND'))
  const { length: loads } = [counterOf(missing, 'loads')]
  await assert.rejects(thread.run('get', 'missing', 'Tom'), code('NOT_FOUND'))
  assert.equal(counterOf(missing, 'loads'), loads)
  assert.equal(await thread.run('peek', 'missing', 'Tom'), undefined)
  await assert.rejects(thread.run('get', 'never', ''), code('INVALID_ARGUMENT'))
  await assert.rejects(thread.run('get', 'never', 'eleven char'), code('INVALID_ARGUMENT'))
  await assert.rejects(thread.run('get', 'never', 'Tom', { deadlineMs: 20 }), code('DEADLINE_EXCEEDED'))
  await assert.rejects(thread.run('get and cancel', 'never', 'Tom'), code('CANCELLED'))
  // The load that nobody waits for is given up.
  await until('the getter hears of it', () => never.loads.every(({ context }) => context.signal.aborted))
})

test('groups that come and go become known', async (t) => {
  const node = await start(t)
  const thread = await attachThread(t, node)
  const group = await node.group('late', options)
  assert.equal(await thread.run('get', 'late', 'Tom'), 'value of Tom')
  assert.equal(await thread.run('peek', 'late', 'Tom'), 'value of Tom')
  assert.equal(await thread.run('get', 'late', 'Tom'), 'value of Tom')
  assert.equal(counterOf(group, 'hits'), 1)
  await node.removeGroup('late')
  await until('the thread knows', async () => (await thread.run('peek', 'late', 'Tom')) === undefined)
  await assert.rejects(thread.run('get', 'late', 'Tom'), code('NOT_FOUND'))
  const again = await node.group('late', { maxBytes: 1 << 16, getter: () => 'another' })
  assert.equal(await thread.run('get', 'late', 'Tom'), 'another')
  assert.equal(counterOf(again, 'loads'), 1)
})

test('a group that is resized is read in its new memory by every thread, and no thread sees what was deleted', async (t) => {
  const node = await start(t)
  const group = await node.group('g', options)
  const threads = [await attachThread(t, node), await attachThread(t, node)]
  for (const key of ['Tom', 'Tim']) await group.get(key)
  await group.resize(2 << 20)
  await group.delete('Tom')
  for (const thread of [...threads, await attachThread(t, node)]) {
    assert.equal(await thread.run('peek', 'g', 'Tom'), undefined)
    assert.equal(await thread.run('peek', 'g', 'Tim'), 'value of Tim')
  }
  // A thread that is gone is not waited for.
  const resized = group.resize(1 << 20)
  await threads[0]!.worker.terminate()
  await resized
  assert.equal(await threads[1]!.run('peek', 'g', 'Tim'), 'value of Tim')
})

test('a thread reads whole values while the owner writes', async (t) => {
  const node = await start(t)
  // Room for a few keys only: every load evicts, and memory is used again and again.
  const group = await node.group('g', { maxBytes: 1 << 16, getter: (key) => key.repeat(400) })
  const threads = [await attachThread(t, node), await attachThread(t, node)]
  const read = async (thread: AttachedThread, first: number): Promise<void> => {
    for (let i = 0; i < 300; i++) {
      const key = `k${(first + i * 7) % 60};`
      assert.equal(await thread.run('get', 'g', key), key.repeat(400))
      const peeked = await thread.run('peek', 'g', key)
      assert.ok(peeked === undefined || peeked === key.repeat(400))
    }
  }
  await Promise.all(threads.map((thread, i) => read(thread, i * 31)))
  assert.ok(counterOf(group, 'evictions') > 0)
  assert.ok(counterOf(group, 'hits') > 0)
})

test('what an attached thread reads stays in memory', async (t) => {
  const node = await start(t, { workers: 1 })
  const group = await node.group('g', { maxBytes: 1 << 15, policy: 'lru', getter: (key) => key.padEnd(1000) })
  const thread = await attachThread(t, node)
  await group.get('read')
  await group.get('not read')
  for (let i = 0; i < 45; i++) {
    assert.notEqual(await thread.run('peek', 'g', 'read'), undefined)
    await group.get(`filler ${i}`)
  }
  assert.equal(group.peek('not read'), undefined)
})

test('a thread that is killed in the middle of a read holds up no writes and gives its number back', async (t) => {
  const node = await start(t, { workers: 1 })
  const group = await node.group('g', { maxBytes: 1 << 15, getter: (key) => key.padEnd(1000) })
  const fill = async (name: string): Promise<void> => {
    for (let i = 0; i < 100; i++) await group.get(`${name}${i}`)
  }
  const startPinned = async (): Promise<[Worker, number]> => {
    const handle = node.handle()
    const file = new URL('../fixtures/pinned-thread.js', import.meta.url)
    const worker = new Worker(file, { workerData: { handle }, transferList: [handle] })
    const [thread] = (await once(worker, 'message')) as [number]
    return [worker, thread]
  }
  const [worker, thread] = await startPinned()
  await fill('while pinned')
  assert.ok(counterOf(group, 'refused') > 0)
  await worker.terminate()
  await until('the pin is gone', async () => {
    const before = counterOf(group, 'refused')
    await fill(`after ${before} `)
    return counterOf(group, 'refused') === before
  })
  const [next, number] = await startPinned()
  await next.terminate()
  assert.equal(number, thread)
})

test('a node has a limited number of threads, and those that detach make room', async (t) => {
  const node = await start(t, { workers: 1 })
  const handles: CacheHandle[] = []
  assert.throws(() => {
    for (;;) handles.push(node.handle())
  }, code('RESOURCE_EXHAUSTED'))
  assert.equal(handles.length, THREAD_COUNT_MAX - 2)
  const cache = await attach(handles[0]!)
  cache.close()
  await until('the number is free', () => {
    try {
      handles.push(node.handle())
      return true
    } catch {
      return false
    }
  })
})

test('a closed cache and one whose node is gone say so', async (t) => {
  const node = await start(t)
  const getter = new GatedGetter()
  await node.group('g', { maxBytes: 1 << 16, getter: getter.get })
  const [one, two] = [await attachThread(t, node), await attachThread(t, node)]
  await one.run('close', 'g')
  await assert.rejects(one.run('get', 'g', 'Tom'), code('FAILED_PRECONDITION'))
  await assert.rejects(one.run('peek', 'g', 'Tom'), code('FAILED_PRECONDITION'))
  const waiting = two.run('get', 'g', 'Tom')
  const load = await getter.begun(1)
  const rejected = assert.rejects(waiting, code('UNAVAILABLE'))
  await node.close()
  await rejected
  load.resolve('too late')
  await assert.rejects(two.run('peek', 'g', 'Tom'), code('UNAVAILABLE'))
  assert.throws(() => node.handle(), code('FAILED_PRECONDITION'))
})

test('a thread that watches hears of keys, in time for its own deletes, until it watches no more', async (t) => {
  const node = await start(t)
  const group = await node.group('g', options)
  const [one, two] = [await attachThread(t, node), await attachThread(t, node)]
  assert.equal(await one.run('covers', 'g', 'Tom'), false)
  for (const thread of [one, two]) {
    await thread.run('watch', 'g')
    await until('the key is covered', async () => (await thread.run('covers', 'g', 'Tom')) === true)
  }
  await one.run('delete', 'g', 'Tom')
  assert.deepEqual(await one.run('told', 'g'), [['Tom']])
  await group.delete('Tim')
  await until('both heard', async () => String(await two.run('told', 'g')) === 'Tom,Tim')
  await two.run('unwatch', 'g')
  assert.equal(await two.run('covers', 'g', 'Tom'), false)
  await two.run('delete', 'g', 'Jim')
  assert.equal(String(await two.run('told', 'g')), 'Tom,Tim')
  assert.equal(String(await one.run('told', 'g')), 'Tom,Tim,Jim')
  assert.equal(group.covers('Tom'), true)
  await one.worker.terminate()
  await until('a thread that ended watches no more', () => !group.covers('Tom'))
  await two.run('watch', 'g')
  await until('the key is covered', async () => (await two.run('covers', 'g', 'Tom')) === true)
  await node.removeGroup('g')
  await until('all are told', async () => String(await two.run('told', 'g')) === 'Tom,Tim,all')
  assert.equal(await two.run('covers', 'g', 'Tom'), false)
})

test('who watches in a thread whose cache is closed, or whose node is gone, is told of all', async (t) => {
  const node = await start(t)
  await node.group('g', options)
  for (const close of [(cache: AttachedCache) => cache.close(), () => node.close()]) {
    const cache = await attach(node.handle())
    const told: unknown[] = []
    const stop = cache.watch('g', (keys) => told.push(keys))
    await until('the key is covered', () => cache.covers('g', Buffer.from('Tom')))
    await close(cache)
    await until('all are told', () => told.length > 0)
    assert.deepEqual([...new Set(told)], ['all'])
    assert.equal(cache.covers('g', Buffer.from('Tom')), false)
    stop()
  }
})

test('attach takes handles of living nodes only', async () => {
  await assert.rejects(attach('no handle' as unknown as CacheHandle), code('INVALID_ARGUMENT'))
  const { port1, port2 } = new MessageChannel()
  port2.close()
  await assert.rejects(attach(port1), code('UNAVAILABLE'))
})

test('a key of another node is asked of that node', async (t) => {
  const other = await start(t)
  const node = await start(t, { peers: [other.self] })
  const getterOf = (name: string) => ({ maxBytes: 1 << 20, getter: (key: string) => `${key} of ${name}` })
  const [here, there] = [await node.group('g', getterOf('here')), await other.group('g', getterOf('there'))]
  const thread = await attachThread(t, node)
  const keys = Array.from({ length: 40 }, (_, i) => `key${i}`)
  const own = keys.filter((key) => node.owners(key)[0] === node.self)
  assert.ok(own.length > 0 && own.length < keys.length)
  for (const key of keys) {
    assert.equal(await thread.run('get', 'g', key), `${key} of ${own.includes(key) ? 'here' : 'there'}`)
  }
  assert.equal(counterOf(there, 'loads'), keys.length - own.length)
  // A hit of the other node's key would have to be in this one's memory: it is not, and it is not looked for there.
  assert.equal(counterOf(here, 'peer_gets'), keys.length - own.length)
})
