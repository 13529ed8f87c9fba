import assert from 'node:assert/strict'
import { test } from 'node:test'
import { expose, formatOf, metricsOf } from '../../../src/main/metrics/exposition.js'
import { METRIC_FAMILIES, sampleNamesOf } from '../../../src/main/metrics/metric-families.js'
import { startNode } from '../../../src/main/node.js'
import type { CounterSample } from '../../../src/main/node-view.js'
import { COUNTERS } from '../../../src/shared/counters.js'
import { NodeCounters } from '../../../src/shared/node-counters.js'
import { RequestOutcome } from '../../../src/shared/node-metrics.js'
import { parseMetrics } from '../../support/prometheus-parser.js'

const BUILD = { version: '1.2.3', self: '127.0.0.1:8001' }

function nodeSamples(count: (counters: NodeCounters) => void): CounterSample[] {
  const counters = new NodeCounters()
  count(counters)
  return counters.samples().map((sample) => ({ group: '', shard: 0, ...sample }))
}

function groupSamples(group: string, shard: number): CounterSample[] {
  return COUNTERS.map(({ name }, index) => ({ name, group, shard, value: index + 1 }))
}

for (const [format, open] of [
  ['prometheus', false],
  ['openmetrics', true],
] as const) {
  test(`${format}: everything of a node is told once, under names of the tables`, () => {
    const samples = [
      ...nodeSamples((counters) => {
        counters.row(0, 'main').front('grpc').record(RequestOutcome.hit, 5, 3)
        counters.row(1, 'worker').set('heap_used', 1e6)
      }),
      ...groupSamples('a', 0),
      ...groupSamples('a', 1),
      ...groupSamples('b', 0),
    ]
    const families = parseMetrics(expose(samples, format, BUILD), open)
    const known = new Set(METRIC_FAMILIES.flatMap((family) => sampleNamesOf(family)))
    const told = new Set([...families.values()].flatMap((family) => family.samples.map(({ name }) => name)))
    for (const name of told) assert.ok(known.has(name), name)
    const missing = [...known].filter((name) => !told.has(name))
    assert.deepEqual(
      missing.filter((name) => !name.startsWith('geekcache_peer_')),
      [],
    )
    const find = (name: string, labels: object) =>
      [...families.values()]
        .flatMap((family) => family.samples)
        .filter((sample) => sample.name === name && isIn(labels, sample.labels))
        .map(({ value }) => value)
    assert.deepEqual(find('geekcache_requests_total', { front: 'grpc', outcome: 'hit' }), [3])
    assert.deepEqual(find('geekcache_group_gets_total', { group: 'a', shard: '1' }), [1])
    assert.deepEqual(find('geekcache_build_info', {}), [1])
    const hits = { front: 'grpc', outcome: 'hit' }
    assert.deepEqual(find('geekcache_request_duration_seconds_count', hits), [3])
    assert.deepEqual(find('geekcache_request_duration_seconds_bucket', { ...hits, le: '0.000008' }), [3])
    assert.deepEqual(find('geekcache_request_duration_seconds_bucket', { ...hits, le: '0.000004' }), [0])
    assert.ok(Math.abs(find('geekcache_request_duration_seconds_sum', hits)[0]! - 15e-6) < 1e-12)
  })

  test(`${format}: names of groups may be any text`, () => {
    for (const name of [
      'quote " here',
      'back\\slash',
      'new\nline',
      'all "\\\n',
      '\\n',
      'ключ',
      '{a="b"} 1 # x',
    ]) {
      const families = parseMetrics(expose(groupSamples(name, 0), format, BUILD), open)
      for (const family of families.values()) {
        if (!family.name.includes('_group_')) continue
        for (const { labels } of family.samples) assert.equal(labels.group, name)
      }
    }
  })
}

test('histograms of loads add up', () => {
  const families = parseMetrics(expose(groupSamples('g', 0), 'prometheus', BUILD), false)
  const loads = COUNTERS.flatMap(({ name }, index) => (name.startsWith('load_ms_') ? [index + 1] : []))
  const sum = COUNTERS.findIndex(({ name }) => name === 'load_seconds_sum') + 1
  const { samples } = families.get('geekcache_group_load_duration_seconds')!
  const valueAt = (suffix: string) => samples.find(({ name }) => name.endsWith(suffix))?.value
  assert.equal(
    valueAt('_count'),
    loads.reduce((total, count) => total + count, 0),
  )
  assert.equal(valueAt('_sum'), sum)
  assert.equal(valueAt('_bucket'), loads[0])
})

test('what is no sample of ours is left out', () => {
  const strange = [
    { name: 'unheard_of', group: '', shard: 0, value: 1 },
    { name: 'unheard_of', group: 'g', shard: 0, value: 1 },
    { name: 'load_ms_le_', group: 'g', shard: 0, value: 1 },
    { name: 'request_duration_bucket', group: '', shard: 0, value: 1, labels: { le: '7' } },
  ]
  const families = parseMetrics(expose(strange, 'openmetrics', BUILD), true)
  assert.deepEqual(
    [...families.keys()].filter((name) => name.includes('unheard')),
    [],
  )
})

test('OpenMetrics is for those who prefer it', () => {
  const scraper =
    'application/openmetrics-text;version=1.0.0;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=0.0.4;q=0.4,*/*;q=0.1'
  assert.equal(formatOf(scraper), 'openmetrics')
  assert.equal(formatOf('application/openmetrics-text'), 'openmetrics')
  for (const accept of [
    undefined,
    '',
    '*/*',
    'text/plain',
    'text/html,application/xhtml+xml,*/*;q=0.8',
    'application/openmetrics-text;q=0',
    'application/openmetrics-text;q=nonsense',
    'text/plain;q=0.9, application/openmetrics-text;q=0.1',
  ]) {
    assert.equal(formatOf(accept), 'prometheus', accept)
  }
})

test('a running node tells its metrics in both formats', async (t) => {
  const node = await startNode({
    self: '127.0.0.1:0',
    workers: 2,
    groups: { g: { maxBytes: 1 << 20, getter: (key) => key } },
  })
  t.after(() => node.close())
  await node.findGroup('g')!.get('Tom')
  await node.findGroup('g')!.get('Tom')
  const view = {
    self: node.self,
    counters: () => node.stats(),
    members: () => node.members(),
    peers: () => node.peers(),
    owners: (key: Uint8Array) => node.owners(key),
    find: (name: string) => node.findGroup(name),
  }
  const plain = await metricsOf(view, undefined, '1.2.3')
  const open = await metricsOf(view, 'application/openmetrics-text', '1.2.3')
  assert.match(plain.contentType, /^text\/plain; version=0\.0\.4/)
  assert.match(open.contentType, /^application\/openmetrics-text; version=1\.0\.0/)
  for (const families of [parseMetrics(plain.body, false), parseMetrics(open.body, true)]) {
    const requests = [...families.values()].find(({ name }) => /^geekcache_requests(_total)?$/.test(name))!
    const count = (outcome: string) =>
      requests.samples.find(({ labels }) => labels.front === 'embed' && labels.outcome === outcome)!.value
    assert.deepEqual([count('hit'), count('load')], [1, 1])
    const members = families.get('geekcache_ring_members')!
    assert.equal(members.samples[0]!.value, 1)
    const resident = families.get('geekcache_process_resident_memory_bytes')!
    assert.ok(resident.samples[0]!.value > 1e6)
    const heaps = families.get('geekcache_heap_used_bytes')!
    assert.deepEqual(
      heaps.samples.map(({ labels }) => labels.role),
      ['main', 'worker', 'worker'],
    )
  }
})

function isIn(part: object, whole: Readonly<Record<string, string>>): boolean {
  return Object.entries(part).every(([label, value]) => whole[label] === value)
}
