import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { Redis } from 'ioredis'
import { BasicClientSideCache, createClient } from 'redis'
import { type Node, startNode } from '../../../src/main/node.js'
import { until } from '../../support/until.js'

const VALUES: Readonly<Record<string, string>> = {
  Tom: '630',
  Tom1: '631',
  empty: '',
  'with:colon': 'yes',
  text: 'Grüße',
}

describe("Other people's clients", () => {
  let node: Node
  let port = 0
  before(async () => {
    node = await startNode({ self: '127.0.0.1:0', resp: '127.0.0.1:0', respPassword: 'sesame', workers: 1 })
    await node.group('scores', { maxBytes: 1 << 20, getter: (key) => VALUES[key] ?? null })
    port = Number(node.addresses.RESP!.split(':').at(-1))
  })
  after(() => node.close())

  it('ioredis reads, pipelines, and hears what is refused', async () => {
    const client = new Redis({ port, password: 'sesame' })
    try {
      assert.equal(await client.get('scores:Tom'), '630')
      assert.equal(await client.get('scores:with:colon'), 'yes')
      assert.equal(await client.get('scores:nobody'), null)
      assert.deepEqual(await client.mget('scores:Tom', 'scores:nobody', 'scores:Tom1'), ['630', null, '631'])
      const pipeline = client.pipeline()
      for (let i = 0; i < 1000; i++) pipeline.get(i % 2 === 0 ? 'scores:Tom' : `scores:missing${i}`)
      const results = await pipeline.exec()
      assert.ok(
        results!.every(([error, value], i) => error === null && value === (i % 2 === 0 ? '630' : null)),
      )
      assert.equal(await client.exists('scores:Tom', 'scores:nobody'), 1)
      assert.equal(await client.ttl('scores:Tom'), -1)
      assert.equal(await client.strlen('scores:text'), 7)
      assert.equal(await client.getrange('scores:text', 0, 1), 'Gr')
      assert.equal(await client.del('scores:Tom'), 1)
      await assert.rejects(client.set('scores:Tom', '1'), /READONLY/)
      assert.deepEqual(await client.getBuffer('scores:empty'), Buffer.alloc(0))
    } finally {
      client.disconnect()
    }
  })

  for (const RESP of [2, 3] as const) {
    it(`node-redis reads over RESP${RESP}`, async () => {
      const client = createClient({ socket: { port, host: '127.0.0.1' }, password: 'sesame', RESP })
      client.on('error', () => {})
      await client.connect()
      try {
        assert.equal(await client.get('scores:Tom'), '630')
        assert.equal(await client.get('scores:nobody'), null)
        assert.deepEqual(await client.mGet(['scores:Tom', 'scores:Tom1']), ['630', '631'])
        assert.deepEqual(
          await Promise.all(Array.from({ length: 500 }, () => client.get('scores:Tom'))),
          new Array(500).fill('630'),
        )
        assert.equal(await client.type('scores:Tom'), 'string')
        assert.equal(await client.ping(), 'PONG')
        assert.match(await client.info('server'), /geek_cache_version/)
        await assert.rejects(client.set('scores:Tom', '1'), /READONLY/)
      } finally {
        client.destroy()
      }
    })
  }

  it('node-redis keeps copies, and drops them when they change', async () => {
    const clientSideCache = new BasicClientSideCache({ ttl: 0, maxEntries: 100, evictPolicy: 'LRU' })
    const client = createClient({
      socket: { port, host: '127.0.0.1' },
      password: 'sesame',
      RESP: 3,
      clientSideCache,
    })
    client.on('error', () => {})
    await client.connect()
    try {
      const group = node.findGroup('scores')!
      await until('a copy is kept', async () => {
        await client.get('scores:Tom1')
        return clientSideCache.stats().hitCount > 0
      })
      const invalidated = new Promise<void>((resolve) => clientSideCache.once('invalidate', () => resolve()))
      await group.delete('Tom1')
      await invalidated
      assert.equal(await client.get('scores:Tom1'), '631')
    } finally {
      client.destroy()
    }
  })
})
