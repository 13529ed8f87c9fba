import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { type CacheClient, connect } from '../../src/client/index.js'
import type { LinkState } from '../../src/client/live-link.js'
import { LiveHub } from '../../src/main/http/live/live-hub.js'
import { systemClock } from '../../src/shared/clock.js'
import { CacheError } from '../../src/shared/errors.js'
import { MemoryGroups } from '../support/memory-groups.js'
import { until } from '../support/until.js'

type Listener = (keys: readonly Uint8Array[] | 'all') => void

/** A hub behind a real WebSocket server, which can lose its connections. */
class LiveServer {
  readonly groups = new MemoryGroups()
  readonly listeners = new Set<Listener>()
  readonly #server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  readonly #hub = new LiveHub(
    {
      groups: this.groups,
      hot: [],
      pin: { enter() {}, leave() {} },
      node: {
        self: '127.0.0.1:8001',
        counters: () => [{ name: 'gets', group: 'scores', shard: 0, value: 42 }],
        members: () => [{ address: '127.0.0.1:8001', share: 1, self: true }],
        owners: () => ['127.0.0.1:8001'],
        peers: () => [],
        find: () => undefined,
      },
      invalidations: {
        watch: (_group, listener) => {
          this.listeners.add(listener)
          return () => this.listeners.delete(listener)
        },
      },
      clock: systemClock,
      every: (everyMs, tick) => {
        const timer = setInterval(tick, everyMs)
        return () => clearInterval(timer)
      },
    },
    { data: true, control: true, deletes: true },
  )

  constructor() {
    this.#server.on('connection', (socket) => {
      const connection = this.#hub.open({
        get bufferedAmount() {
          return socket.bufferedAmount
        },
        send: (bytes) => socket.send(bytes, () => connection.drained()),
        close: (code, reason) => socket.close(code, reason),
      })
      socket.on('message', (data, isBinary) => connection.receive(data as Buffer, isBinary))
      socket.on('close', () => connection.closed())
    })
  }

  async url(): Promise<string> {
    if (this.#server.address() === null) await once(this.#server, 'listening')
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/ws`
  }

  breakConnections(): void {
    for (const socket of this.#server.clients) socket.terminate()
  }

  async close(): Promise<void> {
    this.#hub.close()
    this.breakConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

describe('The client', () => {
  let server: LiveServer
  let client: CacheClient
  let states: LinkState[]

  before(() => {
    server = new LiveServer()
  })
  after(() => server.close())

  beforeEach(async () => {
    states = []
    client = connect(await server.url(), { WebSocket, onState: (state) => states.push(state) })
    server.groups.scores.set('Tom', '630')
  })
  afterEach(() => client.close())

  const isCode = (code: string) => (thrown: unknown) => thrown instanceof CacheError && thrown.code === code

  it('gets, deletes and asks; what fails is a CacheError with the node’s code', async () => {
    const scores = client.group('scores')
    assert.equal(Buffer.from(await scores.get('Tom')).toString(), '630')
    const { outcome, ttlLeftMs } = await scores.fetch('Tom')
    assert.deepEqual([outcome, ttlLeftMs], ['hit', 1500])
    const [tom, none, failed] = await scores.getMany(['Tom', 'none', 'throw UNAVAILABLE'])
    assert.ok(tom instanceof Uint8Array && none === null && isCode('UNAVAILABLE')(failed))
    assert.equal((await client.stats()).counters[0]?.value, 42)
    assert.deepEqual((await client.ring('Tom')).owners, ['127.0.0.1:8001'])
    await scores.delete('Tom')
    await assert.rejects(scores.get('Tom'), isCode('NOT_FOUND'))
    await assert.rejects(client.group('nobody').get('Tom'), isCode('NOT_FOUND'))
    assert.deepEqual(states, ['connecting', 'open'])
  })

  it('has many requests under way at once, more than a node takes', async () => {
    const scores = client.group('scores')
    const values = await Promise.all(Array.from({ length: 5000 }, () => scores.get('Tom')))
    assert.ok(values.every((value) => Buffer.from(value).toString() === '630'))
  })

  it('gives up at its deadline, or when told to, and so does the node', async () => {
    const scores = client.group('scores')
    // The connection stands, so that the short time is the node's.
    await scores.get('Tom')
    const late = assert.rejects(scores.get('wait', { deadlineMs: 50 }), isCode('DEADLINE_EXCEEDED'))
    await (await server.groups.scores.nextWaiting()).cancelled
    await late
    const controller = new AbortController()
    const cancelled = assert.rejects(scores.get('wait', { signal: controller.signal }), isCode('CANCELLED'))
    const { cancelled: atTheNode } = await server.groups.scores.nextWaiting()
    controller.abort()
    await Promise.all([cancelled, atTheNode])
    await assert.rejects(scores.get('Tom', { signal: controller.signal }), isCode('CANCELLED'))
  })

  it('watches keys and statistics', async () => {
    const changes: (readonly Uint8Array[] | 'all')[] = []
    const stop = client.group('scores').watch((keys) => changes.push(keys), { prefix: 'To' })
    const seen = await new Promise((resolve) => {
      const stopStats = client.watchStats(({ counters }) => {
        stopStats()
        resolve(counters)
      })
    })
    assert.deepEqual(seen, [{ name: 'gets', group: 'scores', shard: 0, value: 42 }])
    for (const listener of server.listeners) listener([Buffer.from('Tom'), Buffer.from('Jack')])
    await until('the change is told', () => changes.length === 1)
    assert.deepEqual(changes, [[new Uint8Array(Buffer.from('Tom'))]])
    stop()
    await until('the watch has ended at the node', () => server.listeners.size === 0)
  })

  it('connects again: what was under way fails, what waits is sent, watches stand again and tell what was missed', async () => {
    const scores = client.group('scores')
    const changes: (readonly Uint8Array[] | 'all')[] = []
    let stood = 0
    scores.watch((keys) => changes.push(keys), { onWatching: () => stood++ })
    const stats: number[] = []
    client.watchStats(({ counters }) => stats.push(counters[0]?.value ?? -1), { everyMs: 250 })
    const lost = assert.rejects(scores.get('wait'), isCode('UNAVAILABLE'))
    await server.groups.scores.nextWaiting()
    server.breakConnections()
    await lost
    assert.deepEqual(changes, ['all'])
    assert.equal(Buffer.from(await scores.get('Tom')).toString(), '630')
    await until('the watch stands again', () => stood === 2)
    assert.deepEqual(changes, ['all', 'all'])
    await until('statistics come again', () => stats.length > 0)
    assert.equal(stats[0], 42)
    assert.deepEqual(states, ['connecting', 'open', 'waiting', 'connecting', 'open'])
  })

  it('fails everything when it is closed', async () => {
    const scores = client.group('scores')
    const waiting = assert.rejects(scores.get('wait'), isCode('FAILED_PRECONDITION'))
    await server.groups.scores.nextWaiting()
    client.close()
    await waiting
    await assert.rejects(scores.get('Tom'), isCode('FAILED_PRECONDITION'))
  })

  it('says what it cannot connect with', () => {
    assert.throws(() => connect('no URL', { WebSocket }), isCode('INVALID_ARGUMENT'))
  })
})
