import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { RespLimits } from '../../../src/main/resp/limits.js'
import { CacheError } from '../../../src/shared/errors.js'
import { RespClient, requestOf } from '../../support/resp-client.js'
import { RespFixture } from '../../support/resp-fixture.js'
import { until } from '../../support/until.js'

async function served(t: TestContext, limits: Partial<RespLimits> = {}, password?: string) {
  const fixture = await RespFixture.start(limits, password)
  t.after(() => fixture.close())
  const client = async () => {
    const connected = await RespClient.connect(fixture.address)
    t.after(() => connected.close())
    return connected
  }
  return { fixture, group: fixture.group, client }
}

describe('RespServer', () => {
  it('answers in order: a hit waits behind a miss', async (t) => {
    const { group, client } = await served(t)
    group.memory.set('hit', Buffer.from('in memory'))
    const one = await client()
    one.socket.write(
      Buffer.concat([
        requestOf('GET', 'a'),
        requestOf('GET', 'hit'),
        requestOf('GET', 'b'),
        requestOf('PING'),
      ]),
    )
    await until('both wait', () => group.waiting.length === 2)
    group.load('b', 'second')
    group.load('a', 'first')
    assert.deepEqual(
      [await one.next(), await one.next(), await one.next(), await one.next()],
      ['first', 'in memory', 'second', 'PONG'],
    )
  })

  it('takes keys of any bytes, further colons among them', async (t) => {
    const { group, client } = await served(t)
    const key = Buffer.from([0, 58, 255, 13, 10, 58])
    group.memory.set(key.toString('latin1'), Buffer.from('binary'))
    const one = await client()
    assert.equal(await one.call('GET', Buffer.concat([Buffer.from('g:'), key])), 'binary')
  })

  it('answers null for what the source does not have, and errors by their code', async (t) => {
    const { group, client } = await served(t)
    const one = await client()
    for (const [error, wanted] of [
      [new CacheError('NOT_FOUND', 'none'), null],
      [new CacheError('DEADLINE_EXCEEDED', 'late'), { error: 'TIMEOUT late' }],
      [new CacheError('UNAVAILABLE', 'moment'), { error: 'TRYAGAIN moment' }],
      [new CacheError('RESOURCE_EXHAUSTED', 'much'), { error: 'BUSY much' }],
      [new CacheError('UNKNOWN', 'getter failed'), { error: 'ERR getter failed' }],
    ] as const) {
      one.send('GET', 'k')
      await until('it waits', () => group.waiting.length === 1)
      group.fail('k', error)
      assert.deepEqual(await one.next(), wanted)
    }
    assert.deepEqual(await one.call('GET', 'no:such'), { error: 'NOGROUP group not found: "no"' })
    assert.deepEqual(await one.call('GET', 'g:'), { error: 'ERR The key is empty' })
  })

  it('reads what follows a delete afterwards', async (t) => {
    const { group, client } = await served(t)
    group.memory.set('k', Buffer.from('old'))
    const one = await client()
    one.socket.write(
      Buffer.concat([requestOf('GET', 'k'), requestOf('DEL', 'k', 'other'), requestOf('GET', 'k')]),
    )
    assert.equal(await one.next(), 'old')
    assert.equal(await one.next(), 2)
    assert.deepEqual(group.removed, ['k', 'other'])
    await until('it is loaded', () => group.waiting.length === 1)
    group.load('k', 'new')
    assert.equal(await one.next(), 'new')
  })

  it('answers MGET from memory and by loads together', async (t) => {
    const { group, client } = await served(t)
    group.memory.set('a', Buffer.from('1'))
    group.memory.set('c', Buffer.from('3'))
    const one = await client()
    one.send('MGET', 'a', 'g:b', 'c', 'd')
    await until('the rest waits', () => group.waiting.length === 3)
    for (const key of group.waiting) {
      if (key === 'd') group.fail(key)
      else group.load(key, key === 'b' ? '2' : '3')
    }
    assert.deepEqual(await one.next(), ['1', '2', '3', null])
    assert.deepEqual(await one.call('MGET', 'a', 'c', 'a'), ['1', '3', '1'])
  })

  it('bounds the reply of one request', async (t) => {
    const { group, client } = await served(t, { replyBytesMax: 1000 })
    group.memory.set('big', Buffer.alloc(400))
    const one = await client()
    const reply = await one.call('MGET', 'big', 'big', 'big')
    assert.deepEqual(reply, { error: 'BUSY The reply has over 1000 bytes: ask for fewer keys' })
    assert.equal(await one.call('PING'), 'PONG')
  })

  it('wants the password first, and little before it', async (t) => {
    const { client } = await served(t, {}, 'sesame')
    const one = await client()
    const noAuth = { error: 'NOAUTH Authentication required.' }
    assert.deepEqual(await one.call('GET', 'k'), noAuth)
    assert.deepEqual(await one.call('PING'), noAuth)
    assert.deepEqual(await one.call('NONSENSE'), noAuth)
    const wrong = { error: 'WRONGPASS invalid username-password pair or user is disabled.' }
    assert.deepEqual(await one.call('AUTH', 'sesam'), wrong)
    assert.deepEqual(await one.call('AUTH', 'admin', 'sesame'), wrong)
    assert.equal(await one.call('AUTH', 'sesame'), 'OK')
    assert.equal(await one.call('PING'), 'PONG')
    const two = await client()
    two.socket.write(`*1\r\n$20000\r\n`)
    assert.match(await two.closed(), /^-ERR Protocol error: invalid bulk length/)
    const three = await client()
    three.socket.write('*11\r\n')
    assert.match(await three.closed(), /^-ERR Protocol error: invalid multibulk length/)
    const four = await client()
    assert.ok('map' in ((await four.call('HELLO', '3', 'AUTH', 'default', 'sesame')) as object))
  })

  it('answers what was asked before the client closed its end', async (t) => {
    const { group, client } = await served(t)
    const one = await client()
    one.socket.end(Buffer.concat([requestOf('GET', 'k'), requestOf('PING')]))
    await until('it waits', () => group.waiting.length === 1)
    group.load('k', 'value')
    assert.equal(await one.closed(), '$5\r\nvalue\r\n+PONG\r\n')
  })

  it('leaves replies out as CLIENT REPLY says', async (t) => {
    const { client } = await served(t)
    const one = await client()
    one.send('CLIENT', 'REPLY', 'SKIP')
    one.send('ECHO', 'unseen')
    assert.equal(await one.call('ECHO', 'seen'), 'seen')
    one.send('CLIENT', 'REPLY', 'OFF')
    one.send('ECHO', 'unseen')
    assert.equal(await one.call('CLIENT', 'REPLY', 'ON'), 'OK')
    assert.equal(await one.call('PING'), 'PONG')
  })

  it('stops with what is under way answered', async (t) => {
    const { fixture, group, client } = await served(t)
    const [one, idle] = [await client(), await client()]
    assert.equal(await idle.call('PING'), 'PONG')
    one.send('GET', 'k')
    await until('it waits', () => group.waiting.length === 1)
    const stopped = fixture.server.shutdown(10_000)
    group.load('k', 'value')
    assert.equal(await one.next(), 'value')
    await stopped
    await Promise.all([one.closed(), idle.closed()])
  })
})
