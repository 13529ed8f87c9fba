import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { decodeReply, encodeReply, type LiveAnswer } from '../../src/live/live-reply.js'
import { decodeRequest, encodeRequest, type LiveCall } from '../../src/live/live-request.js'
import { CacheError } from '../../src/shared/errors.js'
import { Prng, seedOf } from '../support/prng.js'

// Three up from dist/test/live.
const PROTO = fileURLToPath(new URL('../../../proto', import.meta.url))
const root = new protobuf.Root()
root.resolvePath = (_, target) => `${PROTO}/${target.replace(/^.*proto\//, '')}`
root.loadSync('geekcache/v1/live.proto')
const requestType = root.lookupType('geekcache.v1.LiveRequest')
const replyType = root.lookupType('geekcache.v1.LiveReply')

const KEY = Uint8Array.of(0x54, 0xff, 0x00)
const LONG = new Uint8Array(70_000).fill(7)
const NAME = 'scores ✓'

const CALLS: readonly LiveCall[] = [
  { kind: 'get', group: NAME, key: KEY },
  { kind: 'get', group: 'g', key: LONG },
  { kind: 'getMany', group: NAME, keys: [KEY, new Uint8Array(0), LONG] },
  { kind: 'getMany', group: NAME, keys: [] },
  { kind: 'delete', group: '', key: new Uint8Array(0) },
  { kind: 'explain', group: NAME, key: KEY },
  { kind: 'hotKeys', group: NAME, count: 300 },
  { kind: 'stats' },
  { kind: 'ring', key: KEY },
  { kind: 'watchKeys', group: NAME, prefix: KEY },
  { kind: 'watchStats', everyMs: 1000 },
  { kind: 'cancel' },
  { kind: 'ping' },
]

const VALUE = { value: KEY, outcome: 'coalesced', ttlLeftMs: 2 ** 40, answeredBy: '127.0.0.1:8002' } as const
const EXPLANATION = {
  owner: '127.0.0.1:8002',
  isOwned: true,
  shard: 3,
  present: true,
  notFound: true,
  ageMs: 0,
  ttlLeftMs: 0.5,
  valueBytes: 2 ** 31,
  costBytes: 77,
  hits: 0,
}
const ANSWERS: readonly LiveAnswer[] = [
  { kind: 'failed', error: new CacheError('NOT_FOUND', 'no “such” key') },
  { kind: 'value', value: VALUE },
  { kind: 'value', value: { value: LONG, outcome: 'hit', ttlLeftMs: 0, answeredBy: '' } },
  {
    kind: 'value',
    value: {
      value: new Uint8Array(0),
      outcome: 'stale',
      ttlLeftMs: Number.POSITIVE_INFINITY,
      answeredBy: '',
    },
  },
  { kind: 'values', results: [VALUE, new CacheError('UNAVAILABLE', 'gone'), VALUE] },
  { kind: 'done' },
  { kind: 'explained', explanation: EXPLANATION },
  { kind: 'hotKeys', keys: [{ key: KEY, hits: 12.5, hitsOverMax: 1 }] },
  {
    kind: 'stats',
    self: '127.0.0.1:8001',
    counters: [
      { name: 'gets', group: NAME, shard: 1, value: 1e15 },
      { name: 'x', group: '', shard: 0, value: 0 },
    ],
  },
  { kind: 'ring', members: [{ address: 'a:1', share: 0.25, self: true }], owners: ['a:1', 'b:2'] },
  { kind: 'watching' },
  { kind: 'keysChanged', keys: [KEY, LONG] },
  { kind: 'keysChanged', keys: 'all' },
  {
    kind: 'liveStats',
    stats: {
      atMs: 12.5,
      series: [
        { name: 'gets', group: NAME, shard: 0 },
        { name: 'gets', group: NAME, shard: 1 },
      ],
      values: [0, 1e300],
    },
  },
  {
    kind: 'liveStats',
    stats: { atMs: 0, series: undefined, values: Array.from({ length: 500 }, (_, i) => i) },
  },
]

describe('Messages of the WebSocket protocol', () => {
  it('come back as they were', () => {
    for (const call of CALLS) {
      assert.deepEqual(decodeRequest(encodeRequest(7, 1500, call)), { id: 7, deadlineMs: 1500, call })
    }
    for (const answer of ANSWERS) {
      assert.deepEqual(decodeReply(encodeReply(2 ** 32 - 1, answer)), { id: 2 ** 32 - 1, answer })
    }
  })

  it('are those of live.proto: another implementation reads and writes the same', () => {
    for (const call of CALLS) {
      const bytes = encodeRequest(300, 0, call)
      const again = new Uint8Array(requestType.encode(requestType.decode(bytes)).finish())
      assert.deepEqual(decodeRequest(again), { id: 300, deadlineMs: 0, call }, call.kind)
      assert.deepEqual(kindsOf(requestType, bytes, 'call'), [call.kind])
    }
    for (const answer of ANSWERS) {
      const bytes = encodeReply(1, answer)
      const again = new Uint8Array(replyType.encode(replyType.decode(bytes)).finish())
      assert.deepEqual(decodeReply(again), { id: 1, answer }, answer.kind)
      assert.deepEqual(kindsOf(replyType, bytes, 'answer'), [answer.kind])
    }
  })

  it('pass over fields of later versions, and leave a kind that is not known undefined', () => {
    const unknown = Uint8Array.of(0x08, 5, 0xfa, 0x01, 2, 1, 2, 0xf5, 0x01, 1, 2, 3, 4, 0xf8, 0x01, 9)
    assert.deepEqual(decodeRequest(unknown), { id: 5, deadlineMs: 0, call: undefined })
    assert.deepEqual(decodeReply(unknown), { id: 5, answer: undefined })
  })

  it('that are cut or mutated are read as something, or refused by RangeError', () => {
    const prng = new Prng(seedOf())
    const wires = [
      ...CALLS.map((call) => encodeRequest(9, 9, call)),
      ...ANSWERS.map((of) => encodeReply(9, of)),
    ]
    for (let round = 0; round < 20_000; round++) {
      const wire = wires[prng.below(wires.length)]!.slice(0, 400)
      const bytes = wire.subarray(0, prng.below(wire.length + 1))
      for (let flips = prng.below(4); flips > 0 && bytes.length > 0; flips--) {
        bytes[prng.below(bytes.length)] = prng.below(256)
      }
      for (const decode of [decodeRequest, decodeReply]) {
        try {
          decode(bytes)
        } catch (thrown) {
          assert.ok(thrown instanceof RangeError, String(thrown))
        }
      }
    }
  })
})

function kindsOf(type: protobuf.Type, bytes: Uint8Array, oneof: string): string[] {
  const which = (type.decode(bytes) as unknown as Record<string, unknown>)[oneof]
  return [String(which).replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())]
}
