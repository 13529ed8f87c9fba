import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import tls from 'node:tls'
import { Redis } from 'ioredis'
import { type Node, startNode } from '../../../src/main/node.js'
import { Authority } from '../../support/authority.js'
import { RespClient } from '../../support/resp-client.js'
import { tempFolder } from '../../support/temp-folder.js'
import { until } from '../../support/until.js'

const LARGE = 'x'.repeat(1 << 20)

describe('The Redis protocol over TLS', () => {
  const folder = tempFolder()
  const authority = new Authority(folder)
  const files = { certFile: join(folder, 'live.pem'), keyFile: join(folder, 'live.key') }
  const ca = readFileSync(authority.caFile)
  let node: Node
  let host: string
  let port: number

  const exchange = (name: string) => {
    const { certFile, keyFile } = authority.issue(name)
    copyFileSync(keyFile, files.keyFile)
    copyFileSync(certFile, files.certFile)
  }
  const nameShown = async () => {
    const socket = tls.connect({ host, port, ca })
    await once(socket, 'secureConnect')
    const { CN } = socket.getPeerCertificate().subject
    socket.destroy()
    return CN
  }

  before(async () => {
    exchange('first')
    node = await startNode({ self: '127.0.0.1:0', resp: '127.0.0.1:0', workers: 1, tls: files })
    const getter = (key: string) => (key === 'large' ? LARGE : key)
    await node.group('g', { maxBytes: 32 << 20, getter })
    const [at, of] = node.addresses.RESP!.split(':')
    host = at!
    port = Number(of)
  })
  after(() => node.close())

  it('serves values of all sizes, in pipelines', async () => {
    const client = new Redis({ host, port, tls: { ca }, retryStrategy: () => null })
    try {
      assert.equal(await client.get('g:large'), LARGE)
      const pipeline = client.pipeline()
      for (let i = 0; i < 1000; i++) pipeline.get(`g:${i % 2 === 0 ? 'hit' : i}`)
      const seen = (await pipeline.exec())!.map(([, value]) => value)
      assert.deepEqual(
        seen,
        Array.from({ length: 1000 }, (_, i) => (i % 2 === 0 ? 'hit' : String(i))),
      )
    } finally {
      client.disconnect()
    }
  })

  it('closes on a client that does not speak it, and serves the others', async () => {
    const plain = await RespClient.connect(node.addresses.RESP!)
    plain.send('PING')
    assert.doesNotMatch(await plain.closed(), /PONG/)
    assert.equal(await nameShown(), 'first')
  })

  it('shows a changed certificate to new connections, and keeps those that stand', async () => {
    const client = new Redis({ host, port, tls: { ca }, retryStrategy: () => null })
    try {
      assert.equal(await client.ping(), 'PONG')
      exchange('second')
      await until('the new one is shown', async () => (await nameShown()) === 'second')
      assert.equal(await client.get('g:hit'), 'hit')
    } finally {
      client.disconnect()
    }
  })
})
