import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ServerCredentials } from '@grpc/grpc-js'
import { CLIENT_PREFACE, FrameType } from '../../../src/main/grpc/http2/frame.js'
import { GrpcServer } from '../../../src/main/grpc/server.js'
import type { ServerMetrics } from '../../../src/main/grpc/server-metrics.js'
import { parseFrames, settingsFrame } from '../../support/http2-frames.js'
import { until } from '../../support/until.js'

/** Counts what a server tells. */
class Counts implements ServerMetrics {
  opened = 0
  closed = 0
  refused = 0
  violations = 0
  readonly goaways: string[] = []

  connectionOpened(): void {
    this.opened++
  }

  connectionClosed(): void {
    this.closed++
  }

  connectionRefused(): void {
    this.refused++
  }

  protocolError(): void {
    this.violations++
  }

  goaway(reason: string): void {
    this.goaways.push(reason)
  }

  streamsOpened(): void {}

  streamReset(): void {}

  received(): void {}

  sent(): void {}
}

describe('a connection that has not said anything yet', () => {
  let server: GrpcServer
  let counts: Counts
  let port: number
  const sockets: net.Socket[] = []

  async function start(options = {}): Promise<void> {
    counts = new Counts()
    server = new GrpcServer({ metrics: counts, ...options })
    port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
  }

  async function connect(): Promise<net.Socket> {
    const socket = net.connect(port, '127.0.0.1')
    sockets.push(socket)
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }

  /** All that comes until the end. */
  async function read(socket: net.Socket): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of socket) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks).toString('latin1')
  }

  beforeEach(() => start())

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    server.forceShutdown()
  })

  test('is greeted once it speaks HTTP/2, however few bytes it says at a time', async () => {
    const socket = await connect()
    const frames = async () => {
      const [chunk] = (await once(socket, 'data')) as [Buffer]
      return parseFrames(chunk).map(({ type }) => type)
    }
    const greeting = frames()
    const bytes = Buffer.concat([CLIENT_PREFACE, settingsFrame()])
    for (let at = 0; at < bytes.length; at += 5) {
      socket.write(bytes.subarray(at, at + 5))
      await new Promise((resolve) => setImmediate(resolve))
    }
    assert.equal((await greeting)[0], FrameType.SETTINGS)
    assert.deepEqual([counts.opened, counts.violations], [1, 0])
    socket.destroy()
    await until('it is counted as closed', () => counts.closed === 1)
  })

  test('is told so when it speaks HTTP/1.1', async () => {
    const socket = await connect()
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n')
    assert.match(await read(socket), /^HTTP\/1\.1 505 /)
    await until('it is counted as closed', () => counts.closed === 1)
    assert.equal(counts.violations, 0)
  })

  test('is gone when it says anything else, and counted once', async () => {
    for (const bytes of [Buffer.from([0x16, 3, 1, 0]), Buffer.alloc(100_000, 0x5a), Buffer.from('PRX')]) {
      const socket = await connect()
      socket.resume()
      socket.write(bytes)
      await until('it is closed', () => socket.closed)
    }
    await until('all are counted as closed', () => counts.closed === 3)
    assert.deepEqual([counts.opened, counts.violations, counts.goaways], [3, 3, Array(3).fill('error')])
  })

  test('is gone when it stays silent for too long, or the server shuts down', async () => {
    const silent = await connect()
    silent.resume()
    await until('it is there', () => counts.opened === 1)
    await new Promise<void>((resolve, reject) => {
      server.tryShutdown((error) => (error ? reject(error) : resolve()))
    })
    await until('it is closed', () => silent.closed)
    await start({ prefaceTimeoutMs: 50 })
    const other = await connect()
    other.resume()
    await until('it is closed', () => other.closed)
    assert.deepEqual([counts.opened, counts.closed, counts.violations], [1, 1, 1])
  })

  test('is turned away when there are too many', async () => {
    server.forceShutdown()
    await start({ connectionsMax: 2 })
    const first = await connect()
    await connect()
    await until('they are there', () => counts.opened === 2)
    const third = await connect()
    third.resume()
    await until('it is closed', () => third.closed)
    assert.equal(counts.refused, 1)
    first.destroy()
    await until('there is room', () => counts.closed === 1)
    await connect()
    await until('it is there', () => counts.opened === 3)
  })
})
