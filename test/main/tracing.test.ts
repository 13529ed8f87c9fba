import assert from 'node:assert/strict'
import { test } from 'node:test'
import { context, SpanKind, trace } from '@opentelemetry/api'
import type { HotHandler } from '../../src/main/grpc/hot-shapes.js'
import { startNode } from '../../src/main/node.js'
import { groupCacheDefinition } from '../../src/main/service/group-cache-codec.js'
import { registerGroupCacheService } from '../../src/main/service/group-cache-service.js'
import { NativeServer } from '../../src/main/service/native-server.js'
import { grpcClient, unaryCall } from '../support/grpc-call.js'
import { MemoryGroups } from '../support/memory-groups.js'
import { RecordedSpans, traceparentOf } from '../support/recorded-spans.js'
import { keyOf, startRing } from '../support/ring-fixture.js'

const { Get } = groupCacheDefinition

for (const engine of ['native', 'grpc-js'] as const) {
  test(`one trace leads from a client by way of a node to the owner and its source (${engine})`, async (t) => {
    const spans = RecordedSpans.start(t)
    const getter = async (key: string) => {
      await null
      trace.getTracer('test').startSpan('query').end()
      return `value of ${key}`
    }
    const nodes = await startRing(t, 3, { getter }, { grpcEngine: engine })
    const [a, b] = nodes as [(typeof nodes)[0], (typeof nodes)[0]]
    const key = keyOf(a.node, [b.node.self])
    const client = grpcClient(a.node.self)
    t.after(() => client.close())
    const root = spans.begin('client')
    const metadata = { traceparent: traceparentOf(root), tracestate: 'vendor=1' }
    const { response } = await unaryCall(client, Get, { group: 'g', key: Buffer.from(key) }, { metadata })
    root.end()
    assert.equal(Buffer.from(response.value).toString(), `value of ${key}`)
    assert.deepEqual(spans.chain(), [
      'client',
      'pb.GroupCache/Get',
      'geekcache.get',
      'geekcache.v1.Peer/Fetch',
      'geekcache.v1.Peer/Fetch',
      'geekcache.get',
      'geekcache.load',
      'query',
    ])
    assert.equal(spans.ended.length, 8)
    const server = spans.named('pb.GroupCache/Get')
    assert.equal(server.kind, SpanKind.SERVER)
    assert.deepEqual(server.attributes, {
      'rpc.system': 'grpc',
      'rpc.service': 'pb.GroupCache',
      'rpc.method': 'Get',
      'rpc.grpc.status_code': 0,
    })
    const [outer, inner] = spans.ended.filter(({ name }) => name === 'geekcache.get').reverse()
    assert.equal(outer!.attributes['geekcache.outcome'], 'peer')
    assert.equal(inner!.attributes['geekcache.outcome'], 'load')
    const peer = spans.ended.find(({ kind, name }) => kind === SpanKind.CLIENT && name !== 'client')!
    assert.equal(peer.attributes['server.port'], Number(b.node.self.split(':')[1]))
    assert.equal(spans.named('query').spanContext().traceState?.serialize(), 'vendor=1')
    for (const { attributes } of spans.ended) assert.ok(!JSON.stringify(attributes).includes(key))
  })
}

test('a call that is not sampled, or has no trace, has no spans', async (t) => {
  const spans = RecordedSpans.start(t)
  const [a, b] = await startRing(t, 2)
  const client = grpcClient(a!.node.self)
  t.after(() => client.close())
  const ask = (traceparent?: string) =>
    unaryCall(
      client,
      Get,
      { group: 'g', key: Buffer.from(keyOf(a!.node, [b!.node.self], traceparent ?? 'none')) },
      { metadata: traceparent === undefined ? {} : { traceparent } },
    )
  await ask()
  await ask(traceparentOf(spans.begin('client')).replace(/01$/, '00'))
  await ask('nonsense')
  await a!.group.get('embedded')
  assert.deepEqual(spans.ended, [])
})

test('the span that is active in the embedding process is the parent of what it asks for', async (t) => {
  const spans = RecordedSpans.start(t)
  const [a] = await startRing(t, 1)
  const root = spans.begin('job')
  await context.with(trace.setSpan(context.active(), root), async () => {
    await a!.group.get('Tom')
    await a!.group.get('Tom')
    await a!.group.getMany(['Tom', 'Ann'])
    await assert.rejects(a!.group.get('missing'), { code: 'NOT_FOUND' })
  })
  root.end()
  const { spanId } = root.spanContext()
  const children = spans.ended.filter(({ parentSpanContext }) => parentSpanContext?.spanId === spanId)
  assert.deepEqual(
    children.map(({ name, attributes }) => [
      name,
      attributes['geekcache.outcome'] ?? attributes['geekcache.keys'],
    ]),
    [
      ['geekcache.get', 'load'],
      ['geekcache.get', 'hit'],
      ['geekcache.get_many', 2],
      ['geekcache.get', 'not_found'],
    ],
  )
})

test('a getter in a worker thread runs in the trace that waits for it', async (t) => {
  const spans = RecordedSpans.start(t)
  const node = await startNode({ self: '127.0.0.1:0', workers: 1 })
  t.after(() => node.close())
  const getter = new URL('../fixtures/traced-getter.js', import.meta.url)
  const group = await node.group('g', { maxBytes: 1 << 20, getter })
  assert.equal(Buffer.from(await group.get('untraced')).toString(), 'none')
  const root = spans.begin('job')
  const value = await context.with(trace.setSpan(context.active(), root), () => group.get('traced'))
  root.end()
  assert.equal(Buffer.from(value).toString(), root.spanContext().traceId)
})

test('a call with a trace leaves the hot path only when it is sampled and an SDK takes its spans', async (t) => {
  const groups = new MemoryGroups()
  groups.scores.set('Tom', '630')
  const server = new NativeServer({
    receiveBytesMax: 1 << 16,
    sendBytesMax: 1 << 16,
    credentials: (await import('@grpc/grpc-js')).ServerCredentials.createInsecure(),
    onReadStart() {},
    onReadEnd() {},
    onFault(error) {
      throw error
    },
  })
  registerGroupCacheService(server, groups)
  let hot = 0
  const handler: HotHandler = (_buffer, _start, _end, reply) => {
    hot++
    reply.reserve(0)
    return true
  }
  server.addHotMethod(Get.path, handler)
  const client = grpcClient(`127.0.0.1:${await server.listen('127.0.0.1:0')}`)
  t.after(async () => {
    client.close()
    await server.shutdown(0)
  })
  const isHot = async (flags: string | undefined): Promise<boolean> => {
    const before = hot
    const id = `${hot + 1}`.padStart(16, '0')
    const metadata = flags === undefined ? {} : { traceparent: `00-${'ab'.repeat(16)}-${id}-${flags}` }
    await unaryCall(client, Get, { group: 'scores', key: Buffer.from('Tom') }, { metadata })
    return hot > before
  }
  // The first of each shape is read the ordinary way.
  await isHot(undefined)
  await isHot('00')
  assert.equal(await isHot(undefined), true)
  assert.equal(await isHot('00'), true)
  assert.equal(await isHot('01'), true, 'without an SDK')
  const spans = RecordedSpans.start(t)
  assert.equal(await isHot('01'), false)
  assert.equal(await isHot('01'), false)
  assert.equal(await isHot('00'), true)
  assert.equal(await isHot(undefined), true)
  assert.deepEqual(
    spans.ended.map(({ name }) => name),
    ['pb.GroupCache/Get', 'pb.GroupCache/Get'],
  )
})
