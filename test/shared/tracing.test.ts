import assert from 'node:assert/strict'
import { test } from 'node:test'
import { trace } from '@opentelemetry/api'
import { CacheError } from '../../src/shared/errors.js'
import { activeParent, isSampled, isTracing, sampledParent, traced } from '../../src/shared/tracing.js'
import { RecordedSpans } from '../support/recorded-spans.js'

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736'
const SPAN = '00f067aa0ba902b7'
const PARENT = { traceparent: `00-${TRACE}-${SPAN}-01` }
const SPEC = { name: 'work', attributes: { a: 1 } }

test('a parent is one that is well-formed and sampled', () => {
  for (const [flags, sampled] of [
    ['00', false],
    ['01', true],
    ['02', false],
    ['03', true],
    ['0a', false],
    ['0b', true],
    ['fe', false],
    ['ff', true],
  ] as const) {
    const traceparent = `00-${TRACE}-${SPAN}-${flags}`
    assert.equal(isSampled(traceparent), sampled, flags)
    assert.deepEqual(sampledParent(traceparent), sampled ? { traceparent } : undefined, flags)
  }
  // A later version may have more, of which we know nothing.
  assert.ok(sampledParent(`cc-${TRACE}-${SPAN}-01-what-the-future-holds`))
})

test('what is malformed is as if it was not there', () => {
  for (const traceparent of [
    undefined,
    '',
    '01',
    `00-${TRACE}-${SPAN}-01-more`,
    `ff-${TRACE}-${SPAN}-01`,
    `00-${'0'.repeat(32)}-${SPAN}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
    `00-${TRACE.toUpperCase()}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-0g`,
    `00_${TRACE}_${SPAN}_01`,
    ` 00-${TRACE}-${SPAN}-01`,
    `00-${TRACE}-${SPAN}-01\n`,
    'x'.repeat(10_000),
  ]) {
    assert.equal(sampledParent(traceparent), undefined, String(traceparent).slice(0, 80))
  }
  for (const tracestate of ['', 'a=1\r\nx: y', 'é=1', 'a'.repeat(513)]) {
    assert.deepEqual(sampledParent(PARENT.traceparent, tracestate), PARENT)
  }
  assert.deepEqual(sampledParent(PARENT.traceparent, 'vendor=1,other=2'), {
    ...PARENT,
    tracestate: 'vendor=1,other=2',
  })
})

test('without an SDK nothing is traced, and the parent is handed on as it is', async () => {
  assert.equal(isTracing(), false)
  assert.equal(activeParent(), undefined)
  const parent = { ...PARENT, tracestate: 'vendor=1' }
  assert.deepEqual(await traced(parent, SPEC, async (below) => below), parent)
  assert.equal(await traced(undefined, SPEC, async (below) => below), undefined)
})

test('work has a span below its parent, active while it runs, with what it brings', async (t) => {
  const spans = RecordedSpans.start(t)
  assert.equal(isTracing(), true)
  const result = await traced(
    { ...PARENT, tracestate: 'vendor=1' },
    SPEC,
    async (below) => {
      await null
      assert.deepEqual(activeParent(), below)
      assert.equal(trace.getActiveSpan()?.spanContext().traceId, TRACE)
      assert.equal(below?.tracestate, 'vendor=1')
      return 7
    },
    (value) => ({ value }),
  )
  assert.equal(result, 7)
  assert.equal(activeParent(), undefined)
  const span = spans.named('work')
  assert.equal(span.parentSpanContext?.spanId, SPAN)
  assert.deepEqual(span.attributes, { a: 1, value: 7 })
})

test('work without a parent has no span', async (t) => {
  const spans = RecordedSpans.start(t)
  await traced(undefined, SPEC, async (below) => assert.equal(below, undefined))
  await traced({ traceparent: 'nonsense' }, SPEC, async (below) => assert.equal(below, undefined))
  assert.deepEqual(spans.ended, [])
})

test('"not found" is an answer, other rejections are errors', async (t) => {
  const spans = RecordedSpans.start(t)
  const fail = (code: 'NOT_FOUND' | 'UNAVAILABLE') =>
    traced(PARENT, { name: code, attributes: {} }, async () => {
      throw new CacheError(code, 'so it is')
    })
  await assert.rejects(fail('NOT_FOUND'), { code: 'NOT_FOUND' })
  await assert.rejects(fail('UNAVAILABLE'), { code: 'UNAVAILABLE' })
  assert.deepEqual(spans.named('NOT_FOUND').attributes, { 'geekcache.outcome': 'not_found' })
  assert.equal(spans.named('NOT_FOUND').status.code, 0)
  assert.deepEqual(spans.named('UNAVAILABLE').attributes, { 'error.type': 'UNAVAILABLE' })
  assert.deepEqual(spans.named('UNAVAILABLE').status, { code: 2, message: 'so it is' })
})
