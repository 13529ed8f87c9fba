import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CacheError, Code, type CodeName } from '../../src/shared/errors.js'
import { THREAD_COUNT_MAX } from '../../src/shared/limits.js'
import { NodeCounters, type NodeSample } from '../../src/shared/node-counters.js'
import { labelSets, NODE_METRICS, NODE_WORDS, RequestOutcome, wordOf } from '../../src/shared/node-metrics.js'

function sampleOf(samples: readonly NodeSample[], name: string, labels: Record<string, string> = {}): number {
  const found = samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
  )
  assert.equal(found.length, 1, `${name} ${JSON.stringify(labels)}`)
  return found[0]!.value
}

test('every metric and combination of labels has words of its own', () => {
  const words = new Set<number>([0, 1])
  for (const spec of NODE_METRICS.filter(({ scope }) => scope !== 'peer')) {
    for (const labels of labelSets(spec)) {
      const first = wordOf(spec.name as Parameters<typeof wordOf>[0], ...Object.values(labels))
      const count = spec.kind === 'histogram' ? 55 : 1
      for (let word = first; word < first + count; word++) {
        assert.ok(!words.has(word), `${spec.name} ${JSON.stringify(labels)}`)
        words.add(word)
      }
    }
  }
  assert.equal(words.size, NODE_WORDS)
  assert.equal(Math.max(...words), NODE_WORDS - 1)
})

test('every thread counts in a row of its own, and reading sums over the threads', () => {
  const counters = new NodeCounters()
  for (let thread = 0; thread < THREAD_COUNT_MAX; thread++) {
    const front = new NodeCounters(counters.memory).row(thread, 'grpc').front('grpc')
    front.record(RequestOutcome.hit, 3, 10)
    front.received(100)
    front.connectionOpened()
  }
  const samples = counters.samples()
  const grpc = { front: 'grpc' }
  assert.equal(sampleOf(samples, 'requests', { ...grpc, outcome: 'hit' }), 10 * THREAD_COUNT_MAX)
  assert.equal(
    sampleOf(samples, 'request_duration_bucket', { ...grpc, outcome: 'hit', le: '0.000003' }),
    10 * THREAD_COUNT_MAX,
  )
  const seconds = sampleOf(samples, 'request_duration_sum', { ...grpc, outcome: 'hit' })
  assert.ok(Math.abs(seconds - 30e-6 * THREAD_COUNT_MAX) < 1e-12)
  assert.equal(sampleOf(samples, 'received', grpc), 100 * THREAD_COUNT_MAX)
  assert.equal(sampleOf(samples, 'front_threads', grpc), THREAD_COUNT_MAX)
  assert.equal(sampleOf(samples, 'requests', { front: 'resp', outcome: 'hit' }), 0)
})

test('a thread of the highest number that has ended keeps its counts in the sums', () => {
  const counters = new NodeCounters()
  counters
    .row(THREAD_COUNT_MAX - 1, 'http')
    .front('ws')
    .record(RequestOutcome.done, 3, 4)
  counters.endThread(THREAD_COUNT_MAX - 1)
  counters.row(0, 'main').front('ws').record(RequestOutcome.done, 3, 1)
  const ws = { front: 'ws', outcome: 'done' }
  assert.equal(sampleOf(counters.samples(), 'requests', ws), 5)
  assert.equal(sampleOf(counters.samples(), 'request_duration_bucket', { ...ws, le: '0.000003' }), 5)
  assert.equal(sampleOf(counters.samples(), 'front_threads', { front: 'ws' }), 1)
})

test('buckets that have counted nothing are left out', () => {
  const counters = new NodeCounters()
  const buckets = () => counters.samples().filter(({ name }) => name.startsWith('request_duration'))
  const front = counters.row(0, 'main').front('resp')
  assert.deepEqual(buckets(), [])
  front.count(RequestOutcome.hit, 5)
  assert.deepEqual(buckets(), [])
  front.record(RequestOutcome.load, 1e12)
  assert.deepEqual(
    buckets().map(({ name, labels }) => [name, labels.le]),
    [
      ['request_duration_bucket', '+Inf'],
      ['request_duration_sum', undefined],
    ],
  )
})

test('when a thread has ended, its gauges are gone and its counts stay', () => {
  const counters = new NodeCounters()
  counters.row(0, 'main').front('http').connectionOpened()
  const row = counters.row(3, 'http')
  row.set('event_loop_utilization', 0.5)
  const front = row.front('http')
  front.connectionOpened()
  front.connectionOpened()
  front.connectionClosed()
  assert.equal(sampleOf(counters.samples(), 'connections_open', { front: 'http' }), 2)
  assert.equal(sampleOf(counters.samples(), 'event_loop_utilization', { thread: '3', role: 'http' }), 0.5)
  counters.endThread(3)
  const samples = counters.samples()
  assert.equal(sampleOf(samples, 'connections_open', { front: 'http' }), 1)
  assert.equal(sampleOf(samples, 'connections', { front: 'http' }), 3)
  assert.equal(sampleOf(samples, 'front_threads', { front: 'http' }), 1)
  assert.ok(!samples.some(({ labels }) => labels.thread === '3'))
})

test('answers and errors have an outcome each', () => {
  const counters = new NodeCounters()
  const front = counters.row(0, 'main').front('grpc')
  front.recordAnswer({ outcome: 'load', answeredBy: 'a' }, 'a', 10)
  front.recordAnswer({ outcome: 'load', answeredBy: 'b' }, 'a', 10)
  for (const code of Object.keys(Code) as CodeName[]) front.recordError(new CacheError(code, ''), 10)
  front.recordError(new Error('a fault'), 10)
  const requests = counters
    .samples()
    .filter(({ name, labels, value }) => name === 'requests' && labels.front === 'grpc' && value > 0)
  assert.deepEqual(Object.fromEntries(requests.map(({ labels, value }) => [labels.outcome, value])), {
    load: 1,
    peer: 1,
    not_found: 1,
    cancelled: 1,
    failed: 1,
    invalid: 3,
    deadline: 1,
    exhausted: 1,
    unavailable: 2,
    internal: 2,
  })
})

test('of requests that are sampled one in sixteen is timed, and all are counted', () => {
  const counters = new NodeCounters()
  const front = counters.row(0, 'main').front('http')
  for (let i = 0; i < 32; i++) front.recordSampled(RequestOutcome.hit, front.sampleStart())
  const own = counters.samples().filter(({ labels }) => labels.front === 'http' && labels.outcome === 'hit')
  const sumOf = (name: string) =>
    own.filter((sample) => sample.name === name).reduce((sum, { value }) => sum + value, 0)
  assert.equal(sumOf('requests'), 32)
  assert.equal(sumOf('request_duration_bucket'), 32)
})
