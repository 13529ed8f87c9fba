import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { Etcd3 } from 'etcd3'
import { EtcdConnection, type EtcdEvent } from '../../../src/main/cluster/etcd-connection.js'
import { Etcd } from '../../support/etcd.js'

describe('EtcdConnection', { timeout: 30_000 }, () => {
  let etcd: Etcd
  let client: Etcd3
  before(async () => {
    etcd = await Etcd.start()
    client = new Etcd3({ hosts: etcd.host })
  })
  after(async () => {
    client?.close()
    await etcd?.close()
  })
  beforeEach(() => client.delete().all())

  function connect(onFault: () => void = () => assert.fail()): EtcdConnection {
    return new EtcdConnection(etcd.host, 1000, onFault)
  }

  test('lists what is under a prefix, and tells every change after the list in order', async () => {
    await client.put('p/1').value('one')
    await client.put('p0').value('no')
    await client.put('p').value('no')
    const connection = connect()
    const { entries, truncated, revision } = await connection.list('p/', 10)
    assert.deepEqual(
      entries.map(({ name, value }) => [name, String(value)]),
      [['1', 'one']],
    )
    assert.equal(truncated, false)

    // What happens between list and watch must not be lost.
    for (let round = 0; round < 20; round++) {
      await client.put('p/2').value(String(round))
      await client.delete().key('p/2')
    }
    await client.put('p0').value('no')
    const events: EtcdEvent[] = []
    await new Promise<void>((resolve, reject) => {
      const take = (batch: EtcdEvent[]) => {
        events.push(...batch)
        if (events.length === 41) resolve()
      }
      connection.watch('p/', revision, take).then(() => client.put('p/end').value(''), reject)
    })
    const told = events.map((event) => (event.type === 'put' ? `+${event.entry.value}` : `-${event.name}`))
    assert.deepEqual(told, [...Array.from({ length: 20 }, (_, round) => [`+${round}`, '-2']).flat(), '+'])
    connection.close()
  })

  test('ends the watch before with a new one', async () => {
    const connection = connect()
    const { revision } = await connection.list('p/', 1)
    let toldFirst = 0
    await connection.watch('p/', revision, () => toldFirst++)
    await new Promise<void>((resolve, reject) => {
      const take = (events: EtcdEvent[]) => {
        if (events.some((event) => event.type === 'put' && event.entry.name === 'last')) resolve()
      }
      const change = async () => {
        await client.put('p/1').value('')
        await client.put('p/last').value('')
      }
      connection.watch('p/', revision, take).then(change).catch(reject)
    })
    assert.equal(toldFirst, 0)
    connection.close()
  })

  test('says when there is more than was asked for', async () => {
    for (const name of ['c', 'a', 'b']) await client.put(`p/${name}`).value('')
    const connection = connect()
    const { entries, truncated } = await connection.list('p/', 2)
    assert.deepEqual(
      entries.map(({ name }) => name),
      ['a', 'b'],
    )
    assert.equal(truncated, true)
    connection.close()
  })

  test('keeps a lease alive, and says when there is none', async () => {
    const connection = connect()
    const { leaseId, ttlMs } = await connection.grantLease(2)
    assert.equal(ttlMs, 2000)
    await connection.put('p/1', Buffer.from('x'), leaseId)
    assert.equal(await connection.keepAlive(leaseId), true)
    await connection.revokeLease(leaseId)
    assert.equal(await connection.keepAlive(leaseId), false)
    assert.equal(await client.get('p/1'), null)
    await assert.rejects(connection.put('p/1', Buffer.from('x'), leaseId), { code: 'UNAVAILABLE' })
    connection.close()
  })

  test('fails a watch that starts at a revision that was compacted away', async () => {
    const { header } = await client.put('p/1').value('1')
    await client.put('p/1').value('2')
    const { header: latest } = await client.put('p/1').value('3')
    await client.kv.compact({ revision: latest.revision, physical: true })
    const connection = await new Promise<EtcdConnection>((resolve, reject) => {
      const faulty = connect(() => resolve(faulty))
      // etcd first agrees to the watch, then cancels it.
      faulty.watch('p/', header.revision, () => reject(new Error('Told of a change'))).catch(() => undefined)
    })
    assert.throws(() => connection.throwIfFaulty(), { code: 'UNAVAILABLE', message: /compacted/ })
    connection.close()
  })

  test('gives up a call after its time when etcd stands still', async () => {
    const connection = new EtcdConnection(etcd.host, 200, () => assert.fail())
    const { leaseId } = await connection.grantLease(2)
    etcd.freeze()
    await Promise.all([
      assert.rejects(connection.grantLease(2), { code: 'UNAVAILABLE' }),
      assert.rejects(connection.keepAlive(leaseId), { code: 'UNAVAILABLE' }),
      assert.rejects(connection.list('p/', 1), { code: 'UNAVAILABLE' }),
      assert.rejects(
        connection.watch('p/', '1', () => assert.fail()),
        { code: 'UNAVAILABLE' },
      ),
    ])
    connection.close()
    etcd.thaw()
    const another = connect()
    await another.list('p/', 1)
    another.close()
  })
})
