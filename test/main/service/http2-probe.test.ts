import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer as createHttp2Server } from 'node:http2'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { describe, it } from 'node:test'
import { probeHttp2 } from '../../../src/main/service/http2-probe.js'

async function listening(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

describe('HTTP/2 probe', () => {
  it('finds who speaks HTTP/2, and leaves', async () => {
    const server = createHttp2Server()
    const address = await listening(server as Server)
    assert.equal(await probeHttp2(address, 5000), true)
    await new Promise((closed) => server.close(closed))
  })

  it('finds nobody where nothing is said, and leaves', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).resume())
    const address = await listening(server)
    assert.equal(await probeHttp2(address, 20), false)
    await new Promise((closed) => server.close(closed))
  })

  it('finds nobody where something else is spoken', async () => {
    const server = createServer((socket) => socket.on('error', () => {}).end('220 mail.example ESMTP\r\n'))
    assert.equal(await probeHttp2(await listening(server), 5000), false)
    server.close()
  })

  it('finds nobody at a refused port, and at what is no address', async () => {
    assert.equal(await probeHttp2('127.0.0.1:1', 5000), false)
    assert.equal(await probeHttp2('no address', 5000), false)
    assert.equal(await probeHttp2('', 5000), false)
    assert.equal(await probeHttp2('127.0.0.1:99999', 5000), false)
  })
})
