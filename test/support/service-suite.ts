import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Client, status } from '@grpc/grpc-js'
import type { GrpcServer, MessageLimits } from '../../src/main/grpc-server.js'
import { groupCacheDefinition } from '../../src/main/service/group-cache-codec.js'
import { registerGroupCacheService } from '../../src/main/service/group-cache-service.js'
import { type HealthService, registerHealthService } from '../../src/main/service/health-service.js'
import type { MessageCodec } from '../../src/main/service/message.js'
import { nodeDefinition, type RingView } from '../../src/main/service/node-codec.js'
import { registerNodeService } from '../../src/main/service/node-service.js'
import { peerDefinition } from '../../src/main/service/peer-codec.js'
import { registerPeerService } from '../../src/main/service/peer-service.js'
import { registerReflectionService } from '../../src/main/service/reflection-service.js'
import { ANSWERED_BY, OUTCOME, TRACE } from '../../src/main/service/trace.js'
import { unaryMethod } from '../../src/main/service/unary-method.js'
import { Code, type CodeName } from '../../src/shared/errors.js'
import { grpcClient, unaryCall } from './grpc-call.js'
import { healthCheck, healthWatch } from './health-client.js'
import { MemoryGroups } from './memory-groups.js'
import { reflectionAsks } from './reflection-client.js'

export type CreateServer = (limits: MessageLimits) => GrpcServer

const LIMITS: MessageLimits = { receiveBytesMax: 64 * 1024, sendBytesMax: 1024 * 1024 }

const { Get, Delete } = groupCacheDefinition
const { Fetch, Remove } = peerDefinition
const { Explain, HotKeys, Ring, Stats } = nodeDefinition

const RING: RingView = {
  members: [
    { address: '127.0.0.1:8001', share: 0.75, self: true },
    { address: '127.0.0.1:8002', share: 0.25, self: false },
  ],
  owners: ['127.0.0.1:8002', '127.0.0.1:8001'],
}
const EXPLANATION = {
  owner: '127.0.0.1:8002',
  isOwned: false,
  shard: 3,
  present: true,
  notFound: false,
  ttlLeftMs: 1500,
  valueBytes: 3,
  costBytes: 40,
}
const EXPLAINED = {
  explain: async () => EXPLANATION,
  hotKeys: async (countMax = 32) => [{ key: Buffer.from('Tom'), hits: countMax, hitsOverMax: 0.5 }],
}
const COUNTERS = [{ name: 'hits', group: 'scores', shard: 1, value: 42 }]

/** A server with all services over groups in memory, and a client of it. */
class ServiceFixture {
  readonly groups = new MemoryGroups()
  readonly server: GrpcServer
  readonly health: HealthService
  #client: Client | undefined

  constructor(createServer: CreateServer) {
    this.server = createServer(LIMITS)
    registerGroupCacheService(this.server, this.groups)
    registerPeerService(this.server, this.groups, this.groups)
    registerNodeService(this.server, {
      self: '127.0.0.1:8001',
      counters: () => COUNTERS,
      find: (name) => (name === 'scores' ? EXPLAINED : undefined),
      members: () => RING.members,
      peers: () => [],
      owners: () => RING.owners,
    })
    this.health = registerHealthService(this.server)
    registerReflectionService(this.server)
  }

  get client(): Client {
    assert.ok(this.#client, 'The server does not listen yet')
    return this.#client
  }

  async open(): Promise<this> {
    this.#client = grpcClient(`127.0.0.1:${await this.server.listen('127.0.0.1:0')}`)
    return this
  }

  async close(): Promise<void> {
    this.#client?.close()
    await this.server.shutdown(0)
  }

  /** The calls of pb.GroupCache and geekcache.v1.Peer that take a group and a key. */
  get(key: Uint8Array | string, group = 'scores', options = {}) {
    return unaryCall(this.client, Get, { group, key: Buffer.from(key) }, options)
  }

  delete(key: Uint8Array | string, group = 'scores') {
    return unaryCall(this.client, Delete, { group, key: Buffer.from(key) })
  }

  fetch(key: Uint8Array | string, group = 'scores', options = {}) {
    return unaryCall(this.client, Fetch, { group, key: Buffer.from(key) }, options)
  }

  remove(key: Uint8Array | string, group = 'scores') {
    return unaryCall(this.client, Remove, { group, key: Buffer.from(key) })
  }
}

const rawCodec: MessageCodec<Buffer> = { encode: (bytes) => bytes, decode: (bytes) => Buffer.from(bytes) }

/** What every gRPC server has to make of our services. */
export function serviceSuite(name: string, createServer: CreateServer): void {
  describe(name, () => {
    describe('group cache', () => groupCacheTests(createServer))
    describe('errors', () => errorTests(createServer))
    describe('deadline and cancellation', () => lifeTests(createServer))
    describe('peer and node', () => peerAndNodeTests(createServer))
    describe('message limits', () => limitTests(createServer))
    describe('health', () => healthTests(createServer))
    describe('reflection', () => reflectionTests(createServer))
    describe('listen and shutdown', () => serverTests(createServer))
  })
}

/** A fixture for the tests of the surrounding `describe`. */
function fixtureOf(createServer: CreateServer): ServiceFixture {
  const fixture = new ServiceFixture(createServer)
  before(() => fixture.open())
  after(() => fixture.close())
  return fixture
}

function groupCacheTests(createServer: CreateServer): void {
  const fixture = fixtureOf(createServer)

  it('Get answers the value', async () => {
    fixture.groups.scores.set('Tom', '630')
    const { response } = await fixture.get('Tom')
    assert.equal(Buffer.from(response.value).toString(), '630')
  })

  it('Get takes any bytes for a key', async () => {
    const key = Buffer.from([0, 0xff, 0xc3, 0x28, 0x80])
    fixture.groups.scores.set(key, 'bytes')
    assert.equal(Buffer.from((await fixture.get(key)).response.value).toString(), 'bytes')
  })

  it('Get answers an empty value', async () => {
    fixture.groups.scores.set('empty', '')
    assert.equal((await fixture.get('empty')).response.value.length, 0)
  })

  it('Delete answers true, whether there was such a key or not', async () => {
    fixture.groups.scores.set('gone', 'soon')
    assert.equal((await fixture.delete('gone')).response.value, true)
    assert.equal(fixture.groups.scores.has('gone'), false)
    assert.equal((await fixture.delete('gone')).response.value, true)
  })

  it('tells where a value came from when it is asked to, and only then', async () => {
    fixture.groups.scores.set('Tom', '630')
    const asked = await fixture.get('Tom', 'scores', { metadata: { [TRACE]: '1' } })
    assert.deepEqual(asked.trailer.get(ANSWERED_BY), ['127.0.0.1:8001'])
    assert.deepEqual(asked.trailer.get(OUTCOME), ['hit'])
    const unasked = await fixture.get('Tom')
    assert.deepEqual(unasked.trailer.get(OUTCOME), [])
  })

  it('calls of clients are not forwarded', async () => {
    await fixture.get('Tom')
    assert.equal(fixture.groups.scores.options.at(-1)?.forwarded, false)
  })

  it('answers many calls at once, each with its own value', async () => {
    const keys = Array.from({ length: 300 }, (_, index) => `key ${index}`)
    for (const key of keys) fixture.groups.scores.set(key, `value of ${key}`)
    const answers = await Promise.all(keys.map((key) => fixture.get(key)))
    const values = answers.map(({ response }) => Buffer.from(response.value).toString())
    assert.deepEqual(
      values,
      keys.map((key) => `value of ${key}`),
    )
  })
}

function errorTests(createServer: CreateServer): void {
  const fixture = fixtureOf(createServer)

  it('an unknown group is NOT_FOUND and named', async () => {
    const details = 'group not found: "nobody"'
    await assert.rejects(fixture.get('Tom', 'nobody'), { code: status.NOT_FOUND, details })
    await assert.rejects(fixture.delete('Tom', 'nobody'), { code: status.NOT_FOUND, details })
  })

  it('a missing key is NOT_FOUND', async () => {
    await assert.rejects(fixture.get('nobody'), { code: status.NOT_FOUND, details: 'key not found' })
  })

  it('an empty key is INVALID_ARGUMENT', async () => {
    for (const call of [fixture.get(''), fixture.delete(''), fixture.fetch(''), fixture.remove('')]) {
      await assert.rejects(call, { code: status.INVALID_ARGUMENT, details: 'key is empty' })
    }
  })

  for (const code of Object.keys(Code) as CodeName[]) {
    it(`${code} becomes the status of that name; neither cause nor stack go out`, async () => {
      await assert.rejects(fixture.get(`throw ${code}`), {
        code: status[code],
        details: `told about ${code} \ufffd ✓`,
      })
    })
  }

  it('an error of another kind is INTERNAL and tells nothing', async () => {
    await assert.rejects(fixture.get('throw'), { code: status.INTERNAL, details: 'internal error' })
  })

  it('a malformed request is INVALID_ARGUMENT', async () => {
    for (const { path } of [Get, Delete, Fetch, Remove, Ring]) {
      const method = unaryMethod(path, rawCodec, rawCodec)
      await assert.rejects(unaryCall(fixture.client, method, Buffer.from([0x0a, 0x05, 0x61])), {
        code: status.INVALID_ARGUMENT,
        details: /^malformed request: /,
      })
    }
  })

  it('an unknown method, and an unknown service, are UNIMPLEMENTED', async () => {
    for (const path of ['/pb.GroupCache/Set', '/pb.Nobody/Get', '/geekcache.v1.Node/get']) {
      const method = unaryMethod(path, rawCodec, rawCodec)
      await assert.rejects(unaryCall(fixture.client, method, Buffer.alloc(0)), { code: status.UNIMPLEMENTED })
    }
  })
}

function lifeTests(createServer: CreateServer): void {
  const fixture = fixtureOf(createServer)

  it('the deadline reaches the group', async () => {
    const call = fixture.get('wait', 'scores', { deadlineMs: 60_000 })
    const waiting = await fixture.groups.scores.nextWaiting()
    const { deadlineMs = Number.POSITIVE_INFINITY } = waiting.options
    assert.ok(deadlineMs > 50_000 && deadlineMs <= 60_000, `${deadlineMs}`)
    waiting.finish(Buffer.from('late'))
    assert.equal(Buffer.from((await call).response.value).toString(), 'late')
    assert.equal(waiting.signal.aborted, false)
  })

  it('a call without a deadline has all the time', async () => {
    const call = fixture.get('wait')
    const waiting = await fixture.groups.scores.nextWaiting()
    assert.equal(waiting.options.deadlineMs, Number.POSITIVE_INFINITY)
    waiting.finish(Buffer.alloc(0))
    await call
  })

  it('options survive being spread', async () => {
    const call = fixture.get('wait', 'scores', { deadlineMs: 60_000 })
    const waiting = await fixture.groups.scores.nextWaiting()
    const spread = { ...waiting.options }
    assert.ok((spread.deadlineMs ?? 0) > 50_000 && (spread.deadlineMs ?? 0) <= 60_000)
    assert.equal(spread.signal, waiting.signal)
    waiting.finish(Buffer.alloc(0))
    await call
  })

  it('an expired deadline ends the call and aborts the signal', async () => {
    const call = fixture.get('wait', 'scores', { deadlineMs: 50 })
    const ended = assert.rejects(call, { code: status.DEADLINE_EXCEEDED })
    const waiting = await fixture.groups.scores.nextWaiting()
    await Promise.all([ended, waiting.cancelled])
  })

  it('a caller that goes away aborts the signal', async () => {
    const controller = new AbortController()
    const call = fixture.get('wait', 'scores', { signal: controller.signal })
    const ended = assert.rejects(call, { code: status.CANCELLED })
    const waiting = await fixture.groups.scores.nextWaiting()
    controller.abort()
    await Promise.all([ended, waiting.cancelled])
  })

  it('a connection that breaks aborts the signal', async () => {
    const lonely = await new ServiceFixture(createServer).open()
    try {
      const ended = assert.rejects(lonely.get('wait'))
      const waiting = await lonely.groups.scores.nextWaiting()
      await Promise.all([lonely.server.shutdown(0), waiting.cancelled, ended])
    } finally {
      await lonely.close()
    }
  })
}

function peerAndNodeTests(createServer: CreateServer): void {
  const fixture = fixtureOf(createServer)

  it('Fetch answers value, outcome and time to live, and its call counts as forwarded', async () => {
    fixture.groups.scores.set('Tom', '630')
    const { response } = await fixture.fetch('Tom')
    assert.deepEqual(response, { value: new Uint8Array(Buffer.from('630')), outcome: 'hit', ttlLeftMs: 1500 })
    assert.equal(fixture.groups.scores.options.at(-1)?.forwarded, true)
  })

  it('Remove removes, and its call counts as forwarded', async () => {
    fixture.groups.scores.set('gone', 'soon')
    await fixture.remove('gone')
    assert.equal(fixture.groups.scores.has('gone'), false)
    assert.equal(fixture.groups.scores.options.at(-1)?.forwarded, true)
  })

  it('a peer tells a group that it lacks from a key that the source lacks', async () => {
    await assert.rejects(fixture.fetch('Tom', 'nobody'), { code: status.FAILED_PRECONDITION })
    await assert.rejects(fixture.remove('Tom', 'nobody'), { code: status.FAILED_PRECONDITION })
    await assert.rejects(fixture.fetch('nobody'), { code: status.NOT_FOUND })
  })

  it('Stats answers the counters', async () => {
    const { response } = await unaryCall(fixture.client, Stats, {})
    assert.deepEqual(response, { self: '127.0.0.1:8001', counters: COUNTERS })
  })

  it('Ring answers the members, and the owners of a key when there is one', async () => {
    const asked = await unaryCall(fixture.client, Ring, { key: Buffer.from('Tom') })
    assert.deepEqual(asked.response, RING)
    const unasked = await unaryCall(fixture.client, Ring, { key: Buffer.alloc(0) })
    assert.deepEqual(unasked.response, { members: RING.members, owners: [] })
  })

  it('Explain and HotKeys answer for a group that is there', async () => {
    const key = Buffer.from('Tom')
    const explained = await unaryCall(fixture.client, Explain, { group: 'scores', key })
    assert.deepEqual(explained.response, EXPLANATION)
    const hot = await unaryCall(fixture.client, HotKeys, { group: 'scores', count: 7 })
    assert.deepEqual(hot.response, { keys: [{ key: new Uint8Array(key), hits: 7, hitsOverMax: 0.5 }] })
    const byDefault = await unaryCall(fixture.client, HotKeys, { group: 'scores', count: 0 })
    assert.equal(byDefault.response.keys[0]?.hits, 32)
    const unknown = { code: status.NOT_FOUND }
    await assert.rejects(unaryCall(fixture.client, Explain, { group: 'nobody', key }), unknown)
    await assert.rejects(unaryCall(fixture.client, HotKeys, { group: 'nobody', count: 1 }), unknown)
  })
}

function limitTests(createServer: CreateServer): void {
  const fixture = fixtureOf(createServer)

  /** Largest value and key whose messages are exactly at their limits: tag and length take 4 bytes each. */
  const valueBytesMax = LIMITS.sendBytesMax - 4
  const keyBytesMax = LIMITS.receiveBytesMax - 'scores'.length - 2 - 4

  it('a value at the limit goes through, unchanged', async () => {
    const value = Buffer.alloc(valueBytesMax, 'geek')
    fixture.groups.scores.set('big', value)
    assert.ok(value.equals((await fixture.get('big')).response.value))
  })

  it('an answer over the limit is RESOURCE_EXHAUSTED and names the limit', async () => {
    fixture.groups.scores.set('bigger', Buffer.alloc(valueBytesMax + 1))
    await assert.rejects(fixture.get('bigger'), {
      code: status.RESOURCE_EXHAUSTED,
      details: new RegExp(`${LIMITS.sendBytesMax}`),
    })
  })

  it('a key at the limit of messages reaches the group', async () => {
    const key = Buffer.alloc(keyBytesMax, 'k')
    fixture.groups.scores.set(key, 'far')
    assert.equal(Buffer.from((await fixture.get(key)).response.value).toString(), 'far')
  })

  it('a request over the limit is RESOURCE_EXHAUSTED and names the limit', async () => {
    await assert.rejects(fixture.get(Buffer.alloc(keyBytesMax + 1)), {
      code: status.RESOURCE_EXHAUSTED,
      details: new RegExp(`${LIMITS.receiveBytesMax}`),
    })
  })
}

function healthTests(createServer: CreateServer): void {
  const fixture = fixtureOf(createServer)

  it('the node and pb.GroupCache are SERVING', async () => {
    assert.equal(await healthCheck(fixture.client, ''), 'SERVING')
    assert.equal(await healthCheck(fixture.client, 'pb.GroupCache'), 'SERVING')
  })

  it('another service is NOT_FOUND, and SERVICE_UNKNOWN to those who watch it', async () => {
    await assert.rejects(healthCheck(fixture.client, 'nobody'), { code: status.NOT_FOUND })
    const watch = healthWatch(fixture.client, 'nobody')
    assert.equal(await watch.next(), 'SERVICE_UNKNOWN')
    watch.cancel()
    await assert.rejects(watch.next(), { code: status.CANCELLED })
  })

  it('shutdown is told to those who watch, and ends their watches', async () => {
    const watches = ['', 'pb.GroupCache'].map((service) => healthWatch(fixture.client, service))
    for (const watch of watches) assert.equal(await watch.next(), 'SERVING')
    fixture.health.shutdown()
    for (const watch of watches) {
      assert.equal(await watch.next(), 'NOT_SERVING')
      await assert.rejects(watch.next(), { code: status.UNAVAILABLE })
    }
    assert.equal(await healthCheck(fixture.client, ''), 'NOT_SERVING')
    assert.equal(await healthCheck(fixture.client, 'pb.GroupCache'), 'NOT_SERVING')
  })
}

function reflectionTests(createServer: CreateServer): void {
  const fixture = fixtureOf(createServer)

  for (const version of ['v1', 'v1alpha'] as const) {
    it(`${version} lists all services`, async () => {
      const [answer] = await reflectionAsks(fixture.client, version, [{ list_services: '*' }])
      assert.deepEqual(answer?.list_services_response?.service.map((service) => service.name).sort(), [
        'geekcache.v1.Node',
        'geekcache.v1.Peer',
        'grpc.health.v1.Health',
        'grpc.reflection.v1.ServerReflection',
        'grpc.reflection.v1alpha.ServerReflection',
        'pb.GroupCache',
      ])
    })

    it(`${version} describes every service`, async () => {
      const symbols = ['pb.GroupCache', 'geekcache.v1.Peer', 'geekcache.v1.Node', 'grpc.health.v1.Health']
      const answers = await reflectionAsks(
        fixture.client,
        version,
        symbols.map((symbol) => ({ file_containing_symbol: symbol })),
      )
      assert.equal(answers.length, symbols.length)
      for (const answer of answers) {
        assert.ok((answer.file_descriptor_response?.file_descriptor_proto.length ?? 0) > 0)
      }
    })

    it(`${version} answers an unknown symbol with an error, and goes on`, async () => {
      const [unknown, known] = await reflectionAsks(fixture.client, version, [
        { file_containing_symbol: 'pb.Nobody' },
        { file_containing_symbol: 'pb.GroupCache.Get' },
      ])
      assert.equal(unknown?.error_response?.error_code, status.NOT_FOUND)
      assert.ok(known?.file_descriptor_response)
    })
  }
}

function serverTests(createServer: CreateServer): void {
  it('an address in use is told in one clear error', async () => {
    const first = createServer(LIMITS)
    registerGroupCacheService(first, new MemoryGroups())
    const port = await first.listen('127.0.0.1:0')
    const second = createServer(LIMITS)
    await assert.rejects(second.listen(`127.0.0.1:${port}`), {
      name: 'CacheError',
      code: 'FAILED_PRECONDITION',
      message: `127.0.0.1:${port} is in use`,
    })
    await Promise.all([first.shutdown(0), second.shutdown(0)])
  })

  it('what is no address is INVALID_ARGUMENT', async () => {
    for (const address of ['', 'nonsense:port', '127.0.0.1:99999']) {
      const server = createServer(LIMITS)
      await assert.rejects(server.listen(address), { name: 'CacheError', code: 'INVALID_ARGUMENT' })
      await server.shutdown(0)
    }
  })

  it('listens on the host given and on no other', async () => {
    const servers = [createServer(LIMITS), createServer(LIMITS)] as const
    const port = await servers[0].listen('127.0.0.1:0')
    assert.equal(await servers[1].listen(`127.0.0.2:${port}`), port)
    await Promise.all(servers.map((server) => server.shutdown(0)))
  })

  it('shutdown lets calls in flight end, and takes no others', async () => {
    const fixture = await new ServiceFixture(createServer).open()
    const call = fixture.get('wait')
    const waiting = await fixture.groups.scores.nextWaiting()
    const down = fixture.server.shutdown(60_000)
    waiting.finish(Buffer.from('done'))
    assert.equal(Buffer.from((await call).response.value).toString(), 'done')
    await down
    await assert.rejects(fixture.get('Tom'), { code: status.UNAVAILABLE })
    await fixture.close()
  })

  it('shutdown ends what is still in flight after its grace', async () => {
    const fixture = await new ServiceFixture(createServer).open()
    const ended = assert.rejects(fixture.get('wait'))
    const waiting = await fixture.groups.scores.nextWaiting()
    await Promise.all([fixture.server.shutdown(20), waiting.cancelled, ended])
    await fixture.close()
  })

  it('an open watch does not hold up a shutdown that health was told of', async () => {
    const fixture = await new ServiceFixture(createServer).open()
    const watch = healthWatch(fixture.client, 'nobody')
    assert.equal(await watch.next(), 'SERVICE_UNKNOWN')
    fixture.health.shutdown()
    await fixture.server.shutdown(60_000)
    await fixture.close()
  })
}
