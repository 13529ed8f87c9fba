import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { startNode } from '../../../src/main/node.js'
import { parseMetrics } from '../../support/prometheus-parser.js'
import { keyOf, startRing } from '../../support/ring-fixture.js'
import { until } from '../../support/until.js'

test('the metrics of a node come over HTTP, in the format that is asked for, where its operator asks', async (t) => {
  const groups = { g: { maxBytes: 1 << 20, getter: (key: string) => key } }
  const node = await startNode({
    self: '127.0.0.1:0',
    http: '127.0.0.1:0',
    admin: '127.0.0.1:0',
    workers: 1,
    groups,
  })
  t.after(() => node.close())
  const { HTTP, admin } = { HTTP: node.addresses.HTTP, admin: node.addresses.admin }
  assert.equal((await fetch(`http://${HTTP}/metrics`)).status, 404)
  const plain = await fetch(`http://${admin}/metrics`)
  assert.match(plain.headers.get('content-type')!, /^text\/plain; version=0\.0\.4/)
  const families = parseMetrics(await plain.text(), false)
  assert.ok(families.has('geekcache_group_gets_total'))
  const open = await fetch(`http://${admin}/metrics`, { headers: { accept: 'application/openmetrics-text' } })
  assert.match(open.headers.get('content-type')!, /^application\/openmetrics-text/)
  assert.ok(parseMetrics(await open.text(), true).has('geekcache_group_gets'))
})

test('the peers of a node are told with how calls to them went', async (t) => {
  const [a, b] = await startRing(t, 2, {}, { http: '127.0.0.1:0' })
  await a!.group.get(keyOf(a!.node, [b!.node.self]))
  const response = await fetch(`http://${a!.node.addresses.HTTP}/v1/peers`)
  const { peers } = (await response.json()) as { peers: readonly Record<string, unknown>[] }
  const { latencyMs, ...rest } = peers[0]!
  assert.deepEqual(
    [peers.length, rest],
    [1, { address: b!.node.self, state: 'connected', calls: 1, errors: 0 }],
  )
  assert.ok(Number(latencyMs) > 0)
})

for (const httpEngine of ['auto', 'node'] as const) {
  test(`requests over HTTP and RESP are counted by outcome (${httpEngine})`, async (t) => {
    const node = await startNode({
      self: '127.0.0.1:0',
      http: '127.0.0.1:0',
      httpEngine,
      resp: '127.0.0.1:0',
      workers: 1,
      groups: { g: { maxBytes: 1 << 20, getter: (key: string) => (key === 'missing' ? null : key) } },
    })
    t.after(() => node.close())
    const countOf = (name: string, front: string, outcome?: string) =>
      node
        .stats()
        .filter(
          ({ name: own, labels }) =>
            own === name && labels?.front === front && (outcome === undefined || labels.outcome === outcome),
        )
        .reduce((sum, { value }) => sum + value, 0)
    const url = `http://${node.addresses.HTTP}/v1/groups/g/keys`
    for (let i = 0; i < 33; i++) assert.equal(await (await fetch(`${url}/Tom`)).text(), 'Tom')
    assert.equal((await fetch(`${url}/missing`)).status, 404)
    assert.equal(countOf('requests', 'http', 'load'), 1)
    assert.equal(countOf('requests', 'http', 'hit'), 32)
    assert.equal(countOf('requests', 'http', 'not_found'), 1)
    assert.equal(countOf('request_duration_bucket', 'http', 'load'), 1)
    assert.ok([32, 48].includes(countOf('request_duration_bucket', 'http', 'hit')))
    assert.ok(countOf('connections', 'http') >= 1)
    assert.equal(countOf('front_threads', 'http'), 1)

    const [host, port] = node.addresses.RESP!.split(':')
    const socket = connect(Number(port), host)
    await once(socket, 'connect')
    socket.write('GET g:Tom\r\nGET g:Tom\r\nGET g:Ann\r\nMGET g:Tom g:missing\r\n')
    await until('the reads are counted', () => countOf('requests', 'resp', 'not_found') === 1)
    assert.equal(countOf('requests', 'resp', 'load'), 1)
    assert.ok(countOf('requests', 'resp', 'hit') >= 2)
    assert.equal(countOf('connections_open', 'resp'), 1)
    assert.ok(countOf('received', 'resp') > 0)
    socket.destroy()
    await until('the connection is gone', () => countOf('connections_open', 'resp') === 0)
    assert.equal(countOf('connections', 'resp'), 1)
  })
}
