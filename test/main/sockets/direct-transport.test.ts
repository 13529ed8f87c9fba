import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { DirectTransport } from '../../../src/main/sockets/direct-transport.js'
import { BufferPool } from '../../../src/main/sockets/output-buffer.js'
import { ReadBuffer } from '../../../src/main/sockets/read-buffer.js'
import type { Traffic } from '../../../src/main/sockets/socket-transport.js'
import type { SocketUser } from '../../../src/main/sockets/transport.js'
import { until } from '../../support/until.js'

/** More than the kernel keeps for a connection whose other end does not read. */
const FLOOD_BYTES = 32 << 20
const PIECE_BYTES = 1 << 20

/** Keeps what a transport tells. */
class User implements SocketUser, Traffic {
  readonly pieces: Buffer[] = []
  /** The very buffers that were handed over. */
  readonly chunks: Buffer[] = []
  drained = 0
  ended = 0
  closed = 0
  receivedBytes = 0
  sentBytes = 0
  onChunk: (chunk: Buffer) => void = () => {}

  get text(): string {
    return Buffer.concat(this.pieces).toString()
  }

  receive(chunk: Buffer): void {
    this.pieces.push(Buffer.from(chunk))
    this.chunks.push(chunk)
    this.onChunk(chunk)
  }

  onDrained(): void {
    this.drained++
  }

  onTransportClosed(): void {
    this.closed++
  }

  onEnded(): void {
    this.ended++
  }

  received(lengthBytes: number): void {
    this.receivedBytes += lengthBytes
  }

  sent(lengthBytes: number): void {
    this.sentBytes += lengthBytes
  }
}

/** A pool that knows which of its buffers are out. */
class CountingPool extends BufferPool {
  out = 0

  override acquire(sizeBytes: number): Buffer {
    this.out++
    return super.acquire(sizeBytes)
  }

  override release(buffer: Buffer): void {
    this.out--
    super.release(buffer)
  }
}

describe('a direct transport', () => {
  let server: net.Server
  let pool: CountingPool
  let readBuffer: ReadBuffer
  const clients: net.Socket[] = []

  beforeEach(async () => {
    pool = new CountingPool(PIECE_BYTES)
    readBuffer = new ReadBuffer()
    server = net.createServer({ pauseOnConnect: true, noDelay: true, allowHalfOpen: true })
    await once(server.listen(0, '127.0.0.1'), 'listening')
  })

  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy()
    server.close()
  })

  async function connect(): Promise<{ client: net.Socket; transport: DirectTransport; user: User }> {
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
    clients.push(client)
    client.on('error', () => {})
    const [[accepted]] = await Promise.all([once(server, 'connection'), once(client, 'connect')])
    const user = new User()
    const transport = new DirectTransport(accepted as net.Socket, pool, readBuffer, user)
    transport.attach(user)
    return { client, transport, user }
  }

  /** A server that allows no half-open connections. */
  async function restart(): Promise<void> {
    server.close()
    server = net.createServer({ pauseOnConnect: true, noDelay: true })
    await once(server.listen(0, '127.0.0.1'), 'listening')
  }

  function send(transport: DirectTransport, bytes: Uint8Array): void {
    const buffer = pool.acquire(bytes.length)
    buffer.set(bytes)
    transport.send(buffer, bytes.length)
  }

  /** Sends pieces, each of one byte value, until the kernel takes no more, and one more. Answers the bytes. */
  function fill(transport: DirectTransport): number {
    let sent = 0
    for (let piece = 0; sent < FLOOD_BYTES; piece++) {
      const wasFull = transport.unsentBytes > 0
      send(transport, Buffer.alloc(PIECE_BYTES, piece))
      sent += PIECE_BYTES
      if (wasFull) return sent
    }
    throw new Error(`the kernel takes ${sent} bytes for a client that reads nothing`)
  }

  async function readAll(client: net.Socket, lengthBytes: number): Promise<Buffer> {
    const chunks: Buffer[] = []
    let bytes = 0
    client.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      bytes += chunk.length
    })
    client.resume()
    await until('everything has been read', () => bytes >= lengthBytes)
    return Buffer.concat(chunks)
  }

  function assertPieces(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES)
      assert.ok(piece.equals(Buffer.alloc(piece.length, at / PIECE_BYTES)), `piece at ${at}`)
    }
  }

  test('writes what the kernel takes before send() returns, and gives the buffer back', async () => {
    const { client, transport, user } = await connect()
    send(transport, Buffer.from('at once'))
    assert.equal(transport.unsentBytes, 0)
    assert.equal(pool.out, 0)
    assert.equal(user.drained, 0)
    assert.equal((await readAll(client, 7)).toString(), 'at once')
    assert.equal(user.sentBytes, 7)
  })

  test('queues what the kernel does not take, in part or in whole, and writes it in order later', async () => {
    const { client, transport, user } = await connect()
    client.pause()
    const sentBytes = fill(transport)
    // One that went out in part, and one behind it of which nothing did.
    assert.equal(pool.out, 2)
    assert.ok(transport.unsentBytes > PIECE_BYTES && transport.unsentBytes < 2 * PIECE_BYTES)
    const bytes = await readAll(client, sentBytes)
    assert.equal(bytes.length, sentBytes)
    assertPieces(bytes)
    await until('the queue is empty', () => user.drained > 0)
    assert.equal(pool.out, 0)
    assert.equal(user.sentBytes, sentBytes)
    send(transport, Buffer.from('again at once'))
    assert.equal(transport.unsentBytes, 0)
  })

  test('ends after what is queued', async () => {
    const { client, transport, user } = await connect()
    client.pause()
    const sentBytes = fill(transport)
    transport.end()
    send(transport, Buffer.from('too late'))
    assert.equal(pool.out, 2)
    const reading = readAll(client, sentBytes)
    await once(client, 'end')
    const bytes = await reading
    assert.equal(bytes.length, sentBytes)
    assertPieces(bytes)
    await until('both ends are closed', () => user.closed > 0)
    assert.equal(user.closed, 1)
    assert.equal(pool.out, 0)
  })

  test('a client that resets the connection while something is queued ends it once, and gets nothing any more', async () => {
    const { client, transport, user } = await connect()
    client.pause()
    fill(transport)
    client.resetAndDestroy()
    await until('the transport is closed', () => user.closed > 0)
    assert.equal(user.closed, 1)
    assert.equal(pool.out, 0)
    send(transport, Buffer.from('to nobody'))
    assert.equal(pool.out, 0)
  })

  test('a client that resets the connection while nothing is queued is noticed by the next write, too', async () => {
    const { client, transport, user } = await connect()
    transport.pauseReading()
    client.resetAndDestroy()
    await until('a write has failed', () => {
      send(transport, Buffer.from('anyone?'))
      return user.closed > 0
    })
    assert.equal(pool.out, 0)
    // No write may reach whatever has got the number of the closed descriptor.
    const other = await connect()
    send(transport, Buffer.from('to nobody'))
    send(other.transport, Buffer.from('to you'))
    assert.equal((await readAll(other.client, 6)).toString(), 'to you')
  })

  test('reads nothing while it is paused, and everything afterwards', async () => {
    const { client, transport, user } = await connect()
    client.write('one,')
    await until('it was read', () => user.text === 'one,')
    transport.pauseReading()
    await new Promise<void>((resolve) => client.write('two,', () => resolve()))
    const other = await connect()
    other.client.write('from another')
    await until('another was read', () => other.user.text === 'from another')
    assert.equal(user.text, 'one,')
    transport.resumeReading()
    client.write('three')
    await until('the rest was read', () => user.text === 'one,two,three')
    assert.equal(user.receivedBytes, 13)
  })

  test('may be paused in the middle of a read', async () => {
    const { client, transport, user } = await connect()
    const sent = Buffer.alloc(300_000, 'x')
    user.onChunk = () => transport.pauseReading()
    client.write(sent)
    await until('a part was read', () => user.chunks.length === 1)
    const other = await connect()
    other.client.write('from another')
    await until('another was read', () => other.user.text === 'from another')
    assert.equal(user.chunks.length, 1)
    user.onChunk = () => {}
    transport.resumeReading()
    await until('all was read', () => user.receivedBytes === sent.length)
  })

  test('reads on behind reads that fill the buffer, after which there may be nothing', async () => {
    await restart()
    const { client, transport, user } = await connect()
    let sentBytes = 0
    for (let round = 0; round < 3; round++) {
      // Nothing is read until all of it is there.
      transport.pauseReading()
      await new Promise<void>((resolve) => client.write(Buffer.alloc(4 * 65_536, 'x'), () => resolve()))
      sentBytes += 4 * 65_536
      transport.resumeReading()
      await until('all was read', () => user.receivedBytes === sentBytes)
    }
    send(transport, Buffer.from('answer'))
    assert.equal((await readAll(client, 6)).toString(), 'answer')
    client.end()
    await until('it is closed', () => user.closed > 0)
  })

  test('stays paused when the kernel takes no more, and reads on afterwards', async () => {
    const { client, transport, user } = await connect()
    transport.pauseReading()
    client.pause()
    const sentBytes = fill(transport)
    await new Promise<void>((resolve) => client.write('what was sent meanwhile', () => resolve()))
    const other = await connect()
    other.client.write('from another')
    await until('another was read', () => other.user.text === 'from another')
    assert.equal(user.text, '')
    assertPieces(await readAll(client, sentBytes))
    assert.equal(user.text, '')
    transport.resumeReading()
    await until('it was read', () => user.text === 'what was sent meanwhile')
  })

  test('reads while what it sent has not left', async () => {
    const { client, transport, user } = await connect()
    client.pause()
    fill(transport)
    client.write('still there?')
    await until('it was read', () => user.text === 'still there?')
    transport.destroy()
    await until('it is closed', () => user.closed > 0)
  })

  test('all connections are read into one buffer, one after the other', async () => {
    const [first, second] = [await connect(), await connect()]
    first.client.write('first')
    await until('the first was read', () => first.user.text === 'first')
    second.client.write('second')
    await until('the second was read', () => second.user.text === 'second')
    assert.ok(
      [...first.user.chunks, ...second.user.chunks].every(({ buffer }) => buffer === readBuffer.bytes.buffer),
    )
    // The tests that run with transports rely on it that nobody can keep what was read.
    assert.notEqual(first.user.chunks[0]!.toString(), 'first')
  })

  test('tells the end of the client, and still sends', async () => {
    const { client, transport, user } = await connect()
    client.end('bye')
    await until('the end was read', () => user.ended > 0)
    assert.equal(user.text, 'bye')
    send(transport, Buffer.from('good bye'))
    assert.equal((await readAll(client, 8)).toString(), 'good bye')
    transport.end()
    await until('it is closed', () => user.closed > 0)
    assert.equal(user.ended, 1)
  })

  test('of a server that allows no half-open connections ends with its client', async () => {
    await restart()
    const { client, user } = await connect()
    client.end('bye')
    await until('it is closed', () => user.closed > 0)
    assert.equal(user.text, 'bye')
    assert.equal(pool.out, 0)
  })

  test('is cut by destroy(), what is queued with it', async () => {
    const { client, transport, user } = await connect()
    client.pause()
    fill(transport)
    transport.destroy()
    await until('it is closed', () => user.closed > 0)
    assert.equal(pool.out, 0)
    client.resume()
    await once(client, 'close')
  })

  test('that is cut is closed once, and does nothing any more', async () => {
    const { client, transport, user } = await connect()
    transport.destroy()
    transport.destroy()
    send(transport, Buffer.from('too late'))
    transport.pauseReading()
    transport.resumeReading()
    transport.end()
    client.resume()
    await once(client, 'close')
    await until('it is closed', () => user.closed > 0)
    assert.deepEqual([user.closed, user.sentBytes, transport.unsentBytes, pool.out], [1, 0, 0, 0])
  })

  test('that is reset is closed once', async () => {
    const { client, user } = await connect()
    client.resetAndDestroy()
    await until('it is closed', () => user.closed > 0)
    assert.equal(user.closed, 1)
  })

  test('knows who is at the other end', async () => {
    const { client, transport } = await connect()
    assert.equal(transport.remoteAddress, `127.0.0.1:${client.localPort}`)
  })
})
