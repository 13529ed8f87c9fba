import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { RespLimits } from '../../../src/main/resp/limits.js'
import { RespClient, type RespValue } from '../../support/resp-client.js'
import { RespFixture } from '../../support/resp-fixture.js'
import { until } from '../../support/until.js'

async function served(t: TestContext, limits: Partial<RespLimits> = {}) {
  const fixture = await RespFixture.start(limits)
  fixture.group.memory.set('a', Buffer.from('1'))
  fixture.group.memory.set('b', Buffer.from('2'))
  const client = await RespClient.connect(fixture.address)
  t.after(async () => {
    client.close()
    await fixture.close()
  })
  await client.call('HELLO', '3')
  return { fixture, group: fixture.group, told: fixture.invalidations, client }
}

const drop = (name: string): RespValue => ({ push: ['invalidate', [name]] })

describe('A transaction', () => {
  it('is answered in order, whether values are in memory or loaded, and ahead of what follows', async (t) => {
    const { group, client } = await served(t)
    for (const request of [
      ['MULTI'],
      ['GET', 'slow'],
      ['GET', 'a'],
      ['EXISTS', 'b', 'gone'],
      ['EXEC'],
      ['GET', 'b'],
    ]) {
      client.send(...request)
    }
    await until('two wait', () => group.waiting.length === 2)
    group.fail('gone')
    group.load('slow', 'here')
    for (const wanted of ['OK', 'QUEUED', 'QUEUED', 'QUEUED', ['here', '1', 1], '2']) {
      assert.deepEqual(await client.next(), wanted)
    }
  })

  it('keeps what calls copies back out of its reply', async (t) => {
    const { told, client } = await served(t)
    await client.call('CLIENT', 'TRACKING', 'ON')
    told.uncovered.add('a')
    await client.call('MULTI')
    await client.call('GET', 'a')
    await client.call('GET', 'b')
    assert.deepEqual(await client.call('EXEC'), ['1', '2'])
    assert.deepEqual(await client.next(), drop('a'))
    told.tell('g', ['b'])
    assert.deepEqual(await client.next(), drop('b'))
  })

  it('is what CLIENT CACHING before it is about, as a whole', async (t) => {
    const { told, client } = await served(t)
    await client.call('CLIENT', 'TRACKING', 'ON', 'OPTIN')
    await client.call('CLIENT', 'CACHING', 'YES')
    await client.call('MULTI')
    await client.call('PTTL', 'a')
    await client.call('GET', 'b')
    assert.deepEqual(await client.call('EXEC'), [-1, '2'])
    await client.call('GET', 'a')
    told.tell('g', ['b'])
    assert.deepEqual(await client.next(), drop('b'))
    told.tell('g', ['a'])
    assert.deepEqual(await client.next(), drop('a'))
    await client.call('GET', 'a')
    told.tell('g', ['a'])
    assert.equal(await client.call('PING'), 'PONG')
  })

  it('holds no more commands, and no more bytes of them, than a client may', async (t) => {
    const { fixture, client } = await served(t, { waitingMax: 3, requestBytesMax: 2000 })
    const tooLarge = { error: 'ERR The transaction is too large: 3 commands, 2000 bytes' }
    const aborted = { error: 'EXECABORT Transaction discarded because of previous errors.' }
    await client.call('MULTI')
    for (let i = 0; i < 3; i++) assert.equal(await client.call('GET', 'a'), 'QUEUED')
    assert.deepEqual(await client.call('GET', 'a'), tooLarge)
    assert.deepEqual(await client.call('EXEC'), aborted)
    await client.call('MULTI')
    assert.equal(await client.call('ECHO', 'x'.repeat(1500)), 'QUEUED')
    assert.ok(fixture.row.get('resp_held') > 1500, 'it is counted as held')
    assert.deepEqual(await client.call('ECHO', 'x'.repeat(1500)), tooLarge)
    assert.deepEqual(await client.call('EXEC'), aborted)
    assert.equal(await client.call('GET', 'a'), '1')
    assert.equal(fixture.row.get('resp_held'), 0)
    await client.call('MULTI')
    assert.deepEqual(await client.call('MGET', ...new Array<string>(60).fill('')), tooLarge)
  })

  it('refuses the rest when its reply grows too long', async (t) => {
    const { group, client } = await served(t, { replyBytesMax: 1000 })
    group.memory.set('big', Buffer.alloc(600))
    await client.call('MULTI')
    for (let i = 0; i < 4; i++) await client.call('STRLEN', 'big')
    for (let i = 0; i < 4; i++) await client.call('GET', 'big')
    const replies = (await client.call('EXEC')) as readonly RespValue[]
    const error = { error: 'BUSY The reply has over 1000 bytes: ask for fewer keys' }
    assert.deepEqual(
      [replies.length, replies.slice(0, 4), replies.slice(6)],
      [8, [600, 600, 600, 600], [error, error]],
    )
  })

  it('is not answered at all when its answer is not wanted', async (t) => {
    const { client } = await served(t)
    for (const request of [['CLIENT', 'REPLY', 'OFF'], ['MULTI'], ['GET', 'a'], ['GET', 'b'], ['EXEC']]) {
      client.send(...request)
    }
    assert.equal(await client.call('CLIENT', 'REPLY', 'ON'), 'OK')
    assert.equal(await client.call('GET', 'b'), '2')
  })
})
