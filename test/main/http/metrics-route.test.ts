import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startNode } from '../../../src/main/node.js'
import { parseMetrics } from '../../support/prometheus-parser.js'
import { keyOf, startRing } from '../../support/ring-fixture.js'

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
