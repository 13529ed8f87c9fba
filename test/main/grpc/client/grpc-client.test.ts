import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { GrpcClient } from '../../../../src/main/grpc/client/grpc-client.js'
import type { GrpcClientOptions } from '../../../../src/main/grpc/client/options.js'
import { Http2Code } from '../../../../src/main/grpc/http2/errors.js'
import { CLIENT_PREFACE, Flag, FrameType } from '../../../../src/main/grpc/http2/frame.js'
import { SettingId } from '../../../../src/main/grpc/http2/settings.js'
import { Cancel } from '../../../../src/shared/cancel.js'
import { Code } from '../../../../src/shared/errors.js'
import { FakeClock } from '../../../support/fake-clock.js'
import { type FrameConnection, FrameServer, replyFrames } from '../../../support/frame-server.js'
import { frame, settingsFrame, uint32 } from '../../../support/http2-frames.js'

const PATH = '/test.Service/Method'
const REQUEST = Buffer.from('question')
const ANSWER = Buffer.from('answer')

const opened: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function start(options: GrpcClientOptions = {}, ...settings: readonly (readonly [number, number])[]) {
  const server = await FrameServer.start(settingsFrame(...settings))
  opened.push(() => server.close())
  const client = new GrpcClient(server.address, {
    onFault: (error) => assert.fail(`fault: ${error}`),
    ...options,
  })
  opened.push(() => client.close())
  return { server, client }
}

const goaway = (lastStreamId: number, code = 0, debug = '') =>
  frame(FrameType.GOAWAY, 0, 0, Buffer.concat([uint32(lastStreamId), uint32(code), Buffer.from(debug)]))

async function answerNext(connection: FrameConnection): Promise<number> {
  const streamId = await connection.request()
  connection.send(replyFrames(streamId, ANSWER))
  return streamId
}

describe('what goes out', () => {
  it('preface, settings without push, and a head that any server takes', async () => {
    const { server, client } = await start({ authority: 'peer.example', clock: new FakeClock() })
    const call = client.call(PATH, REQUEST, { deadlineMs: 123_456 })
    const connection = await server.nextConnection()
    await answerNext(connection)
    await call
    assert.deepEqual(connection.preface, CLIENT_PREFACE)
    const settings = connection.frames[0]!
    assert.equal(settings.type, FrameType.SETTINGS)
    assert.deepEqual(
      [settings.payload.readUInt16BE(0), settings.payload.readUInt32BE(2)],
      [SettingId.ENABLE_PUSH, 0],
    )
    assert.deepEqual(connection.headers(1), {
      ':method': 'POST',
      ':scheme': 'http',
      ':path': PATH,
      ':authority': 'peer.example',
      te: 'trailers',
      'content-type': 'application/grpc',
      'user-agent': 'grpc-node-geek-cache',
      'grpc-timeout': '123456m',
    })
  })

  it('the constant part of a head is sent once, and a timeout changes nothing of it', async () => {
    const { server, client } = await start({ clock: new FakeClock() })
    const sizes: number[] = []
    const connecting = server.nextConnection()
    for (const deadlineMs of [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, 5, 5000]) {
      const call = client.call(PATH, REQUEST, { deadlineMs: deadlineMs * 1000 })
      const connection = await connecting
      await answerNext(connection)
      await call
      sizes.push(connection.frames.filter(({ type }) => type === FrameType.HEADERS).at(-1)!.payload.length)
    }
    assert.ok(sizes[0]! > 60, `${sizes}`)
    assert.equal(sizes[1], 7)
    assert.ok(sizes[2]! > 7 && sizes[2]! < 32 && sizes[3]! > sizes[2]! - 6, `${sizes}`)
    assert.equal((await connecting).headers(7)['grpc-timeout'], '5000000m')
  })

  it('without an indexed table when the server wants none', async () => {
    const { server, client } = await start({}, [SettingId.HEADER_TABLE_SIZE, 0])
    const connecting = server.nextConnection()
    for (let count = 0; count < 3; count++) {
      const call = client.call(PATH, REQUEST)
      await answerNext(await connecting)
      assert.equal((await call).status, 0)
    }
    const connection = await connecting
    const blocks = connection.frames.filter(({ type }) => type === FrameType.HEADERS)
    assert.equal(blocks[0]!.payload[0], 0x20, 'The first block has to begin with a table size update to 0')
    assert.equal(connection.headers(5)[':path'], PATH)
    assert.ok(blocks[2]!.payload.length > 60)
  })

  it('all calls of one turn in one write', async () => {
    const { server, client } = await start()
    const first = client.call(PATH, REQUEST)
    const connection = await server.nextConnection()
    await answerNext(connection)
    await first
    const chunks: number[] = []
    connection.socket.on('data', (chunk: Buffer) => chunks.push(chunk.length))
    const calls = Array.from({ length: 50 }, () => client.call(PATH, REQUEST))
    for (const _ of calls) await answerNext(connection)
    for (const { status } of await Promise.all(calls)) assert.equal(status, 0)
    assert.equal(chunks.length, 1, 'One write of less than 2 KiB has to arrive as one')
  })

  it('no call that cannot be made', async () => {
    const { server, client } = await start({ sendBytesMax: 10 })
    const statusOf = async (path: string, request: Buffer, options = {}) =>
      (await client.call(path, request, options)).status
    assert.equal(await statusOf('no slash', REQUEST), Code.INVALID_ARGUMENT)
    assert.equal(await statusOf('/line\r\nbreak', REQUEST), Code.INVALID_ARGUMENT)
    assert.equal(await statusOf(PATH, Buffer.alloc(11)), Code.RESOURCE_EXHAUSTED)
    assert.equal(await statusOf(PATH, REQUEST, { deadlineMs: 0 }), Code.DEADLINE_EXCEEDED)
    assert.equal(await statusOf(PATH, REQUEST, { deadlineMs: Number.NaN }), Code.DEADLINE_EXCEEDED)
    assert.equal(await statusOf(PATH, REQUEST, { signal: AbortSignal.abort() }), Code.CANCELLED)
    assert.equal(server.connections.length, 0)
  })

  it('no header list above what the server takes', async () => {
    const { client } = await start({}, [SettingId.MAX_HEADER_LIST_SIZE, 100])
    const reply = await client.call(PATH, REQUEST)
    assert.equal(reply.status, Code.INTERNAL)
    assert.match(reply.message, /header list/)
  })
})

describe('flow control of what we send', () => {
  it('windows of stream and connection are kept, and their changes followed', async () => {
    const { server, client } = await start({}, [SettingId.INITIAL_WINDOW_SIZE, 10])
    const request = Buffer.from(Array.from({ length: 100_000 }, (_, index) => index % 251))
    const call = client.call(PATH, request)
    const connection = await server.nextConnection()
    const sent = () =>
      Buffer.concat(connection.frames.flatMap((one) => (one.type === FrameType.DATA ? [one.payload] : [])))
    await connection.next(FrameType.DATA)
    assert.equal(sent().length, 10)
    // From 10 to 30, so 20 more.
    connection.send(settingsFrame([SettingId.INITIAL_WINDOW_SIZE, 30]))
    await connection.next(FrameType.DATA)
    assert.equal(sent().length, 30)
    connection.send(settingsFrame([SettingId.INITIAL_WINDOW_SIZE, 0]))
    connection.send(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(31)))
    await connection.next(FrameType.DATA)
    assert.equal(sent().length, 31)
    // Now the connection's 65 535 are what holds it.
    connection.send(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1_000_000)))
    for (let bytes = 31; bytes < 65_535; bytes = sent().length) await connection.next(FrameType.DATA)
    assert.equal(sent().length, 65_535)
    assert.ok(connection.frames.every(({ payload }) => payload.length <= 16_384))
    connection.send(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1_000_000)))
    await connection.request()
    assert.equal(sent().readUInt32BE(1), request.length)
    assert.ok(sent().subarray(5).equals(request))
    connection.send(
      frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1)),
      frame(FrameType.PING, 0, 0, Buffer.alloc(8)),
    )
    await connection.next(FrameType.PING, Flag.ACK)
    assert.equal(
      connection.frames.filter(({ type, flags }) => type === FrameType.DATA && flags > 0).length,
      1,
    )
    connection.send(replyFrames(1, ANSWER))
    assert.equal((await call).status, 0)
  })

  it('an answer before the end of the request stops the request', async () => {
    const { server, client } = await start({}, [SettingId.INITIAL_WINDOW_SIZE, 10])
    const call = client.call(PATH, Buffer.alloc(100))
    const connection = await server.nextConnection()
    await connection.next(FrameType.DATA)
    connection.send(replyFrames(1, ANSWER))
    assert.equal((await call).status, 0)
    assert.equal((await connection.next(FrameType.RST_STREAM)).payload.readUInt32BE(), Http2Code.NO_ERROR)
  })

  it('a stream window above 2^31 − 1 ends its call', async () => {
    const { server, client } = await start({}, [SettingId.INITIAL_WINDOW_SIZE, 10])
    const call = client.call(PATH, Buffer.alloc(100))
    const connection = await server.nextConnection()
    await connection.next(FrameType.DATA)
    const largest = frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(0x7fff_ffff))
    connection.send(largest, largest)
    assert.equal((await call).status, Code.INTERNAL)
    assert.equal(
      (await connection.next(FrameType.RST_STREAM)).payload.readUInt32BE(),
      Http2Code.FLOW_CONTROL_ERROR,
    )
  })
})

describe('MAX_CONCURRENT_STREAMS', () => {
  it('calls beyond it wait in order; 0 lets nobody through until it changes', async () => {
    const { server, client } = await start({}, [SettingId.MAX_CONCURRENT_STREAMS, 0])
    const order: number[] = []
    const calls = [1, 2, 3].map(async (number) => {
      const reply = await client.call(PATH, Buffer.from([number]))
      order.push(number)
      return reply.status
    })
    const connection = await server.nextConnection()
    await connection.next(FrameType.SETTINGS, Flag.ACK)
    assert.ok(connection.frames.every(({ type }) => type !== FrameType.HEADERS))
    connection.send(settingsFrame([SettingId.MAX_CONCURRENT_STREAMS, 1]))
    for (const _ of calls) {
      const streamId = await connection.request()
      const open = connection.frames.filter(({ type }) => type === FrameType.HEADERS).length
      assert.equal(open, (streamId + 1) / 2, 'A call went out while another was open')
      connection.send(replyFrames(streamId, ANSWER))
    }
    assert.deepEqual(await Promise.all(calls), [0, 0, 0])
    assert.deepEqual(order, [1, 2, 3])
  })

  it('calls that wait have their deadlines and cancellations, and leave the queue', async () => {
    const { server, client } = await start({ callsMax: 3 }, [SettingId.MAX_CONCURRENT_STREAMS, 0])
    const cancel = new Cancel()
    const late = client.call(PATH, REQUEST, { deadlineMs: 20 })
    const cancelled = client.call(PATH, REQUEST, { signal: cancel })
    const last = client.call(PATH, REQUEST)
    assert.equal((await client.call(PATH, REQUEST)).status, Code.RESOURCE_EXHAUSTED)
    cancel.abort()
    assert.equal((await cancelled).status, Code.CANCELLED)
    assert.equal((await late).status, Code.DEADLINE_EXCEEDED)
    const connection = await server.nextConnection()
    connection.send(settingsFrame([SettingId.MAX_CONCURRENT_STREAMS, 5]))
    assert.equal(await answerNext(connection), 1)
    assert.equal((await last).status, 0)
  })
})

describe('a call that is given up', () => {
  it('by deadline: the server is told, and late frames do no harm', async () => {
    const clock = new FakeClock()
    const { server, client } = await start({ clock })
    const call = client.call(PATH, REQUEST, { deadlineMs: 20 })
    const connection = await server.nextConnection()
    const streamId = await connection.request()
    clock.advance(20)
    assert.equal((await call).status, Code.DEADLINE_EXCEEDED)
    const reset = await connection.next(FrameType.RST_STREAM)
    assert.deepEqual([reset.streamId, reset.payload.readUInt32BE()], [streamId, Http2Code.CANCEL])
    // Far more of them than a server may send that nobody asked for anything.
    const late = Array.from({ length: 12_000 }, () => frame(FrameType.DATA, 0, streamId, Buffer.alloc(1)))
    connection.send(...late, replyFrames(streamId, ANSWER))
    const next = client.call(PATH, REQUEST)
    await answerNext(connection)
    assert.equal((await next).status, 0)
  })

  it('by its caller', async () => {
    const { server, client } = await start()
    const cancel = new Cancel()
    const call = client.call(PATH, REQUEST, { signal: cancel })
    const connection = await server.nextConnection()
    await connection.request()
    cancel.abort()
    assert.equal((await call).status, Code.CANCELLED)
    assert.equal((await connection.next(FrameType.RST_STREAM)).payload.readUInt32BE(), Http2Code.CANCEL)
  })

  it("a server's CANCEL after the deadline is the deadline's", async () => {
    const clock = new FakeClock()
    const { server, client } = await start({ clock })
    const call = client.call(PATH, REQUEST, { deadlineMs: 60_000 })
    const connection = await server.nextConnection()
    const streamId = await connection.request()
    clock.advance(60_000)
    connection.send(frame(FrameType.RST_STREAM, 0, streamId, uint32(Http2Code.CANCEL)))
    assert.equal((await call).status, Code.DEADLINE_EXCEEDED)
  })
})

describe('a server that sends calls away', () => {
  it('GOAWAY: what it has not touched goes to a new connection, the rest is answered on the old one', async () => {
    const { server, client } = await start()
    const kept = client.call(PATH, REQUEST)
    const moved = client.call(PATH, REQUEST)
    const old = await server.nextConnection()
    const keptId = await old.request()
    await old.request()
    old.send(goaway(0x7fff_ffff), goaway(keptId))
    const fresh = await server.nextConnection()
    assert.equal(await answerNext(fresh), 1)
    assert.equal((await moved).status, 0)
    const later = client.call(PATH, REQUEST)
    await answerNext(fresh)
    assert.equal((await later).status, 0)
    old.send(replyFrames(keptId, ANSWER))
    assert.equal((await kept).status, 0)
    await old.closed
  })

  it('GOAWAY twice: a call is moved once', async () => {
    const { server, client } = await start()
    const call = client.call(PATH, REQUEST)
    for (let count = 0; count < 2; count++) {
      const connection = await server.nextConnection()
      await connection.request()
      connection.send(goaway(0))
      await connection.closed
    }
    assert.equal((await call).status, Code.UNAVAILABLE)
    assert.equal(server.connections.length, 2)
  })

  it('REFUSED_STREAM: the call is made once more', async () => {
    const { server, client } = await start()
    const refuse = (connection: FrameConnection, streamId: number) =>
      connection.send(frame(FrameType.RST_STREAM, 0, streamId, uint32(Http2Code.REFUSED_STREAM)))
    const lucky = client.call(PATH, REQUEST)
    const connection = await server.nextConnection()
    refuse(connection, await connection.request())
    assert.equal(await answerNext(connection), 3)
    assert.equal((await lucky).status, 0)
    const unlucky = client.call(PATH, REQUEST)
    refuse(connection, await connection.request())
    refuse(connection, await connection.request())
    assert.equal((await unlucky).status, Code.UNAVAILABLE)
  })

  it('too_many_pings: PINGs come half as often from then on', async () => {
    const { server, client } = await start({ keepaliveTimeMs: 50, keepaliveTimeoutMs: 10_000 })
    const first = client.call(PATH, REQUEST)
    const old = await server.nextConnection()
    await old.request()
    old.send(goaway(0, Http2Code.ENHANCE_YOUR_CALM, 'too_many_pings'))
    const sentMs = performance.now()
    const connection = await server.nextConnection()
    await connection.next(FrameType.PING)
    assert.ok(performance.now() - sentMs >= 100)
    client.close()
    assert.equal((await first).status, Code.UNAVAILABLE)
  })
})

describe('life of a connection', () => {
  it('PINGs are answered', async () => {
    const { server, client } = await start()
    const call = client.call(PATH, REQUEST)
    const connection = await server.nextConnection()
    const streamId = await connection.request()
    connection.send(frame(FrameType.PING, 0, 0, Buffer.from('12345678')))
    assert.equal((await connection.next(FrameType.PING, Flag.ACK)).payload.toString(), '12345678')
    connection.send(replyFrames(streamId, ANSWER))
    assert.equal((await call).status, 0)
  })

  it('silence with a call under way: a PING, and without an answer the end', async () => {
    const { server, client } = await start({ keepaliveTimeMs: 30, keepaliveTimeoutMs: 30 })
    const call = client.call(PATH, REQUEST)
    const connection = await server.nextConnection()
    const ping = await connection.next(FrameType.PING)
    connection.send(frame(FrameType.PING, Flag.ACK, 0, ping.payload))
    await connection.next(FrameType.PING)
    assert.equal((await call).status, Code.UNAVAILABLE)
    await connection.closed
  })

  it('lost with calls under way: they are UNAVAILABLE, and the next one connects anew', async () => {
    const { server, client } = await start()
    const call = client.call(PATH, REQUEST)
    const connection = await server.nextConnection()
    await connection.request()
    connection.socket.destroy()
    assert.equal((await call).status, Code.UNAVAILABLE)
    assert.equal(client.connected, false)
    const next = client.call(PATH, REQUEST)
    await answerNext(await server.nextConnection())
    assert.equal((await next).status, 0)
    assert.equal(client.connected, true)
  })

  it('lost with calls waiting: they wait for one more connection, not for ever', async () => {
    const { server, client } = await start({}, [SettingId.MAX_CONCURRENT_STREAMS, 0])
    const call = client.call(PATH, REQUEST)
    for (let count = 0; count < 2; count++) {
      const connection = await server.nextConnection()
      await connection.next(FrameType.SETTINGS, Flag.ACK)
      connection.socket.destroy()
    }
    assert.equal((await call).status, Code.UNAVAILABLE)
    assert.equal(server.connections.length, 2)
  })

  it('nobody listens: calls fail at once, and soon after somebody does they succeed', async () => {
    const server = createServer()
    await once(server.listen(0, '127.0.0.1'), 'listening')
    const { port } = server.address() as AddressInfo
    await once(server.close(), 'close')
    const client = new GrpcClient(`127.0.0.1:${port}`, { reconnectPauseMs: 10 })
    opened.push(() => client.close())
    assert.match((await client.call(PATH, REQUEST)).message, /ECONNREFUSED/)
    assert.match((await client.call(PATH, REQUEST)).message, /not reachable/)
    // It tries on without being asked.
    const [socket] = (await once(server.listen(port, '127.0.0.1'), 'connection')) as [Socket]
    opened.push(() => {
      // Nobody reads what the client has sent: it would never end by itself.
      socket.destroy()
      server.close()
    })
  })

  it('ids running out: a new connection takes over', async () => {
    const { server, client } = await start({ streamIdMax: 3 })
    for (const expected of [1, 3]) {
      const call = client.call(PATH, REQUEST)
      const connection = expected === 1 ? await server.nextConnection() : server.connections[0]!
      assert.equal(await answerNext(connection), expected)
      assert.equal((await call).status, 0)
    }
    await server.connections[0]!.closed
    const call = client.call(PATH, REQUEST)
    assert.equal(await answerNext(await server.nextConnection()), 1)
    assert.equal((await call).status, 0)
  })

  it('two connections, if asked for, share the calls', async () => {
    const { server, client } = await start({ connections: 2 })
    const first = client.call(PATH, REQUEST)
    const one = await server.nextConnection()
    await one.request()
    const second = client.call(PATH, REQUEST)
    const two = await server.nextConnection()
    await two.next(FrameType.SETTINGS, Flag.ACK)
    await one.request()
    const third = client.call(PATH, REQUEST)
    await answerNext(two)
    assert.equal((await third).status, 0)
    one.send(replyFrames(1, ANSWER), replyFrames(3, ANSWER))
    assert.deepEqual([(await first).status, (await second).status], [0, 0])
  })

  it('close: calls end, and none is made any more', async () => {
    const { server, client } = await start()
    const call = client.call(PATH, REQUEST)
    const connection = await server.nextConnection()
    await connection.request()
    client.close()
    assert.equal((await call).status, Code.UNAVAILABLE)
    await connection.next(FrameType.GOAWAY)
    await connection.closed
    assert.equal((await client.call(PATH, REQUEST)).status, Code.UNAVAILABLE)
  })
})

describe('options', () => {
  it('are checked', () => {
    assert.throws(() => new GrpcClient('a:1', { connections: 3 }), RangeError)
    assert.throws(() => new GrpcClient('a:1', { callsMax: Number.NaN }), RangeError)
    assert.throws(() => new GrpcClient('a:1', { keepaliveTimeMs: 0 }), RangeError)
    assert.throws(() => new GrpcClient('a\n:1'), RangeError)
  })

  it('what is no address is UNAVAILABLE', async () => {
    const client = new GrpcClient('nowhere')
    opened.push(() => client.close())
    assert.equal((await client.call(PATH, REQUEST)).status, Code.UNAVAILABLE)
  })
})
