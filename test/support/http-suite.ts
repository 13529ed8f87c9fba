import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import { batchRequestCodec, batchResponseCodec } from '../../src/main/http/batch-protobuf.js'
import { type Node, startNode } from '../../src/main/node.js'
import type { NodeOptions } from '../../src/main/node-options.js'
import { GatedGetter } from './gated-getter.js'
import { ask, askRaw, openRaw } from './http-client.js'
import { RecordedLog } from './recorded-log.js'

const BINARY_KEY = Uint8Array.of(0, 0xff, 0x2f, 0x25, 0x20, 0x80, 0x3a)
const BINARY_PATH = '%00%FF%2f%25%20%80%3A'
const LARGE_BYTES = 3 * 1024 * 1024

interface Problem {
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code?: string
}

/** What a node answers over HTTP, whichever server it does it with: real sockets, real threads. */
export function httpSuite(engine: 'uws' | 'node'): void {
  async function start(t: TestContext, options: NodeOptions = {}): Promise<Node & { readonly http: string }> {
    const node = await startNode({
      self: '127.0.0.1:0',
      http: '127.0.0.1:0',
      httpEngine: engine,
      workers: 1,
      ...options,
    })
    t.after(() => node.close())
    return Object.assign(node, { http: node.addresses.HTTP! })
  }

  async function startWithGroup(t: TestContext, options: NodeOptions = {}) {
    const node = await start(t, options)
    await node.group('g', {
      maxBytes: 64 << 20,
      getter: (key) => {
        if (key === 'missing') return null
        if (key === 'broken') throw new Error('The source is broken')
        if (key === 'large') return Buffer.alloc(LARGE_BYTES, 'abcdefgh')
        if (key === 'empty') return ''
        if (key === 'timed') return { value: 'for a minute', ttlMs: 60_000 }
        return `value of ${key}`
      },
    })
    return node
  }

  const keyPath = (key: string, group = 'g') => `/v1/groups/${group}/keys/${key}`

  test('a value is loaded, then hit, with all that HTTP tells of it', async (t) => {
    const { http } = await startWithGroup(t)
    const miss = await ask(http, keyPath('timed'))
    assert.equal(miss.status, 200)
    assert.equal(miss.body.toString(), 'for a minute')
    assert.equal(miss.headers['x-cache'], 'miss')
    const hit = await ask(http, keyPath('timed'))
    assert.equal(hit.body.toString(), 'for a minute')
    assert.equal(hit.headers['x-cache'], 'hit')
    assert.equal(hit.headers['content-type'], 'application/octet-stream')
    assert.equal(hit.headers['x-content-type-options'], 'nosniff')
    assert.equal(hit.headers['access-control-allow-origin'], undefined)
    assert.equal(hit.headers['content-length'], '12')
    assert.equal(hit.headers.etag, miss.headers.etag)
    assert.match(hit.headers.etag!, /^"[0-9a-f]{16}"$/)
    assert.match(hit.headers.age!, /^\d+$/)
    assert.ok(Number(/^max-age=(\d+)$/.exec(hit.headers['cache-control']!)![1]) <= 60)
  })

  test('HEAD answers as GET does, without the body', async (t) => {
    const { http } = await startWithGroup(t)
    const get = await ask(http, keyPath('k'))
    const head = await ask(http, keyPath('k'), { method: 'HEAD' })
    assert.equal(head.status, 200)
    assert.equal(head.body.length, 0)
    assert.equal(head.headers['content-length'], String(get.body.length))
    assert.equal(head.headers.etag, get.headers.etag)
    assert.equal((await ask(http, keyPath('missing'), { method: 'HEAD' })).status, 404)
  })

  test('a client that has the value is told so', async (t) => {
    const { http } = await startWithGroup(t)
    const { headers } = await ask(http, keyPath('k'))
    for (const tags of [headers.etag!, `"other", W/${headers.etag}`, '*']) {
      const answer = await ask(http, keyPath('k'), { headers: { 'if-none-match': tags } })
      assert.equal(answer.status, 304, tags)
      assert.equal(answer.body.length, 0)
      assert.equal(answer.headers.etag, headers.etag)
    }
    assert.equal((await ask(http, keyPath('k'), { headers: { 'if-none-match': '"other"' } })).status, 200)
  })

  test('a range of a value is answered in part, and whole when it is none', async (t) => {
    const { http } = await startWithGroup(t)
    const { headers } = await ask(http, keyPath('k'))
    const whole = 'value of k'
    const of = (range: string, more = {}) => ask(http, keyPath('k'), { headers: { range, ...more } })
    for (const [range, part, where] of [
      ['bytes=0-0', 'v', '0-0'],
      ['bytes=6-', 'of k', '6-9'],
      ['bytes=-1', 'k', '9-9'],
      ['bytes=2-999', whole.slice(2), '2-9'],
      ['bytes=-999', whole, '0-9'],
    ] as const) {
      const answer = await of(range)
      assert.equal(answer.status, 206, range)
      assert.equal(answer.body.toString(), part)
      assert.equal(answer.headers['content-range'], `bytes ${where}/10`)
    }
    for (const range of ['bytes=5-2', 'bytes=0-1,3-4', 'lines=0-1', 'bytes=-', 'bytes=x-1']) {
      const answer = await of(range)
      assert.equal(answer.status, 200, range)
      assert.equal(answer.body.toString(), whole)
    }
    const beyond = await of('bytes=10-')
    assert.equal(beyond.status, 416)
    assert.equal(beyond.headers['content-range'], 'bytes */10')
    assert.equal((await of('bytes=0-0', { 'if-range': headers.etag! })).status, 206)
    assert.equal((await of('bytes=0-0', { 'if-range': '"other"' })).status, 200)
  })

  test('keys are bytes', async (t) => {
    const node = await start(t)
    const asked: string[] = []
    await node.group('a/b ü', {
      maxBytes: 1 << 20,
      getter: (_key, { keyBytes }) => {
        asked.push(Buffer.from(keyBytes).toString('hex'))
        return keyBytes
      },
    })
    const path = keyPath(BINARY_PATH, 'a%2Fb%20%C3%BC')
    for (const _ of ['load', 'hit']) {
      const answer = await ask(node.http, path)
      assert.equal(answer.status, 200)
      assert.deepEqual(new Uint8Array(answer.body), BINARY_KEY)
    }
    assert.deepEqual(asked, [Buffer.from(BINARY_KEY).toString('hex')])
    assert.equal((await ask(node.http, keyPath('user:1', 'a%2Fb%20%C3%BC'))).body.toString(), 'user:1')
    assert.equal(
      (await ask(node.http, keyPath('x%3Aexplain', 'a%2Fb%20%C3%BC'))).body.toString(),
      'x:explain',
    )
    assert.equal((await ask(node.http, keyPath('..%2f..', 'a%2Fb%20%C3%BC'))).body.toString(), '../..')
  })

  test('what is wrong with a request is told as a problem', async (t) => {
    const { http } = await startWithGroup(t, { keyBytesMax: 100 })
    for (const [path, status, code] of [
      [keyPath('missing'), 404, 'NOT_FOUND'],
      [keyPath('k', 'nobody'), 404, 'NOT_FOUND'],
      [keyPath('broken'), 502, 'UNKNOWN'],
      [keyPath('k'.repeat(101)), 400, 'INVALID_ARGUMENT'],
      [keyPath('%zz'), 400, 'INVALID_ARGUMENT'],
      [keyPath('%4'), 400, 'INVALID_ARGUMENT'],
      [keyPath('k', '%ff'), 400, 'INVALID_ARGUMENT'],
      [keyPath(''), 404, undefined],
      ['/nothing', 404, undefined],
      ['/v1/../etc/passwd', 404, undefined],
      [`/${'a/'.repeat(500)}`, 404, undefined],
      [keyPath('k%2Fl/m'), 404, undefined],
    ] as const) {
      const answer = await ask(http, path)
      const problem = answer.json<Problem>()
      assert.equal(answer.status, status, path)
      assert.equal(answer.headers['content-type'], 'application/problem+json')
      assert.equal(problem.status, status)
      assert.equal(problem.code, code)
      assert.notEqual(problem.detail, '')
    }
  })

  test('a method that a path does not have is refused, and those that it has are told', async (t) => {
    const { http } = await startWithGroup(t)
    for (const method of ['POST', 'PUT', 'OPTIONS', 'PATCH']) {
      const answer = await ask(http, keyPath('k'), { method })
      assert.equal(answer.status, 405, method)
      assert.equal(answer.headers.allow, 'DELETE, GET, HEAD')
    }
    assert.equal((await ask(http, '/v1/groups/g/keys:batchGet')).status, 405)
  })

  test('a key is deleted, whether it is there or not', async (t) => {
    const { http } = await startWithGroup(t)
    await ask(http, keyPath('k'))
    for (const _ of ['there', 'gone']) {
      const answer = await ask(http, keyPath('k'), { method: 'DELETE' })
      assert.equal(answer.status, 204)
      assert.equal(answer.body.length, 0)
    }
    assert.equal((await ask(http, keyPath('k'))).headers['x-cache'], 'miss')
  })

  test('a batch has an entry for each key, in JSON', async (t) => {
    const { http } = await startWithGroup(t)
    const keys = ['a', 'missing', '', 'empty'].map((key) => Buffer.from(key).toString('base64'))
    const batch = (verb: string, body: string, type = 'application/json; charset=utf-8') =>
      ask(http, `/v1/groups/g/keys:${verb}`, { method: 'POST', headers: { 'content-type': type }, body })
    const got = await batch('batchGet', JSON.stringify({ keys }))
    assert.equal(got.status, 200)
    const { entries } = got.json<{
      entries: { key: string; value?: string; failure?: Problem; cache?: string }[]
    }>()
    assert.deepEqual(
      entries.map(({ value, failure }) => value ?? failure?.code),
      [Buffer.from('value of a').toString('base64'), 'NOT_FOUND', 'INVALID_ARGUMENT', ''],
    )
    assert.deepEqual(
      entries.map(({ key }) => key),
      keys,
    )
    const deleted = await batch('batchDelete', JSON.stringify({ keys: keys.slice(0, 1) }))
    assert.deepEqual(deleted.json(), { entries: [{ key: keys[0] }] })
    assert.equal((await ask(http, keyPath('a'))).headers['x-cache'], 'miss')
    for (const body of [
      '',
      '{',
      '[]',
      'null',
      '{"keys":1}',
      '{"keys":["*"]}',
      '{"keys":["YQ"]}',
      '{"keys":[1]}',
    ]) {
      assert.equal((await batch('batchGet', body)).status, 400, body)
    }
    const many = JSON.stringify({ keys: new Array(10_001).fill('YQ==') })
    assert.equal((await batch('batchGet', many)).status, 400)
    // What a page of another site can have a browser send.
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', '']) {
      assert.equal((await batch('batchDelete', JSON.stringify({ keys }), type)).status, 415)
    }
  })

  test('a batch has an entry for each key, in protobuf', async (t) => {
    const { http } = await startWithGroup(t)
    const post = (body: Uint8Array) =>
      ask(http, '/v1/groups/g/keys:batchGet', {
        method: 'POST',
        headers: { 'content-type': 'application/x-protobuf' },
        body,
      })
    const answer = await post(
      batchRequestCodec.encode({ keys: ['timed', 'missing'].map((key) => Buffer.from(key)) }),
    )
    assert.equal(answer.headers['content-type'], 'application/x-protobuf')
    const [timed, missing] = batchResponseCodec.decode(answer.body).entries
    assert.equal(Buffer.from(timed!.value!).toString(), 'for a minute')
    assert.ok(timed!.ttlLeftMs! <= 60_000)
    assert.deepEqual([missing!.failure!.code, missing!.failure!.status], ['NOT_FOUND', 404])
    assert.equal((await post(Uint8Array.of(0x0a, 0xff))).status, 400)
  })

  test('bodies are bounded, wherever their length is told', async (t) => {
    const { http } = await startWithGroup(t)
    const head =
      'POST /v1/groups/g/keys:batchGet HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n'
    const tooLong = await askRaw(http, `${head}content-length: 4194305\r\n\r\n`)
    assert.match(tooLong, /^HTTP\/1.1 413 /)
    assert.match(tooLong, /connection: close/i)
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
    assert.match(
      await askRaw(http, `${head}transfer-encoding: chunked\r\n\r\n${chunk.repeat(70)}`),
      /^HTTP\/1.1 413 /,
    )
    const unwanted = `GET ${keyPath('k')} HTTP/1.1\r\nhost: localhost\r\ncontent-length: 5\r\n\r\nhello`
    assert.match(await askRaw(http, unwanted), /^HTTP\/1.1 413 /)
  })

  test('a client may wait for the word to go on with its body', async (t) => {
    const { http } = await startWithGroup(t)
    const socket = await openRaw(http)
    t.after(() => socket.destroy())
    const body = '{"keys":["YQ=="]}'
    socket.write(
      `POST /v1/groups/g/keys:batchGet HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\nexpect: 100-continue\r\ncontent-length: ${body.length}\r\n\r\n`,
    )
    const [interim] = (await once(socket, 'data')) as [Buffer]
    assert.match(interim.toString(), /^HTTP\/1.1 100 Continue/)
    socket.write(body)
    const [answer] = (await once(socket, 'data')) as [Buffer]
    assert.match(answer.toString(), /HTTP\/1.1 200 OK/)
    const refused = await ask(http, '/v1/groups/g/keys:batchGet', {
      method: 'POST',
      headers: { expect: 'cake' },
    })
    assert.equal(refused.status, 417)
  })

  test('a value of megabytes arrives whole, also at a reader that takes its time', async (t) => {
    const { http } = await startWithGroup(t)
    const expected = Buffer.alloc(LARGE_BYTES, 'abcdefgh')
    for (const _ of ['load', 'hit']) assert.ok((await ask(http, keyPath('large'))).body.equals(expected))
    const socket = await openRaw(http)
    socket.pause()
    socket.write(`GET ${keyPath('large')} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`)
    // The node answers others while this one does not read.
    assert.equal((await ask(http, keyPath('k'))).status, 200)
    const parts: Buffer[] = []
    for await (const part of socket) {
      parts.push(part as Buffer)
      if (parts.reduce((sum, { length }) => sum + length, 0) > LARGE_BYTES) break
    }
    const whole = Buffer.concat(parts)
    assert.ok(whole.subarray(whole.length - LARGE_BYTES).equals(expected))
  })

  test('requests that come together are answered in their order', async (t) => {
    const { http } = await startWithGroup(t)
    for (const key of ['a', 'b']) await ask(http, keyPath(key))
    const of = (key: string, more = '') => `GET ${keyPath(key)} HTTP/1.1\r\nhost: localhost\r\n${more}\r\n`
    const answered = await askRaw(http, of('a') + of('b') + of('a', 'connection: close\r\n'))
    assert.deepEqual(answered.match(/value of \w/g), ['value of a', 'value of b', 'value of a'])
  })

  test('a client says how long it waits, and its leaving ends its wait', async (t) => {
    const node = await start(t)
    const gated = new GatedGetter()
    await node.group('slow', { maxBytes: 1 << 20, getter: gated.get })
    const path = keyPath('k', 'slow')
    assert.equal((await ask(node.http, path, { headers: { 'x-timeout-ms': '20' } })).status, 504)
    assert.equal((await ask(node.http, path, { headers: { 'grpc-timeout': '20m' } })).status, 504)
    for (const headers of [{ 'x-timeout-ms': '-1' }, { 'x-timeout-ms': '1.5' }, { 'grpc-timeout': '1' }]) {
      assert.equal((await ask(node.http, path, { headers: headers as Record<string, string> })).status, 400)
    }
    const { context } = await gated.begun(1)
    assert.ok(context.signal.aborted)
  })

  test('a node tells about itself', async (t) => {
    const node = await startWithGroup(t)
    const { http } = node
    await ask(http, keyPath('k'))
    await ask(http, keyPath('k'))
    const { groups } = (await ask(http, '/v1/groups')).json<{ groups: { name: string; entries: number }[] }>()
    assert.deepEqual(
      groups.map(({ name, entries }) => [name, entries]),
      [['g', 1]],
    )
    const stats = (await ask(http, '/v1/stats')).json<{
      self: string
      counters: { name: string; value: number }[]
    }>()
    assert.equal(stats.self, node.self)
    assert.equal(stats.counters.find(({ name }) => name === 'hits')?.value, 1)
    const ring = (await ask(http, '/v1/ring?key=k')).json<{ members: object[]; owners: string[] }>()
    assert.deepEqual(ring, { members: [{ address: node.self, share: 1, self: true }], owners: [node.self] })
    const facts = (await ask(http, '/v1/groups/g/keys/k:explain')).json<Record<string, unknown>>()
    assert.deepEqual(
      [facts.group, facts.key, facts.owner, facts.present, facts.valueBytes],
      ['g', 'aw==', node.self, true, 10],
    )
    const hot = (await ask(http, '/v1/hot-keys?group=g&count=1')).json<{ keys: { text: string }[] }>()
    assert.deepEqual(hot.keys[0]?.text, 'k')
    assert.equal((await ask(http, '/v1/hot-keys?count=x')).status, 400)
    assert.equal((await ask(http, '/v1/hot-keys?group=nobody')).status, 404)
    assert.deepEqual((await ask(http, '/healthz')).json(), { status: 'ok' })
    assert.deepEqual((await ask(http, '/readyz')).json(), { status: 'ready' })
  })

  test('clients of groupcache get what they know', async (t) => {
    const { http } = await startWithGroup(t)
    const answer = await ask(http, '/_groupcache/g/a+b%2Fc')
    assert.equal(answer.headers['content-type'], 'application/x-protobuf')
    assert.equal(answer.body.toString('latin1'), '\n\x0evalue of a b/c')
    assert.equal((await ask(http, '/_groupcache/g/a%20b/c')).body.toString('latin1'), '\n\x0evalue of a b/c')
    assert.equal((await ask(http, '/_groupcache/g/empty')).body.length, 0)
    assert.equal((await ask(http, '/_groupcache/g/missing')).status, 404)
  })

  test('with an address for the operator, the other one serves data only', async (t) => {
    const node = await startWithGroup(t, { admin: '127.0.0.1:0' })
    const { http } = node
    const admin = node.addresses.admin!
    const statusOf = async (address: string, path: string, method = 'GET') =>
      (await ask(address, path, { method })).status
    assert.equal(await statusOf(http, keyPath('k')), 200)
    assert.equal(await statusOf(admin, keyPath('k')), 405)
    for (const path of ['/v1/stats', '/v1/ring', '/v1/hot-keys', '/v1/groups/g/keys/k:explain']) {
      assert.equal(await statusOf(admin, path), 200, path)
    }
    for (const path of ['/v1/stats', '/v1/ring', '/v1/hot-keys'])
      assert.equal(await statusOf(http, path), 404)
    // On the address for data this is the name of a key.
    assert.equal((await ask(http, '/v1/groups/g/keys/k:explain')).body.toString(), 'value of k:explain')
    for (const path of ['/healthz', '/readyz', '/v1/groups', '/v1/openapi.json']) {
      assert.deepEqual([await statusOf(http, path), await statusOf(admin, path)], [200, 200], path)
    }
    assert.equal(await statusOf(http, keyPath('k'), 'DELETE'), 405)
    assert.equal(await statusOf(admin, keyPath('k'), 'DELETE'), 204)
    assert.equal((await ask(http, keyPath('k'))).headers['x-cache'], 'miss')
  })

  test('pages of other sites are served nothing, by no name that somebody gave this address', async (t) => {
    const node = await startWithGroup(t, { admin: '127.0.0.1:0', httpHosts: ['cache.example'] })
    const admin = node.addresses.admin!
    const statusOf = async (address: string, path: string, headers: Record<string, string>, method = 'GET') =>
      (await ask(address, path, { method, headers })).status
    await ask(node.http, keyPath('k'))
    // A value in memory, a miss, what is at the operator's address.
    const paths: [string, string][] = [
      [node.http, keyPath('k')],
      [node.http, keyPath('other')],
      [admin, '/v1/stats'],
      [admin, '/'],
    ]
    for (const [address, path] of paths) {
      assert.equal(await statusOf(address, path, { host: 'evil.example:80' }), 403, path)
      for (const host of ['cache.example', 'localhost', address]) {
        assert.equal(await statusOf(address, path, { host }), 200, `${path} at ${host}`)
      }
    }
    const remove = (headers: Record<string, string>) => statusOf(admin, keyPath('k'), headers, 'DELETE')
    assert.equal(await remove({ origin: 'http://evil.example' }), 403)
    assert.equal(await remove({ 'sec-fetch-site': 'cross-site' }), 403)
    assert.equal((await ask(node.http, keyPath('k'))).headers['x-cache'], 'hit')
    assert.equal(await remove({ origin: `http://${admin}` }), 204)
  })

  test('a second node is told that the address is in use', async (t) => {
    for (const httpThreads of [1, 2]) {
      const { http } = await start(t, { httpThreads })
      const second = startNode({ self: '127.0.0.1:0', http, httpEngine: engine, httpThreads, workers: 1 })
      await assert.rejects(second, { code: 'FAILED_PRECONDITION', message: `${http} is in use` })
    }
  })

  test('groups that are removed and made anew are served as they are', async (t) => {
    const node = await start(t)
    await node.group('g', { maxBytes: 1 << 20, getter: () => 'old' })
    const value = async () => (await ask(node.http, keyPath('k'))).body.toString()
    assert.deepEqual([await value(), await value()], ['old', 'old'])
    await node.removeGroup('g')
    assert.equal((await ask(node.http, keyPath('k'))).status, 404)
    await node.group('g', { maxBytes: 1 << 20, getter: () => 'new' })
    assert.deepEqual([await value(), await value()], ['new', 'new'])
  })

  test('a node that closes answers what is under way, and takes no more', async (t) => {
    const log = new RecordedLog()
    const node = await start(t, { log })
    const gated = new GatedGetter()
    await node.group('slow', { maxBytes: 1 << 20, getter: gated.get })
    const asked = ask(node.http, keyPath('k', 'slow'))
    const load = await gated.begun(1)
    const closed = node.close()
    load.resolve('at last')
    assert.equal((await asked).status, 200)
    await closed
    await assert.rejects(ask(node.http, '/healthz'), { code: 'ECONNREFUSED' })
    assert.ok(!log.lines.some((line) => line.startsWith('error')), log.lines.join('\n'))
  })
}
