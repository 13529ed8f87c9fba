import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import { test } from 'node:test'
import { startNode } from '../../src/main/node.js'
import { Authority } from '../support/authority.js'
import { Child } from '../support/child.js'
import { ask } from '../support/http-client.js'
import { RecordedLog } from '../support/recorded-log.js'
import { tempFolder } from '../support/temp-folder.js'

const CLI = new URL('../../src/main/cli/main.js', import.meta.url)
const authority = new Authority(tempFolder())

interface Shown {
  readonly cert?: Buffer
  readonly key?: Buffer
}

function askSecurely(address: string, path: string, shown: Shown = {}): Promise<number | undefined> {
  const { hostname, port } = new URL(`https://${address}`)
  const ca = readFileSync(authority.caFile)
  return new Promise((resolve, reject) => {
    request({ hostname, port, path, ca, agent: false, ...shown }, (response) => {
      response.resume()
      resolve(response.statusCode)
    })
      .on('error', reject)
      .end()
  })
}

test('where uWebSockets.js cannot be loaded, node:http serves, and the log says so', async (t) => {
  const flags = ['--self', '127.0.0.1:0', '--http', '127.0.0.1:0', '--http-threads', '2', '--workers', '1']
  // Native modules are not loaded at all: as on a system that there is no binary for.
  const child = new Child(CLI, ['serve', ...flags], { NODE_OPTIONS: '--no-addons' })
  t.after(() => child.dispose())
  await child.wrote('(HTTP)')
  const http = /(\S+) \(HTTP\)/.exec(child.stdout)![1]!
  assert.deepEqual((await ask(http, '/healthz')).json(), { status: 'ok' })
  assert.match(child.stderr, /HTTP is served by node:http: uWebSockets.js cannot be used/)
  assert.match(child.stderr, /On node:http, one thread serves HTTP/)
})

test('where uWebSockets.js is insisted on and cannot be loaded, the node does not start', async () => {
  const flags = ['--self', '127.0.0.1:0', '--http', '127.0.0.1:0', '--http-engine', 'uws', '--workers', '1']
  const { code, stderr } = await new Child(CLI, ['serve', ...flags], { NODE_OPTIONS: '--no-addons' }).ended
  assert.equal(code, 1)
  assert.match(stderr, /uWebSockets.js cannot be loaded/)
})

for (const httpEngine of ['uws', 'node'] as const) {
  test(`${httpEngine}: with a certificate, HTTP is HTTPS`, async (t) => {
    const tls = { ...authority.issue('node'), caFile: authority.caFile }
    const options = { self: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1 }
    const node = await startNode({ ...options, httpEngine, tls })
    t.after(() => node.close())
    await node.group('g', { maxBytes: 1 << 20, getter: (key) => key })
    for (const _ of ['miss', 'hit']) {
      assert.equal(await askSecurely(node.addresses.HTTP!, '/v1/groups/g/keys/k'), 200)
    }
    assert.equal(await askSecurely(node.addresses.admin!, '/v1/stats'), 200)
    await assert.rejects(ask(node.addresses.HTTP!, '/healthz'))
  })
}

test('who must show a certificate and has none does not get in, whatever the engine', async (t) => {
  const log = new RecordedLog()
  const tls = { ...authority.issue('node'), caFile: authority.caFile, requireClientCert: true }
  const options = { self: '127.0.0.1:0', http: '127.0.0.1:0', admin: '127.0.0.1:0', workers: 1, log }
  const node = await startNode({ ...options, tls })
  t.after(() => node.close())
  const { certFile, keyFile } = authority.issue('client')
  const shown = { cert: readFileSync(certFile), key: readFileSync(keyFile) }
  for (const address of Object.values(node.addresses)) {
    await assert.rejects(askSecurely(address, '/healthz'))
    assert.equal(await askSecurely(address, '/healthz', shown), 200)
  }
  assert.ok(log.has('HTTP is served by node:http'))
})
