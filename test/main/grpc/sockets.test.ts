import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { Client, credentials, ServerCredentials } from '@grpc/grpc-js'
import { CLIENT_PREFACE, FrameType } from '../../../src/main/grpc/http2/frame.js'
import type { GrpcServerOptions } from '../../../src/main/grpc/options.js'
import { GrpcServer } from '../../../src/main/grpc/server.js'
import {
  callBlock,
  frame,
  headersFrame,
  messageFrame,
  parseFrames,
  settingsFrame,
  uint32,
} from '../../support/http2-frames.js'
import { until } from '../../support/until.js'

const PATH = '/test.Service/Large'
const REPLY_BYTES = 1 << 18
const same = (value: unknown) => value as Buffer

/** Attackers of flesh and blood, on real sockets; after each the server must still serve others. */
describe('a server under attack', () => {
  let server: GrpcServer
  let port: number
  const sockets: net.Socket[] = []

  async function start(options: GrpcServerOptions = {}): Promise<void> {
    server = new GrpcServer(options)
    server.register(PATH, (_call, reply) => reply?.(null, Buffer.alloc(REPLY_BYTES, 1)), same, same, 'unary')
    port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
  }

  async function connect(): Promise<net.Socket> {
    const socket = net.connect(port, '127.0.0.1')
    sockets.push(socket)
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  async function stillServes(): Promise<void> {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    const length = await new Promise((resolve, reject) => {
      client.makeUnaryRequest(PATH, same, same, Buffer.from('x'), (error, value) => {
        if (error === null) resolve(value?.length)
        else reject(error)
      })
    })
    client.close()
    assert.equal(length, REPLY_BYTES)
  }

  beforeEach(() => start({ writeStallTimeoutMs: 500, prefaceTimeoutMs: 2000, unsentBytesMax: 65_536 }))
  afterEach(() => {
    server.forceShutdown()
    for (const socket of sockets.splice(0)) socket.destroy()
  })

  test('by a reader that stops reading', async () => {
    const socket = await connect()
    socket.pause()
    socket.write(CLIENT_PREFACE)
    socket.write(settingsFrame([4, 0x7fff_ffff]))
    socket.write(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0x7fff_0000)))
    for (let id = 1; id < 200; id += 2) {
      socket.write(Buffer.concat([headersFrame(id, callBlock(PATH)), messageFrame(id, Buffer.from('x'))]))
    }
    await stillServes()
    // Who does not read learns of its end only by writing.
    const ping = frame(FrameType.PING, 0, 0, Buffer.alloc(8))
    const writing = setInterval(() => socket.write(ping), 10)
    await new Promise((resolve) => socket.once('close', resolve))
    clearInterval(writing)
  })

  test('by a reader that opens no window for a thousand replies', async () => {
    const socket = await connect()
    socket.resume()
    socket.write(Buffer.concat([CLIENT_PREFACE, settingsFrame([4, 0])]))
    const before = process.memoryUsage().rss
    for (let id = 1; id < 2000; id += 2) {
      socket.write(Buffer.concat([headersFrame(id, callBlock(PATH)), messageFrame(id, Buffer.from('x'))]))
    }
    await stillServes()
    await once(socket, 'close')
    const grownBytes = process.memoryUsage().rss - before
    assert.ok(grownBytes < 200 << 20, `${grownBytes >> 20} MiB`)
  })

  test('but a reader that is only slow gets all it asked for', async () => {
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    const lengths = await Promise.all(
      Array.from(
        { length: 30 },
        () =>
          new Promise((resolve, reject) => {
            client.makeUnaryRequest(PATH, same, same, Buffer.from('x'), (error, value) => {
              if (error === null) resolve(value?.length)
              else reject(error)
            })
          }),
      ),
    )
    client.close()
    assert.deepEqual(new Set(lengths), new Set([REPLY_BYTES]))
  })

  test('by connections that stay silent, or say half a preface', async () => {
    const silent = await Promise.all(Array.from({ length: 20 }, connect))
    silent.forEach((socket, index) => {
      if (index % 2 === 0) socket.write('PRI * HTTP/2.0\r\n')
      socket.resume()
    })
    await stillServes()
    await Promise.all(silent.map((socket) => socket.destroyed || once(socket, 'close')))
  })

  test('by garbage, and by vanishing in the middle of a call', async () => {
    const garbage = await connect()
    garbage.resume()
    // It is cut off before all of it is read.
    garbage.on('error', () => {})
    garbage.write(Buffer.alloc(100_000, 0x5a))
    await until('it is closed', () => garbage.closed)
    const vanishing = await connect()
    vanishing.write(Buffer.concat([CLIENT_PREFACE, settingsFrame(), headersFrame(1, callBlock(PATH))]))
    await once(vanishing, 'data')
    vanishing.resetAndDestroy()
    await stillServes()
  })

  test('a GOAWAY reaches the client before the connection ends', async () => {
    const socket = await connect()
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(
      Buffer.concat([CLIENT_PREFACE, settingsFrame(), frame(FrameType.PING, 0, 1, Buffer.alloc(8))]),
    )
    await once(socket, 'end')
    const goaway = parseFrames(Buffer.concat(chunks)).find(({ type }) => type === FrameType.GOAWAY)
    assert.equal(goaway?.payload.readUInt32BE(4), 1)
  })
})
