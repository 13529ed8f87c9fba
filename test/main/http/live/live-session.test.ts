import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import { encodeRequest, type LiveCall } from '../../../../src/live/live-request.js'
import { type LiveConnection, LiveHub } from '../../../../src/main/http/live/live-hub.js'
import {
  CONNECTIONS_MAX,
  CUT_OFF_BYTES,
  IN_FLIGHT_MAX,
  PAUSE_BYTES,
  REFUSE_BYTES,
  SLOW_MS,
  SUBSCRIPTIONS_MAX,
} from '../../../../src/main/http/live/live-limits.js'
import type { LiveParts } from '../../../../src/main/http/live/live-parts.js'
import { CacheError } from '../../../../src/shared/errors.js'
import { NodeCounters } from '../../../../src/shared/node-counters.js'
import { FakeClock } from '../../../support/fake-clock.js'
import { FakeLiveSocket } from '../../../support/fake-live-socket.js'
import { MemoryGroups } from '../../../support/memory-groups.js'

const ALL = { data: true, control: true, deletes: true }
const bytesOf = (text: string) => Buffer.from(text)

/** Everything that a hub needs, in memory; timers fire when they are told to. */
class Surroundings implements LiveParts {
  readonly groups = new MemoryGroups()
  readonly hot = []
  readonly pin = { enter() {}, leave() {} }
  readonly clock = new FakeClock()
  readonly timers = new Set<{ everyMs: number; tick: () => void }>()
  readonly listeners = new Set<(keys: readonly Uint8Array[] | 'all') => void>()
  readonly counters = new NodeCounters()
  readonly metrics = this.counters.row(0, 'http').front('ws')
  countersRead = 0
  gets = 0
  readonly node = {
    self: '127.0.0.1:8001',
    counters: async () => {
      this.countersRead++
      return [{ name: 'gets', group: 'scores', shard: 0, value: this.gets }]
    },
    members: () => [{ address: '127.0.0.1:8001', share: 1, self: true }],
    owners: () => ['127.0.0.1:8001'],
    peers: () => [],
    find: () => undefined,
  }
  readonly invalidations = {
    watch: (_group: string, listener: (keys: readonly Uint8Array[] | 'all') => void) => {
      this.listeners.add(listener)
      return () => this.listeners.delete(listener)
    },
  }
  readonly every = (everyMs: number, tick: () => void) => {
    const timer = { everyMs, tick }
    this.timers.add(timer)
    return () => this.timers.delete(timer)
  }

  /** What was counted of WebSocket and is not 0; requests by their outcome. */
  counted(): Record<string, number> {
    const ours = this.counters.samples().filter(({ labels, value }) => labels.front === 'ws' && value !== 0)
    const plain = ours.filter(({ name }) => !name.startsWith('request_duration') && name !== 'front_threads')
    return Object.fromEntries(plain.map(({ name, labels, value }) => [labels.outcome ?? name, value]))
  }

  /** Connections that were cut off, by cause. */
  dropped(): Record<string, number> {
    const drops = this.counters.samples().filter(({ name, labels, value }) => {
      return name === 'connections_dropped' && labels.front === 'ws' && value !== 0
    })
    return Object.fromEntries(drops.map(({ labels, value }) => [labels.cause, value]))
  }

  async pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 250) {
      this.clock.advance(250)
      for (const { everyMs, tick } of [...this.timers]) if ((passed + 250) % everyMs === 0) tick()
      await new Promise(setImmediate)
    }
  }
}

describe('A WebSocket connection', () => {
  let around: Surroundings
  let socket: FakeLiveSocket
  let hub: LiveHub
  let connection: LiveConnection

  beforeEach(() => {
    around = new Surroundings()
    socket = new FakeLiveSocket()
    hub = new LiveHub(around, ALL)
    connection = hub.open(socket)
    around.groups.scores.set('Tom', '630')
  })

  const ask = (id: number, call: LiveCall, deadlineMs = 0) =>
    connection.receive(encodeRequest(id, deadlineMs, call), true)
  const get = (key: string): LiveCall => ({ kind: 'get', group: 'scores', key: bytesOf(key) })
  const errorOf = (id: number) => {
    const reply = socket.replies.find((one) => one.id === id && one.answer?.kind === 'failed')
    return reply?.answer?.kind === 'failed' ? reply.answer.error : undefined
  }
  const settled = () => new Promise(setImmediate)

  it('answers each kind of request', async () => {
    ask(1, get('Tom'))
    ask(2, { kind: 'getMany', group: 'scores', keys: [bytesOf('Tom'), bytesOf('none')] })
    ask(3, { kind: 'stats' })
    ask(4, { kind: 'ring', key: bytesOf('Tom') })
    ask(5, { kind: 'delete', group: 'scores', key: bytesOf('Tom') })
    ask(6, { kind: 'ping' })
    await settled()
    const answers = new Map(socket.replies.map(({ id, answer }) => [id, answer]))
    const value = { value: new Uint8Array(bytesOf('630')), outcome: 'hit', ttlLeftMs: 1500, answeredBy: '' }
    assert.deepEqual(answers.get(1), { kind: 'value', value })
    assert.deepEqual(answers.get(2), {
      kind: 'values',
      results: [value, new CacheError('NOT_FOUND', 'key not found')],
    })
    assert.equal(answers.get(3)?.kind, 'stats')
    assert.deepEqual(answers.get(4), {
      kind: 'ring',
      ring: {
        members: [{ address: '127.0.0.1:8001', share: 1, self: true }],
        owners: ['127.0.0.1:8001'],
        peers: [],
      },
    })
    assert.equal(answers.get(5)?.kind, 'done')
    assert.equal(answers.get(6)?.kind, 'done')
    assert.equal(around.groups.scores.has('Tom'), false)
  })

  it('answers in any order, and hands deadlines on within its own limit', async () => {
    ask(1, get('wait'), 1000)
    const waiting = await around.groups.scores.nextWaiting()
    ask(2, get('Tom'), 2 ** 31)
    await settled()
    waiting.finish(bytesOf('late'))
    await settled()
    assert.deepEqual(
      socket.replies.map(({ id }) => id),
      [2, 1],
    )
    assert.deepEqual(
      around.groups.scores.options.map(({ deadlineMs }) => deadlineMs),
      [1000, 300_000],
    )
  })

  it('says what failed, and nothing of its own faults', async () => {
    ask(1, get('none'))
    ask(2, get('throw'))
    ask(3, { kind: 'get', group: 'nobody', key: bytesOf('Tom') })
    ask(4, { kind: 'explain', group: 'nobody', key: bytesOf('Tom') })
    await settled()
    assert.equal(errorOf(1)?.code, 'NOT_FOUND')
    assert.deepEqual([errorOf(2)?.code, errorOf(2)?.message], ['INTERNAL', 'A fault of the node'])
    assert.match(errorOf(3)!.message, /group not found: "nobody"/)
    assert.equal(errorOf(4)?.code, 'NOT_FOUND')
  })

  it('cancels a request, which then has its one answer', async () => {
    ask(1, get('wait'))
    const { cancelled } = await around.groups.scores.nextWaiting()
    ask(1, { kind: 'cancel' })
    ask(77, { kind: 'cancel' })
    await cancelled
    await settled()
    assert.equal(errorOf(1)?.code, 'CANCELLED')
    assert.equal(socket.replies.length, 1)
  })

  it('cancels everything when it ends', async () => {
    ask(1, get('wait'))
    ask(2, { kind: 'watchKeys', group: 'scores', prefix: new Uint8Array(0) })
    ask(3, { kind: 'watchStats', everyMs: 250 })
    const { cancelled } = await around.groups.scores.nextWaiting()
    connection.closed()
    await cancelled
    assert.equal(around.listeners.size, 0)
    assert.equal(around.timers.size, 0)
  })

  it('refuses requests over its bound, and takes more when there is room', async () => {
    for (let id = 1; id <= IN_FLIGHT_MAX; id++) ask(id, get('wait'))
    ask(5000, get('Tom'))
    assert.equal(errorOf(5000)?.code, 'RESOURCE_EXHAUSTED')
    ;(await around.groups.scores.nextWaiting()).finish(bytesOf('x'))
    await settled()
    ask(5001, get('Tom'))
    await settled()
    assert.equal(socket.replies.at(-1)?.id, 5001)
  })

  it('refuses requests whose bytes are over its bound, until some have ended', async () => {
    const large: LiveCall = {
      kind: 'getMany',
      group: 'scores',
      keys: [bytesOf('wait'), new Uint8Array(3 << 20)],
    }
    for (const id of [1, 2, 3]) ask(id, large)
    assert.deepEqual([errorOf(2), errorOf(3)?.code], [undefined, 'RESOURCE_EXHAUSTED'])
    ;(await around.groups.scores.nextWaiting()).finish(bytesOf('x'))
    await settled()
    await settled()
    ask(4, large)
    assert.equal(errorOf(4), undefined)
    ask(5, { kind: 'watchKeys', group: 'scores', prefix: new Uint8Array(2000) })
    assert.equal(errorOf(5)?.code, 'INVALID_ARGUMENT')
  })

  it('cuts off those that let most wait when it is too much for the thread', async () => {
    const sockets = Array.from({ length: 4 }, () => new FakeLiveSocket())
    for (const one of sockets) hub.open(one)
    sockets.forEach((one, index) => {
      one.bufferedAmount = (60 + index * 5) << 20
    })
    await around.pass(1000)
    assert.deepEqual(
      sockets.map(({ closed }) => closed?.code),
      [undefined, undefined, undefined, 4013],
    )
    assert.deepEqual(around.dropped(), { memory: 1 })
  })

  it('refuses subscriptions over its bound', () => {
    const watch: LiveCall = { kind: 'watchKeys', group: 'scores', prefix: new Uint8Array(0) }
    for (let id = 1; id <= SUBSCRIPTIONS_MAX + 1; id++) ask(id, watch)
    assert.equal(errorOf(SUBSCRIPTIONS_MAX + 1)?.code, 'RESOURCE_EXHAUSTED')
    assert.equal(around.listeners.size, SUBSCRIPTIONS_MAX)
  })

  it('closes when a message is none of the protocol', () => {
    const closeCodeOf = (bytes: Uint8Array, isBinary = true) => {
      const own = new FakeLiveSocket()
      hub.open(own).receive(bytes, isBinary)
      return own.closed?.code
    }
    assert.equal(closeCodeOf(bytesOf('{}'), false), 4003)
    assert.equal(closeCodeOf(Uint8Array.of(0xff)), 4002)
    assert.equal(closeCodeOf(encodeRequest(0, 0, { kind: 'ping' })), 4002)
    ask(1, get('wait'))
    ask(1, get('Tom'))
    assert.equal(socket.closed?.code, 4002)
  })

  it('answers what it does not know by UNIMPLEMENTED', () => {
    connection.receive(Uint8Array.of(0x08, 9), true)
    assert.equal(errorOf(9)?.code, 'UNIMPLEMENTED')
  })

  it('serves the planes of its address only', async () => {
    const own = new FakeLiveSocket()
    const data = new LiveHub(around, { data: true, control: false, deletes: false }).open(own)
    data.receive(encodeRequest(1, 0, { kind: 'stats' }), true)
    data.receive(encodeRequest(2, 0, { kind: 'delete', group: 'scores', key: bytesOf('Tom') }), true)
    data.receive(encodeRequest(3, 0, { kind: 'watchStats', everyMs: 1 }), true)
    data.receive(encodeRequest(4, 0, get('Tom')), true)
    await settled()
    const codes = own.replies.map(({ id, answer }) => [
      id,
      answer?.kind === 'failed' ? answer.error.code : 'ok',
    ])
    assert.deepEqual(codes.sort(), [
      [1, 'UNIMPLEMENTED'],
      [2, 'UNIMPLEMENTED'],
      [3, 'UNIMPLEMENTED'],
      [4, 'ok'],
    ])
    assert.equal(around.groups.scores.has('Tom'), true)
  })

  it('counts each request once, by how it ended', async () => {
    ask(1, get('Tom'))
    ask(2, { kind: 'getMany', group: 'scores', keys: [bytesOf('Tom'), bytesOf('none')] })
    ask(3, { kind: 'ping' })
    ask(4, { kind: 'watchKeys', group: 'scores', prefix: new Uint8Array(0) })
    connection.receive(Uint8Array.of(0x08, 9), true)
    ask(5, get('wait'))
    ask(5, { kind: 'cancel' })
    ask(4, { kind: 'cancel' })
    await settled()
    const { hit, load, coalesced, received, sent, ...others } = around.counted()
    assert.equal((hit ?? 0) + (load ?? 0) + (coalesced ?? 0), 2)
    assert.deepEqual([received! > 0, sent], [true, socket.sentBytes])
    const answered = { not_found: 1, done: 2, invalid: 1, cancelled: 1 }
    assert.deepEqual(others, { ...answered, connections: 1, connections_open: 1 })
    socket.bufferedAmount = PAUSE_BYTES + 1
    ask(6, get('Tom'))
    ask(7, get('Tom'))
    ask(6, { kind: 'cancel' })
    connection.closed()
    assert.equal(around.counted().cancelled, 3)
  })

  it('counts connections that stand, that came, that were too many, and breaches of the protocol', () => {
    const more = Array.from({ length: CONNECTIONS_MAX }, () => hub.open(new FakeLiveSocket()))
    assert.deepEqual(around.counted(), {
      connections: CONNECTIONS_MAX,
      connections_open: CONNECTIONS_MAX,
      connections_refused: 1,
    })
    // The last one was refused: its end is not that of one that stood.
    for (const one of more) one.closed()
    for (const one of more) one.closed()
    assert.equal(around.counted().connections_open, 1)
    connection.receive(Uint8Array.of(0xff), true)
    connection.closed()
    const { connections_open = 0, protocol_errors, received } = around.counted()
    assert.deepEqual([connections_open, protocol_errors, received], [0, 1, 1])
  })

  it('begins nothing while its client does not read, and goes on when it does', async () => {
    socket.bufferedAmount = PAUSE_BYTES + 1
    ask(1, get('Tom'))
    ask(2, get('Tom'))
    ask(2, { kind: 'cancel' })
    await settled()
    assert.deepEqual([socket.replies.length, errorOf(2)?.code], [1, 'CANCELLED'])
    connection.drained()
    assert.equal(around.groups.scores.options.length, 0)
    socket.bufferedAmount = 0
    connection.drained()
    await settled()
    assert.equal(socket.replies.at(-1)?.id, 1)
  })

  it('cuts off a client that reads too slowly for too long', async () => {
    socket.bufferedAmount = PAUSE_BYTES + 1
    await around.pass(SLOW_MS)
    assert.deepEqual([socket.closed], [undefined])
    await around.pass(1000)
    assert.equal(socket.closed?.code, 4013)
    assert.equal(around.timers.size, 0)
    assert.deepEqual(around.dropped(), { slow: 1 })
  })

  it('answers briefly when much waits to be read, and cuts off when it is too much', async () => {
    ask(1, get('wait'))
    ask(2, { kind: 'watchKeys', group: 'scores', prefix: new Uint8Array(0) })
    ask(3, get('wait'))
    const [first, second] = [
      await around.groups.scores.nextWaiting(),
      await around.groups.scores.nextWaiting(),
    ]
    socket.bufferedAmount = REFUSE_BYTES + 1
    first.finish(bytesOf('a long value'))
    for (const listener of around.listeners) listener([bytesOf('Tom')])
    await settled()
    assert.equal(errorOf(1)?.code, 'RESOURCE_EXHAUSTED')
    assert.ok(
      socket.replies.some(
        ({ id, answer }) => id === 2 && answer?.kind === 'keysChanged' && answer.keys === 'all',
      ),
    )
    socket.bufferedAmount = CUT_OFF_BYTES + 1
    second.finish(bytesOf('x'))
    await settled()
    assert.equal(socket.closed?.code, 4013)
    assert.deepEqual(around.dropped(), { slow: 1 })
  })

  it('tells of the changed keys that begin with the prefix', () => {
    ask(1, { kind: 'watchKeys', group: 'scores', prefix: bytesOf('To') })
    const changed = () =>
      socket.replies.flatMap(({ answer }) => (answer?.kind === 'keysChanged' ? [answer.keys] : []))
    for (const listener of around.listeners) {
      listener([bytesOf('T'), bytesOf('Tom'), bytesOf('Jack')])
      listener([bytesOf('Jack')])
      listener('all')
    }
    assert.deepEqual(changed(), [[new Uint8Array(bytesOf('Tom'))], 'all'])
    ask(1, { kind: 'cancel' })
    assert.equal(around.listeners.size, 0)
    assert.equal(errorOf(1)?.code, 'CANCELLED')
  })

  it('reads statistics once for all who watch, each at its own interval', async () => {
    const other = new FakeLiveSocket()
    const otherConnection = hub.open(other)
    ask(1, { kind: 'watchStats', everyMs: 0 })
    otherConnection.receive(encodeRequest(9, 0, { kind: 'watchStats', everyMs: 501 }), true)
    around.gets = 1
    await around.pass(1000)
    const seen = (of: FakeLiveSocket) =>
      of.replies.flatMap(({ answer }) => (answer?.kind === 'liveStats' ? [answer.stats] : []))
    assert.equal(around.countersRead, 4)
    assert.deepEqual(
      seen(socket).map(({ atMs }) => atMs),
      [250, 500, 750, 1000],
    )
    assert.deepEqual(
      seen(other).map(({ atMs }) => atMs),
      [250, 1000],
    )
    assert.deepEqual(
      seen(other).map(({ series }) => series?.length),
      [1, undefined],
    )
    otherConnection.closed()
    ask(1, { kind: 'cancel' })
    await around.pass(1000)
    assert.equal(around.countersRead, 4)
  })

  it('passes over who does not read when it sends statistics', async () => {
    ask(1, { kind: 'watchStats', everyMs: 250 })
    socket.bufferedAmount = PAUSE_BYTES + 1
    await around.pass(500)
    assert.equal(around.countersRead, 0)
  })

  it('ends with the node, and so do those that still come', () => {
    hub.close()
    const late = new FakeLiveSocket()
    hub.open(late)
    assert.deepEqual([socket.closed?.code, late.closed?.code], [1001, 1001])
    assert.equal(around.timers.size, 0)
  })
})
