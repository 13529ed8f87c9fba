import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { afterEach, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import type { Answer } from '../../src/main/call.js'
import type { GroupKey } from '../../src/main/service/group-cache-codec.js'
import { registerGroupCacheService } from '../../src/main/service/group-cache-service.js'
import { GrpcJsServer } from '../../src/main/service/grpc-js-server.js'
import type { MessageCodec } from '../../src/main/service/message.js'
import { PeerClient, type PeerClientOptions } from '../../src/main/service/peer-client.js'
import { peerDefinition } from '../../src/main/service/peer-codec.js'
import { registerPeerService } from '../../src/main/service/peer-service.js'
import { unaryHandler } from '../../src/main/service/unary-handler.js'
import { unaryMethod } from '../../src/main/service/unary-method.js'
import type { UnaryCaller } from '../../src/main/unary-caller.js'
import { CacheError } from '../../src/shared/errors.js'
import { FakeClock } from './fake-clock.js'
import { MemoryGroups } from './memory-groups.js'

/** How a test wants its connection. */
export interface CallerOptions {
  readonly receiveBytesMax: number
  readonly sendBytesMax: number
  readonly connectTimeoutMs?: number
  readonly reconnectPauseMs?: number
}

const LIMITS = { receiveBytesMax: 1024 * 1024, sendBytesMax: 64 * 1024 }
const SERVER_LIMITS = { receiveBytesMax: -1, sendBytesMax: -1 }

/** What a test has opened, closed in reverse order after it. */
const opened: (() => Promise<void> | void)[] = []

interface TestPeer {
  readonly groups: MemoryGroups
  readonly address: string
  readonly server: GrpcJsServer
}

/** A node that answers from memory: one of ours, or a plain one that has nothing but pb.GroupCache. */
async function startPeer(kind: 'ours' | 'plain', address = '127.0.0.1:0'): Promise<TestPeer> {
  const groups = new MemoryGroups()
  groups.scores.set('Tom', '630')
  const server = new GrpcJsServer(SERVER_LIMITS)
  registerGroupCacheService(server, groups)
  if (kind === 'ours') registerPeerService(server, groups, groups)
  const port = await server.listen(address)
  opened.push(() => server.shutdown(0))
  return { groups, address: `127.0.0.1:${port}`, server }
}

interface MuteServer {
  readonly address: string
  readonly sockets: Set<Socket>
  stopListening(): void
}

/** Takes connections and never says a word. */
async function startMuteServer(): Promise<MuteServer> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => sockets.add(socket.on('error', () => {}).resume()))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stopListening = () => void server.close()
  opened.push(() => {
    for (const socket of sockets) socket.destroy()
    stopListening()
  })
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, sockets, stopListening }
}

const key = (text: string): Buffer => Buffer.from(text)
const textOf = ({ value }: { value: Uint8Array }): string => Buffer.from(value).toString()

/** Calls until the peer answers, for at most five seconds. */
async function fetchUntilAnswered(client: PeerClient): Promise<string> {
  const endsMs = Date.now() + 30_000
  for (;;) {
    try {
      return textOf(await client.fetch('scores', key('Tom'), {}))
    } catch (error) {
      if (Date.now() > endsMs) throw error
      await delay(10)
    }
  }
}

/** What a {@link PeerClient} promises, over whatever carries its calls. */
export function describePeerClient(
  name: string,
  newCaller: (address: string, options: CallerOptions) => UnaryCaller,
): void {
  describe(name, () => {
    afterEach(async () => {
      for (const close of opened.splice(0).reverse()) await close()
    })

    function clientOf(
      address: string,
      { clock, plainMs, ...options }: Partial<CallerOptions> & PeerClientOptions = {},
    ): PeerClient {
      const caller = newCaller(address, { ...LIMITS, ...options })
      const client = new PeerClient(caller, { ...(clock && { clock }), ...(plainMs && { plainMs }) })
      opened.push(() => client.close())
      return client
    }

    describe('calls to a peer of our own', () => {
      it('fetch answers value, outcome, who answered, and how long the value keeps', async () => {
        const { address } = await startPeer('ours')
        const answer = await clientOf(address).fetch('scores', key('Tom'), {})
        assert.deepEqual(answer, {
          value: new Uint8Array(key('630')),
          outcome: 'hit',
          answeredBy: address,
          ttlLeftMs: 1500,
        })
      })

      it('a fetched value has memory of its own', async () => {
        const { address } = await startPeer('ours')
        const { value } = await clientOf(address).fetch('scores', key('Tom'), {})
        assert.equal(value.buffer.byteLength, value.byteLength)
      })

      it('calls are marked as forwarded', async () => {
        const { address, groups } = await startPeer('ours')
        const client = clientOf(address)
        await client.fetch('scores', key('Tom'), {})
        await client.remove('scores', key('Tom'), {})
        assert.deepEqual(
          groups.scores.options.map(({ forwarded }) => forwarded),
          [true, true],
        )
        assert.equal(groups.scores.has('Tom'), false)
      })

      it('keys are bytes', async () => {
        const { address, groups } = await startPeer('ours')
        const bytes = Buffer.from([0xff, 0x00, 0xc3, 0x28])
        groups.scores.set(bytes, 'found')
        assert.equal(textOf(await clientOf(address).fetch('scores', bytes, {})), 'found')
      })

      it('a key that the source lacks is NOT_FOUND, a group that the peer lacks FAILED_PRECONDITION', async () => {
        const { address } = await startPeer('ours')
        const client = clientOf(address)
        await assert.rejects(client.fetch('scores', key('nobody'), {}), {
          name: 'CacheError',
          code: 'NOT_FOUND',
          message: `${address}: key not found`,
        })
        await assert.rejects(client.fetch('nobody', key('Tom'), {}), { code: 'FAILED_PRECONDITION' })
        await assert.rejects(client.remove('nobody', key('Tom'), {}), { code: 'FAILED_PRECONDITION' })
      })

      it("the peer's other codes come through", async () => {
        const { address } = await startPeer('ours')
        const client = clientOf(address)
        for (const code of ['UNKNOWN', 'INVALID_ARGUMENT', 'RESOURCE_EXHAUSTED', 'INTERNAL', 'UNAVAILABLE']) {
          await assert.rejects(client.fetch('scores', key(`throw ${code}`), {}), { name: 'CacheError', code })
        }
      })

      it('a CANCELLED that we did not cause is no answer', async () => {
        const { address } = await startPeer('ours')
        await assert.rejects(clientOf(address).fetch('scores', key('throw CANCELLED'), {}), {
          code: 'UNAVAILABLE',
        })
      })

      it('an answer that is no message is INTERNAL', async () => {
        const raw: MessageCodec<Buffer> = { encode: (bytes) => bytes, decode: (bytes) => Buffer.from(bytes) }
        const server = new GrpcJsServer(SERVER_LIMITS)
        server.addService(
          { Fetch: unaryMethod(peerDefinition.Fetch.path, raw, raw) },
          { Fetch: unaryHandler(async () => ({ response: Buffer.from([0x0a, 0x7f]) })) },
        )
        const address = `127.0.0.1:${await server.listen('127.0.0.1:0')}`
        opened.push(() => server.shutdown(0))
        await assert.rejects(clientOf(address).fetch('scores', key('Tom'), {}), { code: 'INTERNAL' })
      })
    })

    describe('invalidations', () => {
      const groups = [{ name: 'scores', isCovered: true }]

      it('are what the peer tells, and its deadline is the caller’s', async () => {
        const peer = await startPeer('ours')
        const answer = await clientOf(peer.address).poll(
          { session: 's', sequence: 7, groups },
          { deadlineMs: 60_000 },
        )
        assert.deepEqual(answer, {
          session: 's',
          sequence: 8,
          isReset: false,
          covered: ['scores'],
          events: [{ group: 'scores', keys: [new Uint8Array(key('Tom'))] }],
        })
        const [{ request, options }] = peer.groups.polls as [(typeof peer.groups.polls)[0]]
        assert.deepEqual(request, { session: 's', sequence: 7, groups })
        assert.ok(options.deadlineMs! > 0 && options.deadlineMs! <= 60_000)
      })

      it('of a plain peer are UNIMPLEMENTED', async () => {
        const { address } = await startPeer('plain')
        const poll = clientOf(address).poll({ session: '', sequence: 0, groups }, {})
        await assert.rejects(poll, { code: 'UNIMPLEMENTED' })
      })
    })

    describe('many keys', () => {
      const many = (texts: readonly string[]): Buffer[] => texts.map(key)
      const shown = (answers: readonly (Answer | CacheError)[]): string[] =>
        answers.map((answer) => (answer instanceof CacheError ? answer.code : textOf(answer)))

      it('go in one call, forwarded, and each has an answer or an error of its own', async () => {
        const { address, groups } = await startPeer('ours')
        groups.scores.set('Tom1', '631')
        const keys = many(['Tom1', 'nobody', 'Tom', 'throw UNKNOWN', 'throw CANCELLED'])
        const answers = await clientOf(address).fetchMany('scores', keys, { deadlineMs: 10_000 })
        assert.deepEqual(shown(answers), ['631', 'NOT_FOUND', '630', 'UNKNOWN', 'UNAVAILABLE'])
        const { value: _, ...rest } = answers[0] as Answer
        assert.deepEqual(rest, { outcome: 'hit', answeredBy: address, ttlLeftMs: 1500 })
        assert.deepEqual(groups.scores.batches, [5])
        assert.ok(groups.scores.options.every(({ forwarded }) => forwarded))
        const { deadlineMs = 0 } = groups.scores.options[0]!
        assert.ok(deadlineMs > 5000 && deadlineMs <= 9000, `time is left for the way back: ${deadlineMs}`)
      })

      it('values that are too long for one message come in several', async () => {
        const { address, groups } = await startPeer('ours')
        const names = ['a', 'b', 'c', 'd', 'e']
        for (const name of names) groups.scores.set(name, name.repeat(400_000))
        const client = clientOf(address, { receiveBytesMax: 1024 * 1024 + 4096 })
        const answers = await client.fetchMany('scores', many(names), {})
        assert.deepEqual(
          shown(answers).map((text) => [text.length, text[0]]),
          names.map((name) => [400_000, name]),
        )
        assert.deepEqual(groups.scores.batches, [5, 3, 1])
        groups.scores.set('long', 'l'.repeat(2_000_000))
        const longer = clientOf(address, { receiveBytesMax: 4 * 1024 * 1024 })
        const alone = await longer.fetchMany('scores', many(['long', 'a']), {})
        assert.deepEqual(
          shown(alone).map((text) => text.length),
          [2_000_000, 400_000],
        )
        assert.deepEqual(groups.scores.batches.slice(3), [2, 1])
      })

      it('a group that the peer lacks fails them all', async () => {
        const { address } = await startPeer('ours')
        await assert.rejects(clientOf(address).fetchMany('nobody', many(['Tom']), {}), {
          code: 'FAILED_PRECONDITION',
        })
      })

      it('more keys than a node takes are malformed', async () => {
        const { address } = await startPeer('ours')
        const keys = Array.from({ length: 10_001 }, () => key('k'))
        const client = clientOf(address, { sendBytesMax: 1024 * 1024 })
        await assert.rejects(client.fetchMany('scores', keys, {}), { code: 'INVALID_ARGUMENT' })
      })

      it('a peer without that method gets a call for each key, and is not asked again for a while', async () => {
        const clock = new FakeClock()
        const { address, groups, server } = await startPeer('plain')
        const { Fetch, FetchMany } = peerDefinition
        let fetches = 0
        let attempts = 0
        server.addService(
          { Fetch, FetchMany },
          {
            FetchMany: unaryHandler(async () => {
              attempts++
              throw new CacheError('UNIMPLEMENTED', 'no such method')
            }),
            Fetch: unaryHandler(
              async ({ key: bytes }: GroupKey, call) => {
                fetches++
                return { response: await groups.scores.fetch(bytes, call.options) }
              },
              undefined,
              true,
            ),
          },
        )
        const client = clientOf(address, { clock })
        await client.fetch('scores', key('Tom'), {})
        fetches = 0
        for (const [round, attempted] of [
          [1, 1],
          [2, 1],
          [3, 2],
        ] as const) {
          const answers = await client.fetchMany('scores', many(['Tom', 'nobody']), {})
          assert.deepEqual(shown(answers), ['630', 'NOT_FOUND'])
          assert.deepEqual([fetches, attempts], [2 * round, attempted])
          clock.advance(200_000)
        }
      })

      it('a plain peer gets calls that any node knows', async () => {
        const { address } = await startPeer('plain')
        const answers = await clientOf(address).fetchMany('scores', many(['Tom', 'nobody']), {})
        assert.deepEqual(shown(answers), ['630', 'UNAVAILABLE'])
      })

      for (const [what, count] of [
        ['none', 0],
        ['too many', 3],
      ] as const) {
        it(`a peer that sends ${what} of the answers has not answered`, async () => {
          const server = new GrpcJsServer(SERVER_LIMITS)
          const { FetchMany } = peerDefinition
          const result = { value: key('v'), outcome: undefined, ttlLeftMs: 0, code: 0, message: '' }
          server.addService(
            { FetchMany },
            {
              FetchMany: unaryHandler(async () => ({
                response: { results: Array.from({ length: count }, () => result) },
              })),
            },
          )
          const address = `127.0.0.1:${await server.listen('127.0.0.1:0')}`
          opened.push(() => server.shutdown(0))
          await assert.rejects(clientOf(address).fetchMany('scores', many(['a', 'b']), {}), {
            code: 'UNAVAILABLE',
          })
        })
      }
    })

    describe('deadline and cancellation', () => {
      it('the deadline is handed on', async () => {
        const { address, groups } = await startPeer('ours')
        const call = clientOf(address).fetch('scores', key('wait'), { deadlineMs: 60_000 })
        const waiting = await groups.scores.nextWaiting()
        const { deadlineMs = 0 } = waiting.options
        assert.ok(deadlineMs > 50_000 && deadlineMs <= 60_000, `${deadlineMs}`)
        waiting.finish(key('late'))
        assert.equal(textOf(await call), 'late')
      })

      it('an infinite deadline is none', async () => {
        const { address, groups } = await startPeer('ours')
        const call = clientOf(address).fetch('scores', key('wait'), { deadlineMs: Number.POSITIVE_INFINITY })
        const waiting = await groups.scores.nextWaiting()
        assert.equal(waiting.options.deadlineMs, Number.POSITIVE_INFINITY)
        waiting.finish(key(''))
        await call
      })

      it('a deadline that passes ends the call here and there', async () => {
        const { address, groups } = await startPeer('ours')
        const call = clientOf(address).fetch('scores', key('wait'), { deadlineMs: 50 })
        const ended = assert.rejects(call, { code: 'DEADLINE_EXCEEDED' })
        const waiting = await groups.scores.nextWaiting()
        await Promise.all([ended, waiting.cancelled])
      })

      it('no call is made when no time is left or the caller is gone', async () => {
        const { address, groups } = await startPeer('ours')
        const client = clientOf(address)
        await assert.rejects(client.fetch('scores', key('Tom'), { deadlineMs: 0 }), {
          code: 'DEADLINE_EXCEEDED',
        })
        await assert.rejects(client.fetch('scores', key('Tom'), { signal: AbortSignal.abort() }), {
          code: 'CANCELLED',
        })
        assert.deepEqual(groups.scores.options, [])
      })

      it('a caller that goes away ends the call here and there', async () => {
        const { address, groups } = await startPeer('ours')
        const controller = new AbortController()
        const call = clientOf(address).fetch('scores', key('wait'), { signal: controller.signal })
        const ended = assert.rejects(call, { code: 'CANCELLED' })
        const waiting = await groups.scores.nextWaiting()
        controller.abort()
        await Promise.all([ended, waiting.cancelled])
      })
    })

    describe('limits', () => {
      it('a value at the limit comes through, one over it is RESOURCE_EXHAUSTED', async () => {
        const { address, groups } = await startPeer('ours')
        const client = clientOf(address)
        // Tags, length, outcome and time to live take nine bytes.
        const largest = Buffer.alloc(LIMITS.receiveBytesMax - 9, 'geek')
        groups.scores.set('big', largest)
        groups.scores.set('bigger', Buffer.alloc(largest.length + 1))
        assert.ok(largest.equals((await client.fetch('scores', key('big'), {})).value))
        await assert.rejects(client.fetch('scores', key('bigger'), {}), {
          code: 'RESOURCE_EXHAUSTED',
          message: new RegExp(`${LIMITS.receiveBytesMax}`),
        })
      })

      it('a key over the limit is RESOURCE_EXHAUSTED', async () => {
        const { address } = await startPeer('ours')
        await assert.rejects(clientOf(address).fetch('scores', Buffer.alloc(LIMITS.sendBytesMax), {}), {
          code: 'RESOURCE_EXHAUSTED',
          message: new RegExp(`${LIMITS.sendBytesMax}`),
        })
      })
    })

    describe('a plain peer', () => {
      it('is asked by pb.GroupCache; its answers must not be kept', async () => {
        const { address, groups } = await startPeer('plain')
        const client = clientOf(address)
        const answer = await client.fetch('scores', key('Tom'), {})
        assert.deepEqual(answer, {
          value: new Uint8Array(key('630')),
          outcome: 'load',
          answeredBy: address,
          ttlLeftMs: 0,
        })
        await client.remove('scores', key('Tom'), {})
        assert.equal(groups.scores.has('Tom'), false)
      })

      it('whatever it rejects with is no answer', async () => {
        const { address } = await startPeer('plain')
        const client = clientOf(address)
        for (const text of ['nobody', 'throw UNKNOWN', 'throw INTERNAL', 'throw UNIMPLEMENTED']) {
          await assert.rejects(client.fetch('scores', key(text), {}), { code: 'UNAVAILABLE' })
        }
        await assert.rejects(client.fetch('nobody', key('Tom'), {}), { code: 'UNAVAILABLE' })
      })

      it('is remembered as plain, and asked for more after a while', async () => {
        const { address } = await startPeer('ours')
        const clock = new FakeClock()
        const client = clientOf(address, { clock, plainMs: 1000 })
        const outcome = async () => (await client.fetch('scores', key('Tom'), {})).outcome
        assert.equal(await outcome(), 'hit')
        await assert.rejects(client.fetch('scores', key('throw UNIMPLEMENTED'), {}), { code: 'UNAVAILABLE' })
        assert.equal(await outcome(), 'load')
        clock.advance(999)
        assert.equal(await outcome(), 'load')
        clock.advance(1)
        assert.equal(await outcome(), 'hit')
      })

      it('is asked for more once it has been away', async () => {
        const plain = await startPeer('plain')
        const client = clientOf(plain.address)
        assert.equal((await client.fetch('scores', key('Tom'), {})).outcome, 'load')
        await plain.server.shutdown(0)
        await startPeer('ours', plain.address)
        await fetchUntilAnswered(client)
        assert.equal((await client.fetch('scores', key('Tom'), {})).outcome, 'hit')
      })

      it('both attempts share one deadline', async () => {
        const { address, groups } = await startPeer('plain')
        const call = clientOf(address).fetch('scores', key('wait'), { deadlineMs: 60_000 })
        const waiting = await groups.scores.nextWaiting()
        assert.ok((waiting.options.deadlineMs ?? 0) <= 60_000 && (waiting.options.deadlineMs ?? 0) > 50_000)
        waiting.finish(key(''))
        await call
      })
    })

    describe('a peer that is away', () => {
      it('dies during a call: UNAVAILABLE, and the call after its return succeeds', async () => {
        const first = await startPeer('ours')
        const client = clientOf(first.address)
        const ended = assert.rejects(client.fetch('scores', key('wait'), {}), { code: 'UNAVAILABLE' })
        await first.groups.scores.nextWaiting()
        await Promise.all([first.server.shutdown(0), ended])
        await startPeer('ours', first.address)
        assert.equal(textOf(await client.fetch('scores', key('Tom'), {})), '630')
      })

      it('refuses: every call fails, and the peer is used after its return', async () => {
        const first = await startPeer('ours')
        await first.server.shutdown(0)
        const client = clientOf(first.address)
        for (let call = 0; call < 20; call++) {
          await assert.rejects(client.fetch('scores', key('Tom'), {}), { code: 'UNAVAILABLE' })
        }
        await startPeer('ours', first.address)
        assert.equal(await fetchUntilAnswered(client), '630')
      })

      it('accepts and says nothing: the first call waits for the connect timeout, later ones do not', async () => {
        const mute = await startMuteServer()
        const client = clientOf(mute.address, { connectTimeoutMs: 50 })
        await assert.rejects(client.fetch('scores', key('Tom'), {}), {
          code: 'UNAVAILABLE',
          message: /no connection within 50 ms/,
        })
        await assert.rejects(client.fetch('scores', key('Tom'), {}), {
          code: 'UNAVAILABLE',
          message: /not reachable/,
        })
      })

      it('hangs, and is used soon after it has come to life', async () => {
        const mute = await startMuteServer()
        const client = clientOf(mute.address, { connectTimeoutMs: 50, reconnectPauseMs: 10 })
        await assert.rejects(client.fetch('scores', key('Tom'), {}), { code: 'UNAVAILABLE' })
        mute.stopListening()
        await startPeer('ours', mute.address)
        assert.equal(await fetchUntilAnswered(client), '630')
      })

      it('hangs for long: however often it is asked, one connection is left open', async () => {
        const mute = await startMuteServer()
        const client = clientOf(mute.address, { connectTimeoutMs: 20, reconnectPauseMs: 1 })
        while (mute.sockets.size < 6) {
          await assert.rejects(client.fetch('scores', key('Tom'), {}), { code: 'UNAVAILABLE' })
          await delay(5)
        }
        // The first may be an attempt that is never given up, the others are given up, but for the last.
        const [, ...others] = mute.sockets
        await Promise.all(others.slice(0, -1).map((socket) => socket.closed || once(socket, 'close')))
      })

      it('a name that nobody knows is UNAVAILABLE', async () => {
        await assert.rejects(clientOf('nobody.invalid:1').fetch('scores', key('Tom'), {}), {
          code: 'UNAVAILABLE',
        })
      })
    })

    describe('close', () => {
      it('ends calls in flight, and refuses later ones', async () => {
        const { address, groups } = await startPeer('ours')
        const client = clientOf(address)
        const ended = assert.rejects(client.fetch('scores', key('wait'), {}), { code: 'UNAVAILABLE' })
        const waiting = await groups.scores.nextWaiting()
        client.close()
        await Promise.all([ended, waiting.cancelled])
        await assert.rejects(client.fetch('scores', key('Tom'), {}), { code: 'UNAVAILABLE' })
        client.close()
      })

      it('fits before any call', () => {
        clientOf('127.0.0.1:1').close()
      })
    })
  })
}
