import assert from 'node:assert/strict'
import { execSync } from 'node:child_process'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { after, before, describe, it, type TestContext } from 'node:test'
import { freePorts } from '../../support/free-ports.js'
import { RespClient, requestOf } from '../../support/resp-client.js'
import { ServedProcess } from '../../support/served-process.js'
import { until } from '../../support/until.js'

const WANTED = 10_000
/** Connected at a time: more would not fit the queue of a listening socket. */
const BATCH = 250
/** Of memory, for a connection that has sent half a request: what there is of it, sockets, buffers and heap. */
const BYTES_MAX = 16_384
/** Descriptors that a process needs for other things. */
const DESCRIPTORS_KEPT = 500

const REQUEST = requestOf('GET', 'g:key')
const VALUE = 'value of key'
const REPLY = `$${VALUE.length}\r\n${VALUE}\r\n`
const HALF = REQUEST.length - 5

/** As many as the limits of the system allow. */
function connectionCount(t: TestContext): number {
  const limit = Number(execSync('ulimit -Hn', { encoding: 'utf8' }))
  const count = Number.isNaN(limit) ? WANTED : Math.min(WANTED, limit - DESCRIPTORS_KEPT)
  if (count < WANTED) t.diagnostic(`${count} connections, not ${WANTED}: the limit of open files is ${limit}`)
  return count
}

describe('A node with thousands of Redis clients', () => {
  let node: ServedProcess
  let address = ''
  before(async () => {
    const [port] = await freePorts(1)
    address = `127.0.0.1:${port}`
    node = await ServedProcess.start('127.0.0.1:0', '--resp', address)
  })
  after(() => node.close())

  async function open(): Promise<Socket> {
    const [host, port] = address.split(':')
    const socket = connect({ host: host!, port: Number(port) })
    await once(socket, 'connect')
    socket.on('error', () => {})
    return socket
  }

  it('holds little for each, idle or in the middle of a request, and loses none', async (t) => {
    const count = connectionCount(t)
    const operator = await RespClient.connect(address)
    t.after(() => operator.close())
    assert.equal(await operator.call('GET', 'g:key'), VALUE)
    const tell = async (field: string) => {
      const info = String(await operator.call('INFO', 'clients', 'memory'))
      return Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)![1])
    }
    const beforeBytes = await tell('used_memory_rss')
    const sockets: Socket[] = []
    t.after(() => {
      // A reset leaves nothing behind in the system.
      for (const socket of sockets) socket.resetAndDestroy()
    })
    while (sockets.length < count) {
      const batch = Math.min(BATCH, count - sockets.length)
      sockets.push(...(await Promise.all(Array.from({ length: batch }, open))))
    }
    const bytesEach = async () => Math.round(((await tell('used_memory_rss')) - beforeBytes) / count)
    await until('all are there', async () => (await tell('connected_clients')) === count + 1)
    const idle = await bytesEach()
    for (const socket of sockets) socket.write(REQUEST.subarray(0, HALF))
    await until('all halves are there', async () => (await tell('mem_clients_normal')) === count * HALF)
    const half = await bytesEach()
    t.diagnostic(
      `memory for each of ${count} connections: idle ${idle} B, in the middle of a request ${half} B`,
    )
    assert.ok(idle <= BYTES_MAX && half <= BYTES_MAX, `${idle}, ${half}`)
    assert.equal(await operator.call('GET', 'g:key'), VALUE)
    const replies = sockets.map((socket) => once(socket, 'data'))
    for (const socket of sockets) socket.write(REQUEST.subarray(HALF))
    for (const [chunk] of await Promise.all(replies)) assert.equal(String(chunk), REPLY)
    assert.equal(await tell('mem_clients_normal'), 0)
    for (const socket of sockets) socket.resetAndDestroy()
    await until('all are gone', async () => (await tell('connected_clients')) === 1)
  })
})
