import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { WebSocket } from 'ws'
import { connect } from '../../src/client/index.js'
import type { GroupOptions, NodeOptions } from '../../src/main/node-options.js'
import { counterOf } from '../support/group-counters.js'
import { ask } from '../support/http-client.js'
import { keyOf, type RingNode, startRing } from '../support/ring-fixture.js'
import { until } from '../support/until.js'

const text = (value: Uint8Array | undefined): string | undefined => value && Buffer.from(value).toString()

/** Two nodes, and a key of the second that the first has a copy of. */
async function startWithCopy(t: TestContext, group: Partial<GroupOptions> = {}, options: NodeOptions = {}) {
  let version = 1
  const ring = await startRing(t, 2, { getter: (key) => `${key} ${version}`, ...group }, options)
  const [here, owner] = [ring[0]!, ring[1]!]
  const key = keyOf(here.node, [owner.node.self])
  await heat(here, key)
  return { here, owner, key, change: () => version++ }
}

/** Asks for a key of another node until a copy of it is here. */
async function heat({ group }: RingNode, key: string): Promise<void> {
  await until('the key is hot', async () => {
    await group.get(key)
    return group.peek(key) !== undefined
  })
}

for (const httpEngine of ['node', 'uws'] as const) {
  test(`${httpEngine}: a hot key of another node is served from here, and its owner is left alone`, async (t) => {
    const { here, owner, key } = await startWithCopy(t, {}, { http: '127.0.0.1:0', httpEngine })
    const asked = counterOf(owner.group, 'gets')
    const before = counterOf(here.group, 'hot_hits')
    for (let i = 0; i < 100; i++) assert.equal(text(await here.group.get(key)), `${key} 1`)
    const [many] = await here.group.getMany([key])
    assert.equal(text(many as Uint8Array), `${key} 1`)
    const answer = await here.group.fetch(Buffer.from(key))
    assert.deepEqual([answer.outcome, answer.answeredBy], ['hot', here.node.self])
    assert.ok(answer.ttlLeftMs <= 10_000)
    const http = await ask(here.node.addresses.HTTP!, `/v1/groups/g/keys/${key}`)
    assert.deepEqual([http.headers['x-cache'], http.body.toString()], ['hot', `${key} 1`])
    assert.match(http.headers['cache-control']!, /^max-age=\d$/)
    const client = connect(`ws://${here.node.addresses.HTTP}/v1/ws`, { WebSocket })
    t.after(() => client.close())
    const live = await client.group('g').fetch(key)
    assert.deepEqual([live.outcome, text(live.value)], ['hot', `${key} 1`])
    assert.equal(counterOf(here.group, 'hot_hits') - before, 104)
    assert.ok(counterOf(here.group, 'hot_bytes') > 0)
    assert.equal(counterOf(owner.group, 'gets'), asked)
    const explained = await here.group.explain(key)
    assert.deepEqual([explained.isOwned, explained.present], [false, false])
    assert.ok(explained.hotCopyMs! > 0 && explained.hotCopyMs! <= 10_000)
  })
}

test('other threads of the node find the copy, too', async (t) => {
  const { here, key } = await startWithCopy(t)
  const handle = here.node.handle()
  const code = `
    const { workerData, parentPort } = require('node:worker_threads')
    import(workerData.module).then(async ({ attach }) => {
      const cache = await attach(workerData.handle)
      const { outcome } = await cache.group('g').fetch(Buffer.from(workerData.key))
      cache.close()
      parentPort.postMessage(outcome)
    })`
  const module = new URL('../../src/attach/index.js', import.meta.url).href
  const worker = new Worker(code, { eval: true, workerData: { handle, module, key }, transferList: [handle] })
  t.after(() => worker.terminate())
  const outcome = await new Promise((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  assert.equal(outcome, 'hot')
})

test('a delete at the node that has the copy is seen there at once, one at the owner in a moment', async (t) => {
  const { here, owner, key, change } = await startWithCopy(t)
  change()
  await here.group.delete(key)
  assert.equal(here.group.peek(key), undefined)
  assert.equal(text(await here.group.get(key)), `${key} 2`)
  await heat(here, key)
  change()
  const told: string[] = []
  const stop = here.group.onInvalidate((keys) => {
    // Who is told of a key finds no copy of it any more.
    if (keys !== 'all' && keys.some((some) => text(some) === key)) told.push(String(here.group.peek(key)))
  })
  t.after(stop)
  await owner.group.delete(key)
  await until('it is told', () => told.length > 0)
  assert.deepEqual(told, ['undefined'])
  assert.equal(text(await here.group.get(key)), `${key} 3`)
})

test('a copy goes with its time to live at the owner, and is never served stale', async (t) => {
  const { here, key, change } = await startWithCopy(t, { ttlMs: 400, staleWhileRevalidateMs: 60_000 })
  change()
  await until('the copy is over', () => here.group.peek(key) === undefined)
  assert.equal(here.group.peek(key, { stale: true }), undefined)
})

test('a call of a peer is never answered from a copy', async (t) => {
  const { here, key } = await startWithCopy(t)
  const answer = await here.group.fetch(Buffer.from(key), { forwarded: true })
  assert.equal(answer.outcome, 'load')
  assert.equal(here.loads.length, 1)
})

test('copies outlive a resize of their group at most, and a clear not even that', async (t) => {
  const { here, key } = await startWithCopy(t)
  await here.group.resize(1 << 19)
  assert.equal(text(await here.group.get(key)), `${key} 1`)
  await here.group.clear()
  assert.equal(here.group.peek(key), undefined)
})

test('when the owner is gone, so is the copy', async (t) => {
  const { here, owner, key } = await startWithCopy(t)
  await owner.node.close()
  await until('the copy is dropped', () => here.group.peek(key) === undefined)
  assert.equal(text(await here.group.get(key, { deadlineMs: 10_000 })), `${key} 1`)
})

test('without a share there are no copies', async (t) => {
  const ring = await startRing(t, 2, { hotCopiesShare: 0 })
  const [here, owner] = [ring[0]!, ring[1]!]
  const key = keyOf(here.node, [owner.node.self])
  for (let i = 0; i < 100; i++) await here.group.get(key)
  assert.equal(counterOf(here.group, 'hot_kept'), 0)
  assert.equal(counterOf(owner.group, 'gets'), 100)
})
