import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type TestContext, test } from 'node:test'
import WebSocket from 'ws'
import type { HttpAnswer } from '../../src/main/http/exchange.js'
import { PageGuard } from '../../src/main/http/page-guard.js'
import { HttpProblem } from '../../src/main/http/problem.js'
import type { Route } from '../../src/main/http/route.js'
import { Router } from '../../src/main/http/router.js'
import type { HttpServer, HttpServerOptions } from '../../src/main/http/server.js'
import type { WebSocketConnection, WebSocketRoute } from '../../src/main/http/web-socket.js'
import { ask, askRaw } from './http-client.js'
import { RecordedLog } from './recorded-log.js'

const MESSAGE_BYTES_MAX = 1000
const BUFFERED_BYTES_MAX = 1 << 20

/** What a server makes of routes and WebSockets, whatever these do: both servers alike. */
export function serverSuite(newServer: (options: HttpServerOptions) => Promise<HttpServer>): void {
  async function start(t: TestContext, routes: readonly Partial<Route>[], webSockets: WebSocketRoute[] = []) {
    const log = new RecordedLog()
    const whole = routes.map(
      (route, index): Route => ({
        method: 'GET',
        path: `/${index}`,
        plane: 'both',
        handle: () => ({ status: 204, headers: {} }),
        ...route,
      }),
    )
    const server = await newServer({
      router: new Router(whole),
      webSockets,
      guard: new PageGuard('127.0.0.1', undefined),
      log,
    })
    t.after(() => server.close())
    const port = await server.listen('127.0.0.1', 0, false)
    return { server, log, address: `127.0.0.1:${port}` }
  }

  const answer = (body: string | Uint8Array, headers: Record<string, string> = {}): HttpAnswer => ({
    status: 200,
    headers,
    body,
  })

  test('a handler that throws or rejects fails its request alone, and the log says so', async (t) => {
    const { address, log } = await start(t, [
      {
        handle: () => {
          throw new TypeError('a fault of ours')
        },
      },
      { handle: () => Promise.reject(new Error('another')) },
      { handle: () => undefined as unknown as HttpAnswer },
      { handle: () => answer('fine') },
      {
        handle: () => {
          throw new HttpProblem(418, 'A teapot', { headers: { 'x-kind': 'pot' } })
        },
      },
    ])
    for (const path of ['/0', '/1', '/2']) {
      const failed = await ask(address, path)
      assert.equal(failed.status, 500)
      assert.equal(failed.json<{ detail: string }>().detail, 'A fault of the node')
    }
    assert.equal((await ask(address, '/3')).body.toString(), 'fine')
    const pot = await ask(address, '/4')
    assert.deepEqual([pot.status, pot.headers['x-kind']], [418, 'pot'])
    assert.ok(log.has('a fault of ours') && log.has('another'), log.lines.join('\n'))
    assert.ok(!log.has('teapot'))
  })

  test('a header value of more lines does not become more headers', async (t) => {
    const { address } = await start(t, [{ handle: () => answer('', { 'x-a': 'b\r\nx-evil: 1' }) }])
    const answered = await askRaw(address, 'GET /0 HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n')
    assert.ok(!/^x-evil/m.test(answered), answered)
  })

  test('a client that leaves aborts the signal of its request', async (t) => {
    let aborted: () => void = () => {}
    const heard = new Promise<void>((resolve) => {
      aborted = resolve
    })
    const { address } = await start(t, [
      {
        handle: ({ signal }) => {
          signal.addEventListener('abort', aborted)
          return new Promise<HttpAnswer>(() => {})
        },
      },
    ])
    const controller = new AbortController()
    const asked = fetch(`http://${address}/0`, { signal: controller.signal })
    setImmediate(() => controller.abort())
    await assert.rejects(asked)
    // Where it left before the request was heard there is nothing to abort: then ask again, and leave later.
    const { hostname, port } = new URL(`http://${address}`)
    const { connect } = await import('node:net')
    const socket = connect(Number(port), hostname)
    socket.write('GET /0 HTTP/1.1\r\nhost: localhost\r\n\r\nGE')
    await once(socket, 'connect')
    socket.end()
    await heard
  })

  /** Echoes what comes, and does as it is told. */
  function echoRoute(
    opened: (socket: WebSocketConnection) => void = () => {},
    closed = (_code: number) => {},
    refused = () => {},
  ): WebSocketRoute {
    return {
      path: '/echo',
      plane: 'both',
      messageBytesMax: MESSAGE_BYTES_MAX,
      bufferedBytesMax: BUFFERED_BYTES_MAX,
      protocols: ['v2', 'v1'],
      onRefused: refused,
      open(socket) {
        opened(socket)
        return {
          message(message, isBinary) {
            const text = Buffer.from(message).toString()
            if (text === 'throw') throw new Error('a fault of ours')
            if (text === 'close') socket.close(3000, 'as asked')
            else socket.cork(() => socket.send(isBinary ? message : text))
          },
          drain() {},
          close: closed,
        }
      },
    }
  }

  async function connectTo(t: TestContext, address: string, protocols: string[] = []): Promise<WebSocket> {
    const socket = new WebSocket(`ws://${address}/echo`, protocols)
    t.after(() => socket.terminate())
    await once(socket, 'open')
    return socket
  }

  test('a WebSocket carries text and bytes both ways, and closes with a code', async (t) => {
    let closedWith: (code: number) => void = () => {}
    const closed = new Promise<number>((resolve) => {
      closedWith = resolve
    })
    const { address } = await start(t, [], [echoRoute(undefined, (code) => closedWith(code))])
    const socket = await connectTo(t, address, ['v1', 'v2'])
    assert.equal(socket.protocol, 'v2')
    socket.send('text')
    assert.deepEqual((await once(socket, 'message')).map(String), ['text', 'false'])
    socket.send(Uint8Array.of(0, 255))
    const [bytes, isBinary] = (await once(socket, 'message')) as [Buffer, boolean]
    assert.deepEqual([[...bytes], isBinary], [[0, 255], true])
    socket.send('close')
    const [code, reason] = await once(socket, 'close')
    assert.deepEqual([code, String(reason)], [3000, 'as asked'])
    assert.equal(await closed, 3000)
  })

  test('a WebSocket that faults or is told too much ends alone', async (t) => {
    const { address, log } = await start(t, [], [echoRoute()])
    const faulty = await connectTo(t, address)
    faulty.send('throw')
    assert.equal((await once(faulty, 'close'))[0], 1011)
    assert.ok(log.has('a fault of ours'))
    const large = await connectTo(t, address)
    large.send('x'.repeat(MESSAGE_BYTES_MAX + 1))
    const [code] = await once(large, 'close')
    // uWebSockets.js ends the connection without a word.
    assert.ok(code === 1009 || code === 1006, String(code))
    const other = await connectTo(t, address)
    other.send('still here')
    assert.equal(String((await once(other, 'message'))[0]), 'still here')
  })

  test('a WebSocket of a page of another site is refused, and there are none elsewhere', async (t) => {
    let refusedCount = 0
    const route = echoRoute(undefined, undefined, () => refusedCount++)
    const { address } = await start(t, [{}], [route])
    for (const [path, status, options] of [
      ['/echo', 403, { origin: 'https://elsewhere.example' }],
      ['/0', undefined, {}],
      ['/nowhere', 404, {}],
    ] as const) {
      const socket = new WebSocket(`ws://${address}${path}`, options)
      const [error] = (await once(socket, 'error')) as [Error]
      if (status !== undefined) assert.match(error.message, new RegExp(String(status)))
    }
    assert.equal(refusedCount, 1)
  })

  test('a WebSocket whose client does not read is ended, before it holds too much', async (t) => {
    let ended: (code: number) => void = () => {}
    const closed = new Promise<number>((resolve) => {
      ended = resolve
    })
    let connection: WebSocketConnection | undefined
    const route = echoRoute(
      (socket) => {
        connection = socket
      },
      (code) => ended(code),
    )
    const { address } = await start(t, [], [route])
    const socket = await connectTo(t, address)
    socket.pause()
    const message = new Uint8Array(64 * 1024)
    for (let i = 0; i < 1000 && connection!.bufferedAmount <= BUFFERED_BYTES_MAX; i++) {
      connection!.send(message)
      assert.ok(connection!.bufferedAmount <= BUFFERED_BYTES_MAX + 2 * message.length)
      await new Promise((resolve) => setImmediate(resolve))
      if (i > 100 && connection!.bufferedAmount === 0) break
    }
    await closed
  })

  test('clients of WebSockets are told that the server goes away', async (t) => {
    const { address, server } = await start(t, [], [echoRoute()])
    const socket = await connectTo(t, address)
    const [closed] = await Promise.all([once(socket, 'close'), server.shutdown(5000)])
    assert.equal(closed[0], 1001)
  })
}
