import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { type TestContext, test } from 'node:test'
import { ask, openRaw } from './http-client.js'
import { HttpHost } from './http-host.js'
import { Prng, seedOf } from './prng.js'

const HALF_SENT = 1000
const PATH = '/v1/groups/sized/keys/100'
const HEAD = `GET ${PATH} HTTP/1.1\r\nhost: localhost\r\n`

/** What a node stands over HTTP, from whoever can reach it: memory stays bounded, others are served. */
export function httpAttackSuite(engine: 'uws' | 'node', idleConnections: number): void {
  async function start(t: TestContext) {
    const host = await HttpHost.start(t, engine)
    const sockets: Socket[] = []
    t.after(() => {
      for (const socket of sockets) socket.destroy()
    })
    await assertServes(host)
    const before = await host.residentMiB()
    const open = async (count: number): Promise<Socket[]> => {
      const opened: Socket[] = []
      while (opened.length < count) {
        const some = Array.from({ length: Math.min(500, count - opened.length) }, () => openRaw(host.http))
        opened.push(...(await Promise.all(some)))
      }
      sockets.push(...opened)
      return opened
    }
    const grownMiB = async () => (await host.residentMiB()) - before
    return { host, open, grownMiB }
  }

  /** Closed, or reset because it had more to say. */
  const closing = (socket: Socket): Promise<void> =>
    new Promise((resolve) => socket.resume().once('close', () => resolve()))

  async function assertServes(host: HttpHost): Promise<void> {
    const { status, body } = await ask(host.http, PATH)
    assert.deepEqual([status, body.length], [200, 100], host.output)
    assert.ok(host.isAlive)
  }

  test(`${engine}: ${idleConnections} idle connections cost little, and the others are served`, async (t) => {
    const { host, open, grownMiB } = await start(t)
    await open(idleConnections)
    await assertServes(host)
    assert.ok((await grownMiB()) < 200, `${await grownMiB()} MiB more`)
  })

  test(`${engine}: half-sent requests are given up, and the others are served`, async (t) => {
    const { host, open, grownMiB } = await start(t)
    const sockets = await open(HALF_SENT)
    const closed = sockets.map(closing)
    for (const [index, socket] of sockets.entries()) socket.write(HEAD.slice(0, 1 + (index % HEAD.length)))
    await assertServes(host)
    assert.ok((await grownMiB()) < 200)
    await Promise.all(closed)
    await assertServes(host)
  })

  test(`${engine}: whoever asks and does not read is held by little memory`, async (t) => {
    const { host, open, grownMiB } = await start(t)
    await ask(host.http, '/v1/groups/sized/keys/10000')
    const sockets = await open(8)
    for (const socket of sockets) socket.pause()
    // 400 MB of answers, in requests that come one after the other.
    const request = 'GET /v1/groups/sized/keys/10000 HTTP/1.1\r\nhost: localhost\r\n\r\n'
    for (let i = 0; i < 50; i++) {
      for (const socket of sockets) if (socket.writable) socket.write(request.repeat(100))
      await new Promise((resolve) => setImmediate(resolve))
    }
    await assertServes(host)
    assert.ok((await grownMiB()) < 300, `${await grownMiB()} MiB more`)
  })

  test(`${engine}: slow readers of large values share a bounded memory`, async (t) => {
    const { host, open, grownMiB } = await start(t)
    const path = `/v1/groups/sized/keys/${5 * 2 ** 20}`
    await ask(host.http, path)
    for (const socket of await open(60)) {
      socket.pause()
      socket.write(`GET ${path} HTTP/1.1\r\nhost: localhost\r\n\r\n`)
    }
    await assertServes(host)
    assert.ok((await grownMiB()) < 700, `${await grownMiB()} MiB more`)
  })

  test(`${engine}: heads and bodies that are too large are refused`, async (t) => {
    const { host, open, grownMiB } = await start(t)
    const [header, many, ...bodies] = await open(26)
    const heads = [header!, many!].map(closing)
    header!.write(`${HEAD}x: ${'y'.repeat(100_000)}\r\n\r\n`)
    many!.write(`${HEAD}${'a: b\r\n'.repeat(50_000)}\r\n`)
    await Promise.all(heads)
    const body = 'x'.repeat(4 * 2 ** 20 - 1)
    for (const socket of bodies) {
      socket.resume()
      socket.write(
        `POST /v1/groups/g/keys:batchGet HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length + 1}\r\n\r\n`,
      )
      socket.write(body)
    }
    await assertServes(host)
    assert.ok((await grownMiB()) < 400, `${await grownMiB()} MiB more`)
  })

  test(`${engine}: whatever the bytes are, the node lives`, async (t) => {
    const seed = seedOf()
    const random = new Prng(seed)
    const { host, open } = await start(t)
    const body = '{"keys":["YQ=="]}'
    const seeds = [
      `${HEAD}\r\n`,
      `${HEAD}range: bytes=0-1\r\nif-none-match: "x"\r\n\r\n`,
      `DELETE ${PATH} HTTP/1.1\r\nhost: localhost\r\n\r\n`,
      `POST /v1/groups/g/keys:batchGet HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      `POST /v1/groups/g/keys:batchGet HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n11\r\n${body}\r\n0\r\n\r\n`,
      'GET /v1/ws HTTP/1.1\r\nhost: localhost\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-key: x\r\nsec-websocket-version: 13\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nhost: localhost\r\n\r\n',
      'GET http://a/healthz HTTP/1.1\r\nhost: localhost\r\n\r\n',
    ]
    for (let round = 0; round < 10; round++) {
      const sockets = await open(40)
      const ends = sockets.map(closing)
      for (const socket of sockets) {
        const bytes = Buffer.from(seeds[random.below(seeds.length)]!, 'latin1')
        for (let i = random.below(4); i > 0; i--) bytes[random.below(bytes.length)] = random.below(256)
        const cut = random.below(bytes.length)
        socket.write(bytes.subarray(0, cut))
        setImmediate(() => socket.end(bytes.subarray(cut, random.below(2) === 0 ? bytes.length : cut)))
      }
      await assertServes(host)
      for (const socket of sockets) setImmediate(() => socket.destroySoon())
      await Promise.all(ends)
    }
    await assertServes(host)
    assert.ok(!/Fault/.test(host.output), host.output)
  })
}
