import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { DirectTransport } from '../../../src/main/sockets/direct-transport.js'
import { ListeningSocket } from '../../../src/main/sockets/listening-socket.js'
import { BufferPool } from '../../../src/main/sockets/output-buffer.js'
import { ReadBuffer } from '../../../src/main/sockets/read-buffer.js'
import { SilentHandles } from '../../../src/main/sockets/silent-handles.js'
import type { SocketHandle } from '../../../src/main/sockets/socket-handle.js'
import type { Traffic } from '../../../src/main/sockets/socket-transport.js'
import type { SocketUser } from '../../../src/main/sockets/transport.js'
import { until } from '../../support/until.js'

/** Keeps what a transport tells. */
class User implements SocketUser, Traffic {
  text = ''
  receivedBytes = 0
  closed = 0
  onText: () => void = () => {}

  receive(chunk: Buffer): void {
    this.text += chunk.toString()
    this.onText()
  }

  onDrained(): void {}

  onTransportClosed(): void {
    this.closed++
  }

  received(lengthBytes: number): void {
    this.receivedBytes += lengthBytes
  }

  sent(): void {}
}

describe('silent handles', () => {
  let server: net.Server
  let silent: SilentHandles
  let accepted: SocketHandle[]
  let gone: number
  let nowMs: number
  /** Else they are only accepted. */
  let areHeard: boolean
  let onFirstBytes: (handle: SocketHandle, chunk: Buffer, sinceMs: number) => void
  const readBuffer = new ReadBuffer()
  const pool = new BufferPool()
  const clients: net.Socket[] = []

  beforeEach(async () => {
    accepted = []
    gone = 0
    nowMs = 1000
    areHeard = true
    onFirstBytes = () => assert.fail('nothing was said')
    silent = new SilentHandles(readBuffer, {
      onFirstBytes: (handle, chunk, sinceMs) => onFirstBytes(handle, chunk, sinceMs),
      onGone: () => gone++,
    })
    server = net.createServer()
    const listening = new ListeningSocket(server)
    await listening.listen({ host: '127.0.0.1', port: 0 }, 100)
    listening.acceptHandles((handle) => {
      accepted.push(handle)
      if (areHeard) silent.add(handle, nowMs)
    })
  })

  afterEach(() => {
    for (const client of clients.splice(0)) client.destroy()
    server.close()
  })

  async function connect(): Promise<[net.Socket, SocketHandle]> {
    const before = accepted.length
    const client = net.connect((server.address() as net.AddressInfo).port, '127.0.0.1')
    clients.push(client)
    client.on('error', () => {})
    await until('it is accepted', () => accepted.length > before)
    return [client, accepted[before]!]
  }

  /** Whatever speaks gets a transport to this user. */
  function handOverTo(user: User): () => DirectTransport {
    let transport: DirectTransport
    onFirstBytes = (handle, chunk) => {
      transport = new DirectTransport(handle, pool, readBuffer, user)
      transport.attach(user, chunk)
    }
    return () => transport
  }

  function send(transport: DirectTransport, text: string): void {
    const buffer = pool.acquire(text.length)
    buffer.write(text)
    transport.send(buffer, text.length)
  }

  test('are handed over with their first bytes, and when they came; they read on in a transport', async () => {
    const user = new User()
    const transportOf = handOverTo(user)
    const [client, handle] = await connect()
    nowMs = 2000
    const [, other] = await connect()
    assert.deepEqual(silent.values(), [handle, other])
    assert.deepEqual([silent.sinceMs(handle), silent.sinceMs(other)], [1000, 2000])
    client.write('first,')
    await until('the first bytes were read', () => user.text === 'first,')
    assert.deepEqual(silent.values(), [other])
    assert.equal(silent.has(handle), false)
    assert.equal(silent.sinceMs(handle), undefined)
    client.write('second')
    await until('the others were read', () => user.text === 'first,second')
    assert.equal(user.receivedBytes, 12)
    const answer = once(client, 'data')
    send(transportOf(), 'answer')
    assert.equal(String((await answer)[0]), 'answer')
    client.end()
    await until('it is closed', () => user.closed > 0)
    assert.deepEqual([user.closed, gone], [1, 0])
  })

  test('may fill the buffer with their first bytes, after which there is nothing', async () => {
    const user = new User()
    handOverTo(user)
    areHeard = false
    const [client, handle] = await connect()
    await new Promise<void>((resolve) =>
      client.write(Buffer.alloc(readBuffer.bytes.length, 'x'), () => resolve()),
    )
    silent.add(handle, nowMs)
    await until('the first bytes were read', () => user.receivedBytes === readBuffer.bytes.length)
    client.write('more')
    await until('the rest was read', () => user.text.endsWith('more'))
    client.end()
    await until('it is closed', () => user.closed > 0)
  })

  test('lose nothing when the transport is paused by who reads the first bytes, or handed over', async () => {
    const [user, heir] = [new User(), new User()]
    let transport: DirectTransport
    onFirstBytes = (handle, chunk) => {
      transport = new DirectTransport(handle, pool, readBuffer, user)
      transport.attach(user, chunk)
    }
    user.onText = () => {
      transport.handOver(heir)
      transport.pauseReading()
    }
    const [client] = await connect()
    client.write('first')
    await until('the first bytes were read', () => user.text === 'first')
    await new Promise<void>((resolve) => client.write('second', () => resolve()))
    const other = new User()
    handOverTo(other)
    const [otherClient] = await connect()
    otherClient.write('from another')
    await until('another was read', () => other.text === 'from another')
    assert.equal(heir.text, '')
    transport!.resumeReading()
    await until('the second was read', () => heir.text === 'second')
    assert.equal(user.text, 'first')
  })

  test('that speak and are cut by who reads that are closed once', async () => {
    const user = new User()
    const transportOf = handOverTo(user)
    user.onText = () => transportOf().destroy()
    const [client] = await connect()
    client.write('garbage')
    client.resume()
    await until('it is closed', () => user.closed > 0)
    assert.deepEqual([user.closed, user.text], [1, 'garbage'])
  })

  test('that are cut are closed, and gone once', async () => {
    const [client, handle] = await connect()
    client.resume()
    // It may be read at the same time: nobody is told.
    client.write('too late')
    silent.cut(handle)
    silent.cut(handle)
    await until('it is closed', () => client.closed)
    assert.deepEqual([gone, silent.size], [1, 0])
  })

  for (const [how, leave] of [
    ['end', (client: net.Socket) => client.end()],
    ['are reset', (client: net.Socket) => client.resetAndDestroy()],
  ] as const) {
    test(`that ${how} before they said anything are gone once`, async () => {
      const [client] = await connect()
      leave(client)
      await until('it is gone', () => gone > 0)
      assert.deepEqual([gone, silent.size], [1, 0])
      if (!client.destroyed) await once(client.resume(), 'close')
    })
  }
})
