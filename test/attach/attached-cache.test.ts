import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { MessageChannel } from 'node:worker_threads'
import { AttachedCache } from '../../src/attach/attached-cache.js'
import { startNode } from '../../src/main/node.js'
import type { AttachedReply, AttachedRequest, Welcome } from '../../src/shared/attach-messages.js'
import { until } from '../support/until.js'

const TOM = Buffer.from('Tom')

/** A cache over the memory of a node, in this thread, and a main thread that the test plays. */
async function attachByHand(t: TestContext) {
  const node = await startNode({ self: '127.0.0.1:0', workers: 1 })
  t.after(() => node.close())
  const group = await node.group('g', { maxBytes: 1 << 16, getter: () => '630' })
  await group.get('Tom')
  const [welcome] = (await once(node.handle(), 'message')) as [Welcome]
  const { port1, port2 } = new MessageChannel()
  t.after(() => port1.close())
  const cache = new AttachedCache(port2, welcome)
  return { cache, welcome, tell: (...news: AttachedReply[]) => port1.postMessage(news), port: port1 }
}

function isFound({ pin, group }: Pick<AttachedCache, 'pin' | 'group'>, forwarded = false): boolean {
  pin.enter()
  const length = group('g').find(TOM, 0, TOM.length, forwarded)
  pin.leave()
  return length === 3
}

test('what another node owns is not served from memory', async (t) => {
  const { cache, welcome, tell, port } = await attachByHand(t)
  const reader = { pin: cache.pin, group: (name: string) => cache.group(name) }
  const { ring } = welcome
  assert.equal(isFound(reader), true)
  tell({ kind: 'ring', ring: { ...ring, members: ['127.0.0.1:1'] } })
  await until('the ring has changed', () => !isFound(reader))
  assert.equal(isFound(reader, true), true)
  const answer = cache.group('g').fetch(TOM)
  const [[request]] = (await once(port, 'message')) as [[Extract<AttachedRequest, { kind: 'call' }>]]
  assert.deepEqual(request.call, {
    kind: 'fetch',
    group: 'g',
    key: new Uint8Array(TOM),
    deadlineMs: Number.POSITIVE_INFINITY,
    forwarded: false,
  })
  tell({ kind: 'done', id: request.id, result: { value: TOM, outcome: 'load' } })
  assert.equal((await answer).outcome, 'load')
  tell({ kind: 'ring', ring })
  await until('the ring is as before', () => isFound(reader))
  assert.equal((await cache.group('g').fetch(TOM)).outcome, 'hit')
})

test('calls of one turn of the event loop go in one message', async (t) => {
  const { cache, port } = await attachByHand(t)
  const calls = ['a', 'b', 'c'].map((key) => cache.group('g').get(key))
  const [requests] = (await once(port, 'message')) as [AttachedRequest[]]
  assert.equal(requests.length, 3)
  const ends = Promise.allSettled(calls)
  cache.close()
  assert.deepEqual(
    (await ends).map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  )
})

test("a closed cache reads nothing: its thread number may be another thread's", async (t) => {
  const { cache } = await attachByHand(t)
  const reader = { pin: cache.pin, group: (name: string) => cache.group(name) }
  assert.equal(isFound(reader), true)
  cache.close()
  assert.equal(isFound(reader), false)
})

test('a deadline frees the caller though the main thread does not answer, and the main thread is told', async (t) => {
  const { cache, port } = await attachByHand(t)
  const call = cache.group('g').get('a', { deadlineMs: 10 })
  const [[first]] = (await once(port, 'message')) as [Extract<AttachedRequest, { kind: 'call' }>[]]
  const told = once(port, 'message')
  await assert.rejects(call, { code: 'DEADLINE_EXCEEDED' })
  assert.deepEqual(await told, [[{ kind: 'cancel', id: first?.id }]])
})

test('names of strangers leave nothing behind', async (t) => {
  const { cache } = await attachByHand(t)
  for (let i = 0; i < 10; i++) assert.equal(cache.find(`name ${i}`).isClosed, true)
  assert.deepEqual(
    [...cache].map(({ name }) => name),
    ['g'],
  )
})
