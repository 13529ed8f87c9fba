import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import type { RespLimits } from '../../../src/main/resp/limits.js'
import type { DropCause, OutcomeName } from '../../../src/shared/node-metrics.js'
import { RespClient } from '../../support/resp-client.js'
import { RespFixture } from '../../support/resp-fixture.js'
import { until } from '../../support/until.js'

async function served(t: TestContext, limits: Partial<RespLimits> = {}, password?: string) {
  const fixture = await RespFixture.start({ tickMs: 20, ...limits }, password)
  fixture.group.memory.set('k', Buffer.from('value'))
  const client = await RespClient.connect(fixture.address)
  t.after(async () => {
    client.close()
    await fixture.close()
  })
  const { row } = fixture
  return { fixture, client, row, requests: (outcome: OutcomeName) => row.get('requests', ['resp', outcome]) }
}

describe('Counters of the Redis protocol', () => {
  it('count requests by how they ended, each key of one for many', async (t) => {
    const { fixture, client, requests } = await served(t)
    await client.call('GET', 'k')
    await client.call('MGET', 'k', 'k')
    client.send('GET', 'no')
    await until('it waits', () => fixture.group.waiting.length === 1)
    fixture.group.fail('no')
    await client.next()
    await client.call('PING')
    await client.call('INFO')
    await client.call('DEL', 'k', 'g:other')
    await client.call('OBJECT', 'FREQ', 'k')
    for (const wrong of [['NONSENSE'], ['GET'], ['GET', 'g:'], ['SELECT', 'x']]) await client.call(...wrong)
    await client.call('GET', 'no:such')
    const counted = ['hit', 'not_found', 'done', 'invalid'] as const
    assert.deepEqual(counted.map(requests), [3, 2, 5, 4])
    const info = String(await client.call('INFO', 'stats'))
    assert.match(info, /total_commands_processed:15\r\ntotal_error_replies:4\r\n/)
  })

  it('count what is no request as a breach of the protocol', async (t) => {
    const { client, row } = await served(t)
    client.socket.write('*x\r\n')
    await client.closed()
    assert.equal(row.get('protocol_errors', ['resp']), 1)
  })

  for (const [cause, limits, bytes] of [
    ['idle', { idleTimeoutMs: 40 }, ''],
    ['unfinished', { requestTimeoutMs: 40 }, '*2\r\n'],
    ['stranger', { requestTimeoutMs: 40 }, ''],
    ['memory', { connectionBytesMax: 1000 }, `*1\r\n$2000\r\n${'x'.repeat(1500)}`],
    ['slow', { writeStallTimeoutMs: 40, readBytesPerSecondMin: 1e9 }, 'GET big\r\n'.repeat(2000)],
  ] as readonly (readonly [DropCause, Partial<RespLimits>, string])[]) {
    it(`tell of a client that is dropped: ${cause}`, async (t) => {
      const { fixture, row } = await served(t, limits, cause === 'stranger' ? 'sesame' : undefined)
      fixture.group.memory.set('big', Buffer.alloc(50_000))
      const socket = connect(Number(fixture.address.split(':')[1]), '127.0.0.1')
      t.after(() => socket.destroy())
      socket.on('error', () => {})
      socket.write(bytes)
      // Two where the client of the test is one of them.
      const dropped = cause === 'idle' || cause === 'stranger' ? 2 : 1
      await until('it is dropped', () => row.get('connections_dropped', ['resp', cause]) === dropped)
      await until('nothing of it is held', () => row.get('resp_held') === 0)
      assert.equal(row.get('connections_open', ['resp']), 2 - dropped)
    })
  }

  it('tell of copies that clients keep, and of those that they are told to drop', async (t) => {
    const { fixture, client, row } = await served(t)
    const tracked = () => [
      row.get('resp_tracking_clients'),
      row.get('resp_tracked_keys'),
      row.get('resp_invalidations'),
    ]
    await client.call('CLIENT', 'TRACKING', 'ON')
    assert.deepEqual(tracked(), [1, 0, 0])
    await client.call('GET', 'k')
    assert.deepEqual(tracked(), [1, 1, 0])
    fixture.invalidations.tell('g', ['k', 'other'])
    assert.deepEqual(tracked(), [1, 0, 1])
    await client.call('GET', 'k')
    client.close()
    await until('it is gone', () => row.get('resp_tracking_clients') === 0)
    assert.deepEqual(tracked(), [0, 0, 1])
  })
})
