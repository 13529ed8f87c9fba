import assert from 'node:assert/strict'
import { once } from 'node:events'
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import tls from 'node:tls'
import { type Node, startNode } from '../../src/main/node.js'
import type { NodeOptions } from '../../src/main/node-options.js'
import { Authority } from '../support/authority.js'
import { freePorts } from '../support/free-ports.js'
import { tempFolder } from '../support/temp-folder.js'
import { until } from '../support/until.js'

const folder = tempFolder()
const authority = new Authority(folder)

async function start(t: TestContext, options: NodeOptions): Promise<Node> {
  const node = await startNode({ workers: 1, ...options })
  t.after(() => node.close())
  return node
}

async function connectTo(address: string): Promise<tls.TLSSocket> {
  const [host, port] = address.split(':')
  const socket = tls.connect({
    host,
    port: Number(port),
    ca: readFileSync(authority.caFile),
    ALPNProtocols: ['h2', 'http/1.1'],
  })
  await once(socket, 'secureConnect')
  return socket
}

/** Common name of the certificate that a server shows now. */
async function nameShownBy(address: string): Promise<string> {
  const socket = await connectTo(address)
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

for (const grpcEngine of ['native', 'grpc-js'] as const) {
  test(`${grpcEngine}: nodes call each other over mTLS, and nobody without a certificate gets in`, async (t) => {
    const peers = (await freePorts(2)).map((port) => `127.0.0.1:${port}`)
    const tlsOptions = { ...authority.issue('node'), caFile: authority.caFile, requireClientCert: true }
    const nodes = await Promise.all(
      peers.map((self) => start(t, { self, peers, grpcEngine, tls: tlsOptions })),
    )
    const groups = await Promise.all(
      nodes.map((node) =>
        node.group('g', { maxBytes: 1 << 20, getter: (key) => `${key} from ${node.self}` }),
      ),
    )
    const key = Array.from({ length: 1000 }, (_, i) => `key${i}`).find(
      (name) => nodes[0]!.owners(name)[0] === peers[1],
    )!
    assert.equal(Buffer.from(await groups[0]!.get(key)).toString(), `${key} from ${peers[1]}`)

    const stranger = tls.connect({
      port: Number(peers[0]!.split(':')[1]),
      ca: readFileSync(authority.caFile),
    })
    stranger.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
    const [error] = await once(stranger, 'error')
    assert.equal(error.code, 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED')
  })
}

for (const [httpEngine, httpThreads] of [
  ['node', 1],
  ['uws', 1],
  ['uws', 2],
] as const) {
  test(`${httpEngine}, ${httpThreads}: a certificate whose files change is shown to the next connection, one that is torn is not`, async (t) => {
    const files = {
      certFile: join(folder, `live-${httpEngine}-${httpThreads}.pem`),
      keyFile: join(folder, `live-${httpEngine}-${httpThreads}.key`),
    }
    const exchange = (name: string): void => {
      const { certFile, keyFile } = authority.issue(name)
      copyFileSync(keyFile, files.keyFile)
      copyFileSync(certFile, files.certFile)
    }
    exchange('first')
    const warnings: string[] = []
    const log = { debug() {}, info() {}, warn: (_: object, text: string) => warnings.push(text), error() {} }
    const http = { http: '127.0.0.1:0', admin: '127.0.0.1:0', httpEngine, httpThreads } as const
    const node = await start(t, { self: '127.0.0.1:0', ...http, tls: files, log })
    const addresses = [node.self, node.addresses.HTTP!, node.addresses.admin!]
    const namesShown = () => Promise.all(addresses.map(nameShownBy))
    const all = (name: string) => addresses.map(() => name)
    assert.deepEqual(await namesShown(), all('first'))
    writeFileSync(files.certFile, 'torn')
    // Seen by the main thread and by the front thread.
    await until(
      'the torn file is seen',
      () => warnings.filter((text) => text.includes('old one')).length >= 1 + httpThreads,
    )
    assert.deepEqual(await namesShown(), all('first'))
    const standing = await connectTo(addresses[1]!)
    t.after(() => standing.destroy())
    exchange('second')
    // The system resets what waits for a listener just when it closes for the next one.
    await until('the new certificate is shown by all', async () =>
      (await namesShown().catch(() => ['none'])).every((name) => name === 'second'),
    )
    standing.write('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n')
    const [answer] = await once(standing, 'data')
    assert.match(String(answer), /^HTTP\/1.1 200 OK/, 'a connection that stands is served')
  })
}

test('files that are missing or do not fit are one clear error', async () => {
  const { certFile } = authority.issue('one')
  const { keyFile } = authority.issue('other')
  await assert.rejects(startNode({ tls: { certFile: join(folder, 'absent.pem'), keyFile } }), {
    code: 'INVALID_ARGUMENT',
    message: /absent\.pem cannot be read/,
  })
  await assert.rejects(startNode({ tls: { certFile, keyFile } }), {
    code: 'INVALID_ARGUMENT',
    message: /no certificate and its key/,
  })
})
