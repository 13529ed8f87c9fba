import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import tls from 'node:tls'
import type { Client } from '@grpc/grpc-js'
import { GrpcThread } from '../../../src/main/grpc-thread/grpc-thread.js'
import { type Node, startNode } from '../../../src/main/node.js'
import type { Log, NodeOptions } from '../../../src/main/node-options.js'
import { groupCacheDefinition } from '../../../src/main/service/group-cache-codec.js'
import { probeHttp2 } from '../../../src/main/service/http2-probe.js'
import { nodeDefinition } from '../../../src/main/service/node-codec.js'
import { peerDefinition } from '../../../src/main/service/peer-codec.js'
import { Code } from '../../../src/shared/errors.js'
import { Authority } from '../../support/authority.js'
import { Child } from '../../support/child.js'
import { GatedGetter } from '../../support/gated-getter.js'
import { counterOf } from '../../support/group-counters.js'
import { grpcClient, unaryCall } from '../../support/grpc-call.js'
import { healthCheck, healthWatch } from '../../support/health-client.js'
import { reflectionAsks } from '../../support/reflection-client.js'
import { tempFolder } from '../../support/temp-folder.js'
import { until } from '../../support/until.js'

const CALL_MS = 10_000

/** What the node tells when it starts another thread. */
class Deaths implements Log {
  count = 0
  debug(): void {}
  info(): void {}
  warn(): void {}
  error(): void {
    this.count++
  }
}

function connect(t: TestContext, address: string): Client {
  const client = grpcClient(address)
  t.after(() => client.close())
  return client
}

async function start(t: TestContext, options: NodeOptions = {}): Promise<Node> {
  const node = await startNode({ self: '127.0.0.1:0', workers: 1, ...options })
  t.after(() => node.close())
  return node
}

/** A node and, on another port, a gRPC thread of it that nobody shares the work with. */
async function startLone(t: TestContext, options: NodeOptions = {}) {
  const node = await start(t, options)
  const listener = createServer().listen(0, '127.0.0.1')
  await once(listener, 'listening')
  const { port } = listener.address() as AddressInfo
  const { fd } = (listener as unknown as { _handle: { fd: number } })._handle
  const limits = { receiveBytesMax: 1 << 20, sendBytesMax: 1 << 20 }
  const log = new Deaths()
  const thread = new GrpcThread({
    newSpec: () => ({ handle: node.handle(), descriptor: fd, limits, tls: options.tls }),
    log,
  })
  t.after(() => thread.shutdown(0))
  await thread.start()
  // The thread has a descriptor of its own: it listens on.
  listener.close()
  return { node, thread, log, port, client: connect(t, `127.0.0.1:${port}`), direct: connect(t, node.self) }
}

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text))

async function get(client: Client, key: string, group = 'g', metadata = {}): Promise<string> {
  const request = { group, key: bytes(key) }
  const options = { deadlineMs: CALL_MS, metadata }
  const { response } = await unaryCall(client, groupCacheDefinition.Get, request, options)
  return Buffer.from(response.value).toString()
}

/** What a client can see of the end of a call. */
async function endOf(call: Promise<unknown>): Promise<unknown> {
  try {
    return await call
  } catch (thrown) {
    const { code, details } = thrown as { code: number; details: string }
    return { code, details }
  }
}

test('a client cannot tell a gRPC thread from the main thread', async (t) => {
  const { node, client, direct } = await startLone(t, { keyBytesMax: 100 })
  await node.group('g', {
    maxBytes: 1 << 20,
    ttlMs: 3_600_000,
    getter: (key) => (key === 'missing' ? null : `value of ${key}`),
  })
  await node.group('gone', { maxBytes: 1 << 16, getter: (key) => key })
  assert.equal(await get(client, 'k', 'gone'), 'k')
  await node.removeGroup('gone')
  const keysOf = async (call: Promise<{ trailer: { getMap(): object } }>) => (await call).trailer.getMap()
  const calls: ((client: Client) => Promise<unknown>)[] = [
    (to) => get(to, 'Tom'),
    (to) => get(to, 'Tom'),
    (to) => get(to, 'Tom', 'g', { 'geek-cache-trace': '1' }),
    (to) =>
      keysOf(
        unaryCall(
          to,
          groupCacheDefinition.Get,
          { group: 'g', key: bytes('Tom') },
          { metadata: { 'geek-cache-trace': '1' } },
        ),
      ),
    (to) => get(to, 'missing'),
    (to) => get(to, 'Tom', 'no such group'),
    (to) => get(to, 'k', 'gone'),
    (to) => get(to, ''),
    (to) => get(to, 'k'.repeat(101)),
    (to) => unaryCall(to, groupCacheDefinition.Delete, { group: 'g', key: bytes('Tom') }),
    (to) => unaryCall(to, groupCacheDefinition.Delete, { group: 'no such group', key: bytes('Tom') }),
    (to) => get(to, 'Tom'),
    (to) => unaryCall(to, peerDefinition.Fetch, { group: 'g', key: bytes('missing') }),
    (to) => unaryCall(to, peerDefinition.Fetch, { group: 'no such group', key: bytes('Tom') }),
    (to) =>
      unaryCall(to, peerDefinition.FetchMany, {
        group: 'g',
        keys: ['Tom', 'missing', '', 'k'.repeat(101)].map(bytes),
      }).then(({ response }) => response.results.map((result) => ({ ...result, ttlLeftMs: 0 }))),
    (to) => unaryCall(to, peerDefinition.FetchMany, { group: 'no such group', keys: [bytes('Tom')] }),
    (to) => unaryCall(to, peerDefinition.FetchMany, { group: 'no such group', keys: [] }),
    (to) => unaryCall(to, peerDefinition.Remove, { group: 'no such group', key: bytes('Tom') }),
    (to) => unaryCall(to, peerDefinition.Remove, { group: 'g', key: bytes('nobody') }),
    (to) => unaryCall(to, nodeDefinition.Ring, { key: bytes('Tom') }).then(({ response }) => response),
    (to) =>
      unaryCall(to, nodeDefinition.Stats, {}).then(({ response: { self, counters } }) => [
        self,
        // Histograms tell the buckets that have counted, and the call before this one has been counted meanwhile.
        [...new Set(counters.map(({ group, name }) => group + name))].filter(
          (name) => !/_(bucket|sum)$/.test(name),
        ),
      ]),
    (to) =>
      unaryCall(to, nodeDefinition.Explain, { group: 'g', key: bytes('nobody') }).then(
        ({ response }) => response,
      ),
    (to) => unaryCall(to, nodeDefinition.Explain, { group: 'no such group', key: bytes('Tom') }),
    (to) =>
      unaryCall(to, nodeDefinition.HotKeys, { group: 'g', count: 1 }).then(
        ({ response }) => response.keys.length,
      ),
    (to) => healthCheck(to, ''),
    (to) => healthCheck(to, 'pb.GroupCache'),
    (to) => healthCheck(to, 'nobody'),
    (to) => reflectionAsks(to, 'v1', [{ list_services: '' }]),
    (to) => reflectionAsks(to, 'v1alpha', [{ file_containing_symbol: 'pb.GroupCache' }]),
  ]
  for (const call of calls) {
    const [theirs, ours] = [await endOf(call(direct)), await endOf(call(client))]
    assert.deepEqual(theirs, ours, String(call))
  }
})

test('hits are read in the thread and counted, and deleted keys are found no more', async (t) => {
  const { node, client, direct } = await startLone(t)
  const group = await node.group('g', { maxBytes: 1 << 20, getter: (key) => `value of ${key}` })
  for (let i = 0; i < 10; i++) assert.equal(await get(client, 'Tom'), 'value of Tom')
  assert.equal(counterOf(group, 'gets'), 10)
  assert.equal(counterOf(group, 'hits'), 9)
  assert.equal(counterOf(group, 'loads'), 1)
  await unaryCall(direct, groupCacheDefinition.Delete, { group: 'g', key: bytes('Tom') })
  await get(client, 'Tom')
  assert.equal(counterOf(group, 'loads'), 2)
})

test('a thread that stops lets calls finish, ends watches and takes nothing new', async (t) => {
  const { node, thread, log, client } = await startLone(t)
  const getter = new GatedGetter()
  await node.group('g', { maxBytes: 1 << 20, getter: getter.get })
  const watch = healthWatch(client, '')
  assert.equal(await watch.next(), 'SERVING')
  const value = get(client, 'Tom')
  const load = await getter.begun(1)
  const stopped = thread.shutdown(CALL_MS)
  assert.equal(await watch.next(), 'NOT_SERVING')
  await assert.rejects(watch.next(), { code: Code.UNAVAILABLE })
  load.resolve('630')
  assert.equal(await value, '630')
  await stopped
  await assert.rejects(get(client, 'Tom'), { code: Code.UNAVAILABLE })
  assert.equal(log.count, 0)
})

test('a caller that goes away takes its load with it, through the thread', async (t) => {
  const { node, client } = await startLone(t)
  const getter = new GatedGetter()
  await node.group('g', { maxBytes: 1 << 20, getter: getter.get })
  const away = new AbortController()
  const request = { group: 'g', key: bytes('Tom') }
  const call = unaryCall(client, groupCacheDefinition.Get, request, { signal: away.signal })
  const { context } = await getter.begun(1)
  away.abort()
  await assert.rejects(call, { code: Code.CANCELLED })
  await until('the getter hears of it', () => context.signal.aborted)
})

test('a thread speaks TLS where the node does, and nothing else', async (t) => {
  const authority = new Authority(tempFolder())
  const { port } = await startLone(t, { tls: { ...authority.issue('node'), caFile: authority.caFile } })
  const socket = tls.connect({
    host: '127.0.0.1',
    port,
    ca: readFileSync(authority.caFile),
    ALPNProtocols: ['h2'],
  })
  await once(socket, 'secureConnect')
  assert.equal(socket.getPeerCertificate().subject.CN, 'node')
  socket.destroy()
  assert.equal(await probeHttp2(`127.0.0.1:${port}`, CALL_MS), false)
})

test('a node with three gRPC threads serves many connections, loads once, and replaces a thread that dies', async (t) => {
  const deaths = new Deaths()
  const node = await start(t, { grpcThreads: 3, log: deaths })
  const getter = new GatedGetter()
  const group = await node.group('g', { maxBytes: 1 << 20, getter: getter.get })
  const clients = Array.from({ length: 24 }, () => connect(t, node.self))
  const first = clients.map((client) => get(client, 'Tom'))
  await until('all wait', () => counterOf(group, 'coalesced') === clients.length - 1)
  ;(await getter.begun(1)).resolve('630')
  assert.deepEqual(new Set(await Promise.all(first)), new Set(['630']))
  for (let i = 0; i < 10; i++) await Promise.all(clients.map((client) => get(client, 'Tom')))
  assert.equal(getter.loads.length, 1)
  assert.equal(counterOf(group, 'hits'), 10 * clients.length)

  const getRetrying = async (client: Client): Promise<void> => {
    // A call that was under way on a connection of the dead thread fails, and the next one connects again.
    await until('a call succeeds', async () => (await endOf(get(client, 'Tom'))) === '630')
  }
  for (let round = 0; round < 3; round++) {
    node.killGrpcThread(round % 2)
    await Promise.all(clients.map(getRetrying))
    await until('the death is noticed', () => deaths.count === round + 1)
    await Promise.all(Array.from({ length: 24 }, () => getRetrying(connect(t, node.self))))
  }
  const closed = node.close()
  await closed
  assert.equal(deaths.count, 3)
})

test('SIGTERM drains all threads and exits with 0', async (t) => {
  const folder = tempFolder()
  const getter = join(folder, 'slow.mjs')
  writeFileSync(
    getter,
    `export const getter = (key) => {
       process.stdout.write('loading ' + key + ';')
       return new Promise((resolve) => setTimeout(() => resolve(key), 300))
     }`,
  )
  const config = join(folder, 'node.yaml')
  writeFileSync(config, `groups: { g: { maxBytes: 1MiB, origin: { module: ${JSON.stringify(getter)} } } }\n`)
  const cli = new URL('../../../src/main/cli/main.js', import.meta.url)
  const child = new Child(cli, [
    'serve',
    ...['--config', config, '--self', '127.0.0.1:0', '--grpc-threads', '3', '--log-level', 'silent'],
  ])
  t.after(() => child.dispose())
  await child.wrote('(gRPC)')
  const [, address] = /listens on (\S+)/.exec(child.stdout) ?? []
  const keys = Array.from({ length: 12 }, (_, i) => `key${i}`)
  const calls = keys.map((key) => get(connect(t, address!), key))
  for (const key of keys) await child.wrote(`loading ${key};`)
  child.process.kill('SIGTERM')
  assert.deepEqual(await Promise.all(calls), keys)
  assert.deepEqual(await child.ended.then(({ code, signal, stderr }) => ({ code, signal, stderr })), {
    code: 0,
    signal: null,
    stderr: '',
  })
})

test('options that make no sense are refused', async () => {
  for (const options of [
    { grpcThreads: 0 },
    { grpcThreads: 17 },
    { grpcThreads: 2, grpcEngine: 'grpc-js' as const },
  ]) {
    await assert.rejects(startNode({ self: '127.0.0.1:0', ...options }), { code: 'INVALID_ARGUMENT' })
  }
})
