import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { RespLimits } from '../../../src/main/resp/limits.js'
import { Prng, seedOf } from '../../support/prng.js'
import { RespClient, requestOf } from '../../support/resp-client.js'
import { RespFixture } from '../../support/resp-fixture.js'
import { until } from '../../support/until.js'

async function attacked(t: TestContext, limits: Partial<RespLimits> = {}) {
  const fixture = await RespFixture.start({ tickMs: 20, ...limits })
  const sockets: Socket[] = []
  t.after(async () => {
    for (const socket of sockets) socket.destroy()
    await fixture.close()
  })
  fixture.group.memory.set('k', Buffer.from('value'))
  const [host, port] = fixture.address.split(':')
  const open = async (bytes?: string | Uint8Array) => {
    const socket = connect({ host: host!, port: Number(port) })
    socket.on('error', () => {})
    sockets.push(socket)
    await once(socket, 'connect')
    if (bytes !== undefined) socket.write(bytes)
    return socket
  }
  const othersAreServed = async () => {
    const client = await RespClient.connect(fixture.address)
    assert.equal(await client.call('GET', 'k'), 'value')
    client.close()
  }
  return { fixture, open, othersAreServed }
}

describe('A server under attack', () => {
  const seed = seedOf()

  it('serves others beside idle connections by the thousand, and no more than it may', async (t) => {
    const { fixture, open, othersAreServed } = await attacked(t, { connectionsMax: 2001 })
    for (let i = 0; i < 20; i++) await Promise.all(Array.from({ length: 100 }, () => open()))
    await until('all are there', () => fixture.row.get('connections_open', ['resp']) === 2000)
    assert.equal(fixture.row.get('resp_held'), 0)
    await othersAreServed()
    await until('that one is gone', () => fixture.row.get('connections_open', ['resp']) === 2000)
    await open()
    const refused = await RespClient.connect(fixture.address)
    assert.match(await refused.closed(), /^-ERR max number of clients reached/)
  })

  for (const [what, bytes, limits, why] of [
    ['idle connections', undefined, { idleTimeoutMs: 100 }, /it was idle/],
    ['half-sent requests', '*2\r\n$3\r\nGET\r\n$5\r\nab', { requestTimeoutMs: 100 }, /took too long to come/],
  ] as const) {
    it(`closes ${what}`, async (t) => {
      const { fixture, open } = await attacked(t, limits)
      const socket = await open(bytes)
      socket.resume()
      await new Promise((resolve) => socket.once('close', resolve))
      assert.match(JSON.stringify(fixture.warnings), why)
    })
  }

  it('holds no more of half-sent requests than it may, all together', async (t) => {
    const limits = { totalBytesMax: 2_000_000, requestBytesMax: 100_000 }
    const { fixture, open, othersAreServed } = await attacked(t, limits)
    const half = Buffer.concat([Buffer.from('*2\r\n$3\r\nGET\r\n$90000\r\n'), Buffer.alloc(60_000, 'x')])
    for (let i = 0; i < 10; i++) await Promise.all(Array.from({ length: 20 }, () => open(half)))
    await until('some were dropped', () => fixture.row.get('connections_dropped', ['resp', 'memory']) > 100)
    assert.ok(fixture.row.get('resp_held') <= limits.totalBytesMax)
    await othersAreServed()
  })

  it('believes no announced length', async (t) => {
    const { fixture, open, othersAreServed } = await attacked(t)
    for (const bomb of [
      '*2\r\n$3\r\nGET\r\n$536870912\r\n',
      '*1048576\r\n',
      `*3\r\n*3\r\n*3\r\n`,
      '*-x\r\n',
    ]) {
      const socket = await open(bomb)
      const [answer] = (await once(socket, 'data')) as [Buffer]
      assert.match(String(answer), /^-ERR /)
    }
    await open(`*60000\r\n${'$0\r\n\r\n'.repeat(59_999)}`)
    await othersAreServed()
    assert.ok(fixture.row.get('resp_held') < 1_000_000)
  })

  it('looks up no names by the thousand', async (t) => {
    const { fixture } = await attacked(t)
    const client = await RespClient.connect(fixture.address)
    t.after(() => client.close())
    const many = new Array<string>(5000).fill('client')
    for (const asked of [
      ['COMMAND', 'INFO'],
      ['COMMAND', 'DOCS'],
      ['CONFIG', 'GET'],
    ]) {
      assert.deepEqual(await client.call(...asked, ...many), { error: 'ERR 5000 names, the limit is 256' })
    }
  })

  it('reads no further while a client does not read, and drops it in the end', async (t) => {
    const limits = { writeStallTimeoutMs: 100, readBytesPerSecondMin: 1e9, unsentBytesMax: 100_000 }
    const { fixture, open, othersAreServed } = await attacked(t, limits)
    fixture.group.memory.set('big', Buffer.alloc(50_000))
    const slow = await open()
    slow.pause()
    const requests = Buffer.concat(Array.from({ length: 5000 }, () => requestOf('GET', 'big')))
    slow.write(requests)
    await until('it is dropped', () => fixture.row.get('connections_dropped', ['resp', 'slow']) === 1)
    assert.match(JSON.stringify(fixture.warnings), /it does not read its replies/)
    assert.ok(fixture.row.get('requests', ['resp', 'hit']) < 5000, 'it was not read to its end')
    await othersAreServed()
  })

  it('holds no more for clients that do not read than it may, all together', async (t) => {
    const limits = { totalBytesMax: 2_000_000, unsentBytesMax: 200_000 }
    const { fixture, open, othersAreServed } = await attacked(t, limits)
    fixture.group.memory.set('big', Buffer.alloc(50_000))
    const requests = Buffer.concat(Array.from({ length: 1000 }, () => requestOf('GET', 'big')))
    for (let i = 0; i < 20; i++) (await open(requests)).pause()
    await until('some were dropped', () => fixture.row.get('connections_dropped', ['resp', 'memory']) > 5)
    assert.ok(fixture.row.get('resp_held') <= limits.totalBytesMax)
    await othersAreServed()
  })

  it('keeps requests that wait within their bound', async (t) => {
    const { fixture, open } = await attacked(t, { waitingMax: 10 })
    await open(Buffer.concat(Array.from({ length: 200 }, (_, i) => requestOf('GET', `miss${i}`))))
    await until('ten wait', () => fixture.group.waiting.length === 10)
    await fixture.close()
    assert.equal(fixture.group.waiting.length, 10)
  })

  it('outlives random bytes', async (t) => {
    const { fixture, open, othersAreServed } = await attacked(t)
    const random = new Prng(seed)
    for (let i = 0; i < 200; i++) {
      const whole = Buffer.concat([
        requestOf('GET', 'k'),
        requestOf('CLIENT', 'TRACKING', 'ON'),
        requestOf('MGET', 'k', 'k'),
      ])
      for (let n = random.below(6); n >= 0; n--) whole[random.below(whole.length)] = random.below(256)
      const socket = await open(whole)
      socket.destroy()
    }
    await othersAreServed()
    assert.deepEqual(fixture.faults, [])
  })
})
