import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { ServerCredentials } from '@grpc/grpc-js'
import { CLIENT_PREFACE, FrameType } from '../../../src/main/grpc/http2/frame.js'
import { GrpcServer } from '../../../src/main/grpc/server.js'
import { frame, parseFrames, settingsFrame } from '../../support/http2-frames.js'
import { until } from '../../support/until.js'

/** SETTINGS of five bytes, where each is of six: the end of any connection. */
const VIOLATION = Buffer.concat([
  CLIENT_PREFACE,
  settingsFrame(),
  frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(5)),
])
/** Frames that move nothing: more than any connection may send. */
const FLOOD = Buffer.concat([CLIENT_PREFACE, ...Array(20_000).fill(settingsFrame())])

describe('a connection that was told to go', () => {
  let server: GrpcServer
  let port: number
  let openCount: number
  const sockets: net.Socket[] = []

  beforeEach(async () => {
    openCount = 0
    const ignore = () => {}
    const metrics = {
      connectionOpened: () => openCount++,
      connectionClosed: () => openCount--,
      connectionRefused: ignore,
      protocolError: ignore,
      goaway: ignore,
      streamsOpened: ignore,
      streamReset: ignore,
      received: ignore,
      sent: ignore,
    }
    server = new GrpcServer({ metrics })
    port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
  })

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.destroy()
    server.forceShutdown()
  })

  /** Sends what it is told to go for, and keeps its own end open. Resolves with the socket once GOAWAY has come. */
  async function toldToGo(bytes: Buffer): Promise<net.Socket> {
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    sockets.push(socket)
    socket.on('error', () => {})
    const chunks: Buffer[] = []
    socket.on('data', (chunk: Buffer) => chunks.push(chunk))
    socket.write(bytes)
    await until('GOAWAY has come', () =>
      parseFrames(Buffer.concat(chunks)).some(({ type }) => type === FrameType.GOAWAY),
    )
    return socket
  }

  /** One that is half open learns of it by writing. */
  async function closed(socket: net.Socket): Promise<void> {
    await until('it is closed', () => {
      if (socket.writable) socket.write('?')
      return socket.closed
    })
  }

  test('is there until it hangs up', async () => {
    const socket = await toldToGo(VIOLATION)
    if (!socket.readableEnded) await once(socket, 'end')
    assert.equal(openCount, 1)
    socket.end()
    await until('it has gone', () => openCount === 0)
  })

  test('is cut off when it does not', async () => {
    const socket = await toldToGo(VIOLATION)
    // What it still sends is dropped.
    socket.write(Buffer.alloc(100_000))
    await until('it has gone', () => openCount === 0)
    await closed(socket)
  })

  test('is not let go at once when it floods, nor kept for long', async () => {
    const socket = await toldToGo(FLOOD)
    assert.equal(openCount, 1)
    assert.equal(socket.readableEnded, false)
    await until('it has gone', () => openCount === 0)
    await closed(socket)
  })

  test('is waited for by a server that shuts down, and cut off by one that is forced to', async () => {
    const socket = await toldToGo(FLOOD)
    let isOver = false
    server.tryShutdown(() => {
      isOver = true
    })
    assert.deepEqual([isOver, openCount], [false, 1])
    server.forceShutdown()
    assert.deepEqual([isOver, openCount], [true, 0])
    await closed(socket)
  })
})
