import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { startNode } from '../../../src/main/node.js'
import { RespClient, type RespValue } from '../../support/resp-client.js'
import { RespFixture } from '../../support/resp-fixture.js'
import { until } from '../../support/until.js'

async function served(t: TestContext, limits = {}) {
  const fixture = await RespFixture.start(limits)
  t.after(() => fixture.close())
  fixture.group.memory.set('a', Buffer.from('1'))
  fixture.group.memory.set('b', Buffer.from('2'))
  const client = async (protocol: '2' | '3') => {
    const connected = await RespClient.connect(fixture.address)
    t.after(() => connected.close())
    await connected.call('HELLO', protocol)
    return connected
  }
  return { ...fixture, fixture, group: fixture.group, told: fixture.invalidations, client }
}

const drop = (...names: string[]): RespValue => ({ push: ['invalidate', names] })

describe('CLIENT TRACKING', () => {
  it('tells once of what was read, by the name that was used', async (t) => {
    const { told, client } = await served(t)
    const one = await client('3')
    assert.equal(await one.call('CLIENT', 'TRACKING', 'ON'), 'OK')
    await one.call('GET', 'a')
    await one.call('GET', 'g:b')
    told.tell('g', ['a', 'b', 'unread'])
    assert.deepEqual(await one.next(), drop('a', 'g:b'))
    told.tell('g', ['a', 'b'])
    assert.equal(await one.call('PING'), 'PONG')
  })

  it('takes all back when all of a group may have changed', async (t) => {
    const { told, client } = await served(t)
    const one = await client('3')
    await one.call('CLIENT', 'TRACKING', 'ON')
    await one.call('MGET', 'a', 'b')
    told.tell('g', 'all')
    assert.deepEqual(await one.next(), { push: ['invalidate', null] })
  })

  it('takes back at once what nobody vouches for, what is not there, and what expires', async (t) => {
    const { told, group, client } = await served(t)
    const one = await client('3')
    await one.call('CLIENT', 'TRACKING', 'ON')
    told.uncovered.add('a')
    assert.equal(await one.call('GET', 'a'), '1')
    assert.deepEqual(await one.next(), drop('a'))
    one.send('GET', 'none')
    await until('it waits', () => group.waiting.length === 1)
    group.fail('none')
    assert.equal(await one.next(), null)
    assert.deepEqual(await one.next(), drop('none'))
    group.ttlLeftMs = 300
    assert.equal(await one.call('GET', 'b'), '2')
    assert.deepEqual(await one.next(), drop('b'))
  })

  it('takes back a value that changed while it was loaded, or was not kept', async (t) => {
    const { fixture, told, group, client } = await served(t)
    const one = await client('3')
    await one.call('CLIENT', 'TRACKING', 'ON')
    one.send('GET', 'c')
    await until('it waits', () => group.waiting.length === 1)
    told.tell('g', ['c'])
    group.load('c', '3')
    assert.equal(await one.next(), '3')
    assert.deepEqual(await one.next(), drop('c'))
    fixture.isKept = false
    one.send('GET', 'd')
    await until('it waits', () => group.waiting.length === 1)
    group.load('d', '4', 'load')
    assert.equal(await one.next(), '4')
    assert.deepEqual(await one.next(), drop('d'))
  })

  it('remembers what OPTIN, OPTOUT and CACHING say', async (t) => {
    const { told, client } = await served(t)
    const one = await client('3')
    await one.call('CLIENT', 'TRACKING', 'ON', 'OPTIN')
    await one.call('GET', 'a')
    assert.equal(await one.call('CLIENT', 'CACHING', 'YES'), 'OK')
    await one.call('GET', 'b')
    await one.call('GET', 'a')
    told.tell('g', ['a', 'b'])
    assert.deepEqual(await one.next(), drop('b'))
    await one.call('CLIENT', 'TRACKING', 'OFF')
    await one.call('CLIENT', 'TRACKING', 'ON', 'OPTOUT')
    await one.call('CLIENT', 'CACHING', 'NO')
    await one.call('GET', 'a')
    await one.call('GET', 'b')
    told.tell('g', ['a', 'b'])
    assert.deepEqual(await one.next(), drop('b'))
  })

  it('broadcasts by prefix, and leaves own deletes out', async (t) => {
    const { told, client } = await served(t)
    const [one, two] = [await client('3'), await client('3')]
    await one.call('CLIENT', 'TRACKING', 'ON', 'BCAST', 'PREFIX', 'g:a', 'NOLOOP')
    await two.call('CLIENT', 'TRACKING', 'ON', 'BCAST')
    await one.call('DEL', 'g:a1')
    told.tell('g', ['a1', 'a2', 'b'])
    assert.deepEqual(await one.next(), drop('g:a2'))
    assert.deepEqual(await two.next(), drop('g:a1', 'a1', 'g:a2', 'a2', 'g:b', 'b'))
  })

  it('redirects to a subscriber of RESP2, and says when that is gone', async (t) => {
    const { told, client } = await served(t)
    const [reader, listener] = [await client('3'), await client('2')]
    const id = await listener.call('CLIENT', 'ID')
    assert.deepEqual(await listener.call('SUBSCRIBE', '__redis__:invalidate'), [
      'subscribe',
      '__redis__:invalidate',
      1,
    ])
    await reader.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', String(id))
    await reader.call('GET', 'a')
    told.tell('g', ['a'])
    assert.deepEqual(await listener.next(), ['message', '__redis__:invalidate', ['a']])
    listener.close()
    await until('it is gone', async () => !String(await reader.call('CLIENT', 'LIST')).includes(`id=${id} `))
    await reader.call('GET', 'b')
    told.tell('g', ['b'])
    assert.deepEqual(await reader.next(), { push: ['tracking-redir-broken', id as number] })
  })

  it('tells of the oldest when the table is full, and watches nothing for nobody', async (t) => {
    const { told, client } = await served(t, { trackedBytesMax: 1000 })
    const one = await client('3')
    await one.call('CLIENT', 'TRACKING', 'ON')
    await one.call('GET', 'a')
    await one.call('GET', 'b')
    one.send('GET', 'g:a')
    const replies = [await one.next(), await one.next()]
    assert.ok(
      replies.some(
        (reply) =>
          JSON.stringify(reply) === JSON.stringify(drop('a', 'g:a')) ||
          JSON.stringify(reply) === JSON.stringify(drop('a')) ||
          reply === '1',
      ),
    )
    assert.equal(told.watchCount, 1)
    one.close()
    await until('the watch ends', () => told.watchCount === 0)
  })

  it('hears of deletes, loads and expiry of a real node', async (t) => {
    const node = await startNode({
      self: '127.0.0.1:0',
      resp: '127.0.0.1:0',
      respDefaultGroup: 'g',
      workers: 1,
    })
    t.after(() => node.close())
    let version = 0
    const group = await node.group('g', {
      maxBytes: 1 << 20,
      getter: (key) => ({ value: `${key}${++version}`, ...(key === 'short' && { ttlMs: 400 }) }),
    })
    const one = await RespClient.connect(node.addresses.RESP!)
    t.after(() => one.close())
    await one.call('HELLO', '3')
    await one.call('CLIENT', 'TRACKING', 'ON')
    await until('the owner tells of changes', async () => {
      await group.get('k')
      one.send('GET', 'k')
      assert.equal(await one.next(), 'k1')
      one.send('PING')
      return (await one.next()) === 'PONG' || (await one.next()) === undefined
    })
    await group.delete('k')
    assert.deepEqual(await one.next(), drop('k'))
    assert.equal(await one.call('GET', 'short'), 'short2')
    assert.deepEqual(await one.next(), drop('short'))
  })
})
