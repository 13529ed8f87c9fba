import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, it } from 'node:test'
import { WebSocket } from 'ws'
import { type CacheClient, connect } from '../../../../src/client/index.js'
import { FRAME_BYTES_MAX } from '../../../../src/main/http/live/live-limits.js'
import { type Node, startNode } from '../../../../src/main/index.js'
import { CacheError } from '../../../../src/shared/errors.js'

const isCode = (code: string) => (thrown: unknown) => thrown instanceof CacheError && thrown.code === code

for (const httpEngine of ['uws', 'node'] as const) {
  describe(`A node that is watched over ${httpEngine}`, () => {
    let node: Node
    let client: CacheClient

    const countOf = (outcome: string) =>
      node.stats().find(({ name, labels }) => {
        return name === 'requests' && labels?.front === 'ws' && labels.outcome === outcome
      })?.value

    before(async () => {
      node = await startNode({ self: '127.0.0.1:0', http: '127.0.0.1:0', httpEngine, workers: 2 })
      const getter = (key: string) => (key === 'none' ? null : `value of ${key}`)
      await node.group('scores', { maxBytes: 4 << 20, ttlMs: 60_000, getter })
      client = connect(`ws://${node.addresses.HTTP}/v1/ws`, { WebSocket })
    })
    after(async () => {
      client.close()
      await node.close()
    })

    it('loads, then hits in place, deletes, explains', async () => {
      const scores = client.group('scores')
      const first = await scores.fetch('Tom')
      const second = await scores.fetch('Tom')
      assert.deepEqual([first.outcome, second.outcome], ['load', 'hit'])
      assert.equal(Buffer.from(second.value).toString(), 'value of Tom')
      assert.ok(second.ttlLeftMs > 0 && second.ttlLeftMs <= 60_000)
      assert.deepEqual(['hit', 'load'].map(countOf), [1, 1])
      assert.equal((await scores.explain('Tom')).present, true)
      await scores.delete('Tom')
      assert.equal((await scores.explain('Tom')).present, false)
      await assert.rejects(scores.get('none'), isCode('NOT_FOUND'))
      await assert.rejects(scores.get(''), isCode('INVALID_ARGUMENT'))
      await assert.rejects(scores.get(new Uint8Array(70_000)), isCode('INVALID_ARGUMENT'))
      await assert.rejects(client.group('nobody').get('Tom'), isCode('NOT_FOUND'))
    })

    it('tells of keys that changed, to who watches them', async () => {
      const scores = client.group('scores')
      const changed = new Promise((resolve) => {
        const onWatching = async () => {
          await scores.get('watched')
          await node.findGroup('scores')!.delete('watched')
        }
        scores.watch(resolve, { prefix: 'watch', onWatching })
      })
      assert.deepEqual(await changed, [new Uint8Array(Buffer.from('watched'))])
    })

    it('tells of its counters', async () => {
      const counters = await new Promise<{ name: string }[]>((resolve) => {
        const stop = client.watchStats(({ counters: of }) => {
          stop()
          resolve([...of])
        })
      })
      assert.ok(counters.some(({ name }) => name === 'gets'))
    })

    it('refuses pages of other origins, not its own', async () => {
      const url = `ws://${node.addresses.HTTP}/v1/ws`
      for (const origin of ['http://other.example', 'null', `http://${node.addresses.HTTP}.example`]) {
        const socket = new WebSocket(url, { origin })
        const [error] = (await once(socket, 'error')) as [Error]
        assert.match(error.message, /403/, origin)
      }
      const refused = node.stats().find(({ name, labels }) => {
        return name === 'connections_refused' && labels?.front === 'ws'
      })
      assert.equal(refused?.value, 3)
      const own = new WebSocket(url, { origin: `http://${node.addresses.HTTP}` })
      await once(own, 'open')
      own.terminate()
    })

    it('closes on messages that are none of the protocol, or too long', async () => {
      for (const message of ['text', Buffer.from([0xff]), Buffer.alloc(FRAME_BYTES_MAX + 1)]) {
        const socket = new WebSocket(`ws://${node.addresses.HTTP}/v1/ws`)
        socket.on('error', () => {})
        await once(socket, 'open')
        socket.send(message)
        const [code] = (await once(socket, 'close')) as [number]
        assert.ok([4002, 4003, 1006, 1009].includes(code), String(code))
      }
    })

    it('serves the page, which loads from here alone', async () => {
      const page = await fetch(`http://${node.addresses.HTTP}/`)
      assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8')
      assert.match(
        page.headers.get('content-security-policy') ?? '',
        /^default-src 'none'; script-src 'self'/,
      )
      const html = await page.text()
      const assets = [...html.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path!)
      assert.ok(assets.length >= 5)
      for (const path of [...assets, '/ui/client/index.js', '/ui/dashboard/vendor/uplot.js']) {
        const { status, headers } = await fetch(`http://${node.addresses.HTTP}${path}`)
        assert.equal(status, 200, path)
        const again = { headers: { 'if-none-match': headers.get('etag')! } }
        assert.equal((await fetch(`http://${node.addresses.HTTP}${path}`, again)).status, 304, path)
      }
      for (const path of ['/ui/main/node.js', '/ui/../package.json', '/ui/client/../main/node.js', '/ui/']) {
        assert.equal((await fetch(`http://${node.addresses.HTTP}${path}`)).status, 404, path)
      }
    })
  })
}

describe('A node whose operator has an address of his own', () => {
  it('serves data at one, the page and what it asks for at the other', async () => {
    const node = await startNode({
      self: '127.0.0.1:0',
      http: '127.0.0.1:0',
      admin: '127.0.0.1:0',
      workers: 1,
    })
    const data = connect(`ws://${node.addresses.HTTP}/v1/ws`, { WebSocket })
    const control = connect(`ws://${node.addresses.admin}/v1/ws`, { WebSocket })
    try {
      await node.group('scores', { maxBytes: 1 << 20, getter: () => 'x' })
      assert.equal((await data.group('scores').get('Tom')).length, 1)
      await assert.rejects(data.group('scores').delete('Tom'), isCode('UNIMPLEMENTED'))
      await assert.rejects(data.stats(), isCode('UNIMPLEMENTED'))
      await assert.rejects(control.group('scores').get('Tom'), isCode('UNIMPLEMENTED'))
      await control.group('scores').delete('Tom')
      assert.equal((await control.ring()).members.length, 1)
      assert.equal((await fetch(`http://${node.addresses.HTTP}/`)).status, 404)
      assert.equal((await fetch(`http://${node.addresses.admin}/`)).status, 200)
    } finally {
      data.close()
      control.close()
      await node.close()
    }
  })
})
