import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import protobuf from 'protobufjs'
import { POLL_GROUPS_MAX, POLL_KEYS_MAX } from '../../../src/main/invalidation-poll.js'
import {
  groupKeyCodec,
  responseForDeleteCodec,
  responseForGetCodec,
} from '../../../src/main/service/group-cache-codec.js'
import {
  invalidationsRequestCodec,
  invalidationsResponseCodec,
} from '../../../src/main/service/invalidations-codec.js'
import { decodeRequest, MalformedMessage, type MessageCodec } from '../../../src/main/service/message.js'
import {
  explainRequestCodec,
  hotKeysRequestCodec,
  hotKeysViewCodec,
  keyExplanationCodec,
  nodeStatsCodec,
  ringRequestCodec,
  ringViewCodec,
  statsRequestCodec,
} from '../../../src/main/service/node-codec.js'
import {
  type FetchManyResult,
  fetchManyResponseCodec,
  fetchResponseCodec,
  groupKeysCodec,
  removeResponseCodec,
} from '../../../src/main/service/peer-codec.js'
import { Prng, seedOf } from '../../support/prng.js'

const protoRoot = new URL('../../../../proto/', import.meta.url)
const schema = new protobuf.Root()
schema.loadSync(
  ['pb/groupcache.proto', 'geekcache/v1/peer.proto', 'geekcache/v1/node.proto'].map((name) =>
    fileURLToPath(new URL(name, protoRoot)),
  ),
  { keepCase: true },
)

const random = new Prng(seedOf())
const bytes = (lengthMax: number) =>
  Buffer.from(Array.from({ length: random.below(lengthMax + 1) }, () => random.below(256)))
const text = (lengthMax: number) => bytes(lengthMax).toString('latin1')
const list = <Item>(countMax: number, item: () => Item) =>
  Array.from({ length: random.below(countMax + 1) }, item)

/** A message type: our codec, its name in the .proto files, random messages, and the same message in the schema's words. */
interface Case<Message> {
  readonly name: string
  readonly codec: MessageCodec<Message>
  make(): Message
  inSchema?(message: Message): object
}

const same = (message: object): object => message

const outcomes = ['hit', 'load', 'coalesced', 'stale', 'hot'] as const

function fetchManyResult(): FetchManyResult {
  const ttlLeftMs = [0, 1500, Number.POSITIVE_INFINITY][random.below(3)] ?? 0
  return random.below(2) === 0
    ? { value: bytes(1000), outcome: outcomes[random.below(5)], ttlLeftMs, code: 0, message: '' }
    : {
        value: Buffer.alloc(0),
        outcome: undefined,
        ttlLeftMs: Number.POSITIVE_INFINITY,
        code: 5,
        message: text(40),
      }
}

function caseOf<Message extends object>(one: Case<Message>): Case<object> {
  return one as unknown as Case<object>
}

const textKey = { codec: groupKeyCodec, make: () => ({ group: text(40), key: Buffer.from(text(300)) }) }
const bytesKey = { codec: groupKeyCodec, make: () => ({ group: text(40), key: bytes(300) }) }

const cases: Case<object>[] = [
  caseOf({
    name: 'pb.Request',
    ...textKey,
    inSchema: ({ group, key }) => ({ group, key: Buffer.from(key).toString() }),
  }),
  caseOf({ name: 'geekcache.v1.FetchRequest', ...bytesKey }),
  caseOf({ name: 'geekcache.v1.RemoveRequest', ...bytesKey }),
  caseOf({ name: 'pb.ResponseForGet', codec: responseForGetCodec, make: () => ({ value: bytes(100_000) }) }),
  caseOf({
    name: 'pb.ResponseForDelete',
    codec: responseForDeleteCodec,
    make: () => ({ value: random.below(2) === 1 }),
  }),
  caseOf({
    name: 'geekcache.v1.FetchResponse',
    codec: fetchResponseCodec,
    make: () => ({
      value: bytes(1000),
      outcome: outcomes[random.below(5)],
      ttlLeftMs: [0, 1, 2 ** 40, Number.MAX_SAFE_INTEGER, Number.POSITIVE_INFINITY][random.below(5)] ?? 0,
    }),
    inSchema: ({ value, outcome, ttlLeftMs }) => ({
      value,
      outcome: outcome === undefined ? 0 : outcomes.indexOf(outcome) + 1,
      ...(ttlLeftMs !== Number.POSITIVE_INFINITY && { ttl_left_ms: ttlLeftMs }),
    }),
  }),
  caseOf({
    name: 'geekcache.v1.FetchManyRequest',
    codec: groupKeysCodec,
    make: () => ({ group: text(40), keys: list(20, () => bytes(300)) }),
  }),
  caseOf({
    name: 'geekcache.v1.FetchManyResponse',
    codec: fetchManyResponseCodec,
    make: () => ({ results: list(20, fetchManyResult) }),
    inSchema: ({ results }) => ({
      results: results.map(({ value, outcome, ttlLeftMs, code, message }) => ({
        value,
        outcome: outcome === undefined ? 0 : outcomes.indexOf(outcome) + 1,
        ...(ttlLeftMs !== Number.POSITIVE_INFINITY && { ttl_left_ms: ttlLeftMs }),
        code,
        message,
      })),
    }),
  }),
  caseOf({ name: 'geekcache.v1.RemoveResponse', codec: removeResponseCodec, make: () => ({}) }),
  caseOf({
    name: 'geekcache.v1.InvalidationsRequest',
    codec: invalidationsRequestCodec,
    make: () => ({
      session: text(40),
      sequence: [0, 1, Number.MAX_SAFE_INTEGER][random.below(3)] ?? 0,
      groups: list(20, () => ({ name: text(20), isCovered: random.below(2) === 1 })),
    }),
    inSchema: ({ groups, ...same }) => ({
      ...same,
      groups: groups.map(({ name, isCovered }) => ({ name, is_covered: isCovered })),
    }),
  }),
  caseOf({
    name: 'geekcache.v1.InvalidationsResponse',
    codec: invalidationsResponseCodec,
    make: () => ({
      session: text(40),
      sequence: [0, 1, Number.MAX_SAFE_INTEGER][random.below(3)] ?? 0,
      isReset: random.below(2) === 1,
      covered: list(10, () => text(20)),
      events: list(10, () => ({
        group: text(20),
        keys: random.below(5) === 0 ? ('all' as const) : list(10, () => bytes(30)),
      })),
    }),
    inSchema: ({ isReset, events, ...same }) => ({
      ...same,
      is_reset: isReset,
      events: events.map(({ group, keys }) => ({
        group,
        keys: keys === 'all' ? [] : keys,
        all: keys === 'all',
      })),
    }),
  }),
  caseOf({ name: 'geekcache.v1.StatsRequest', codec: statsRequestCodec, make: () => ({}) }),
  caseOf({
    name: 'geekcache.v1.StatsResponse',
    codec: nodeStatsCodec,
    make: () => ({
      self: text(20),
      counters: list(20, () => ({
        labels: { front: text(9), ...Object.fromEntries(list(3, () => [text(9), text(9)])) },
        name: text(20),
        group: text(20),
        shard: random.below(64),
        value: random.below(2 ** 31) / 8,
      })),
    }),
  }),
  caseOf({ name: 'geekcache.v1.RingRequest', codec: ringRequestCodec, make: () => ({ key: bytes(300) }) }),
  caseOf({
    name: 'geekcache.v1.RingResponse',
    codec: ringViewCodec,
    make: () => ({
      members: list(10, () => ({
        address: text(20),
        share: random.below(1000) / 1000,
        self: random.below(2) === 1,
      })),
      owners: list(5, () => text(20)),
    }),
  }),
  caseOf({ name: 'geekcache.v1.ExplainRequest', ...bytesKey, codec: explainRequestCodec }),
  caseOf({
    name: 'geekcache.v1.ExplainResponse',
    codec: keyExplanationCodec,
    make: () => ({
      owner: text(20),
      isOwned: random.below(2) === 1,
      shard: random.below(64),
      present: random.below(2) === 1,
      notFound: random.below(2) === 1,
      ...(random.below(2) === 1 && { ageMs: random.below(2) * 1000, ttlLeftMs: random.below(2 ** 31) / 8 }),
      valueBytes: random.below(2 ** 26 + 1),
      costBytes: random.below(2 ** 27),
      ...(random.below(2) === 1 && { hits: random.below(1000) / 4 }),
    }),
    inSchema: ({ isOwned, notFound, ageMs, ttlLeftMs, valueBytes, costBytes, ...same }) => ({
      ...same,
      is_owned: isOwned,
      not_found: notFound,
      ...(ageMs !== undefined && { age_ms: ageMs }),
      ...(ttlLeftMs !== undefined && { ttl_left_ms: ttlLeftMs }),
      value_bytes: valueBytes,
      cost_bytes: costBytes,
    }),
  }),
  caseOf({
    name: 'geekcache.v1.HotKeysRequest',
    codec: hotKeysRequestCodec,
    make: () => ({ group: text(40), count: random.below(5000) }),
  }),
  caseOf({
    name: 'geekcache.v1.HotKeysResponse',
    codec: hotKeysViewCodec,
    make: () => ({
      keys: list(20, () => ({
        key: bytes(50),
        hits: random.below(2 ** 31) / 8,
        hitsOverMax: random.below(100) / 8,
      })),
    }),
    inSchema: ({ keys }) => ({
      keys: keys.map(({ key, hits, hitsOverMax }) => ({ key, hits, hits_over_max: hitsOverMax })),
    }),
  }),
]

/** Like deepEqual, but a Buffer equals a Uint8Array of the same bytes. */
function assertSame(actual: object, expected: object): void {
  const plain = (_: string, value: unknown) => {
    if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`
    return value === Number.POSITIVE_INFINITY ? 'infinity' : value
  }
  // Buffer.toJSON runs before a replacer sees the value, so Buffers are turned into plain views first.
  const views = (value: unknown): unknown => {
    if (value instanceof Uint8Array) return new Uint8Array(value)
    if (Array.isArray(value)) return value.map(views)
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, views(field)]))
  }
  assert.deepEqual(
    JSON.parse(JSON.stringify(views(actual), plain)),
    JSON.parse(JSON.stringify(views(expected), plain)),
  )
}

describe('codecs against protobufjs and the .proto files', () => {
  for (const { name, codec, make, inSchema = same } of cases) {
    const type = schema.lookupType(name)
    const asObject = { longs: Number, defaults: true, arrays: true, keepCase: true }

    it(`${name}: protobufjs reads what we write`, () => {
      for (let round = 0; round < 100; round++) {
        const message = make()
        const read = type.toObject(type.decode(codec.encode(message)), asObject) as Record<string, unknown>
        assertSame(read, { ...emptyOf(type, inSchema(message)), ...inSchema(message) })
      }
    })

    it(`${name}: we read what protobufjs writes, unknown fields and field order notwithstanding`, () => {
      for (let round = 0; round < 100; round++) {
        const message = make()
        const written = type.encode(type.fromObject(inSchema(message))).finish()
        const unknown = protobuf.Writer.create()
          .uint32((99 << 3) | 2)
          .bytes(bytes(20))
          .uint32((98 << 3) | 0)
          .uint64(random.below(2 ** 31))
          .finish()
        assertSame(codec.decode(Buffer.concat([unknown, written, unknown])), message)
      }
    })

    it(`${name}: what we write we read`, () => {
      for (let round = 0; round < 100; round++) {
        const message = make()
        assertSame(codec.decode(codec.encode(message)), message)
      }
    })
  }
})

/** Fields that the schema's object form leaves out unless they are present. */
function emptyOf(type: protobuf.Type, message: object): object {
  const empty = type.toObject(type.create(), { longs: Number, defaults: true, arrays: true })
  if (!('ttl_left_ms' in message)) delete empty.ttl_left_ms
  return empty
}

describe('hostile bytes', () => {
  it('random bytes decode or throw, and never hang', () => {
    for (const { codec } of cases) {
      for (let round = 0; round < 500; round++) {
        const decoded = decodeRequest(codec, bytes(40))
        assert.ok(decoded instanceof MalformedMessage || typeof decoded === 'object')
      }
    }
  })

  it('every cut of a message decodes or throws', () => {
    const whole = groupKeyCodec.encode({ group: 'scores', key: Buffer.from('Tom') })
    for (let end = 0; end < whole.length; end++) {
      const decoded = decodeRequest(groupKeyCodec, whole.subarray(0, end))
      const between = end === 0 || end === 8
      assert.equal(decoded instanceof MalformedMessage, !between, `cut at ${end}`)
    }
  })

  const malformed: [string, number[]][] = [
    ['field number 0', [0x02, 0x00]],
    ['length beyond the end', [0x12, 0x05, 0x61]],
    ['length of 4 GiB', [0x12, 0xff, 0xff, 0xff, 0xff, 0x0f]],
    ['endless varint', [0x18, ...Array<number>(12).fill(0xff)]],
    ['group that is no UTF-8', [0x0a, 0x02, 0xc3, 0x28]],
    ['end of a group that never began', [0x0c]],
    ['groups nested without end', Array<number>(200_000).fill(0x1b)],
    ['wire type 7', [0x1f]],
  ]
  for (const [what, wire] of malformed) {
    it(`${what} is malformed`, () => {
      assert.ok(decodeRequest(groupKeyCodec, Buffer.from(wire)) instanceof MalformedMessage)
    })
  }

  it('a known field in another layout counts as unknown', () => {
    assert.deepEqual(groupKeyCodec.decode(Buffer.from([0x08, 0x01])).group, '')
  })

  it('no more groups and keys of invalidations are taken than a peer sends', () => {
    const groups = (count: number) => Array.from({ length: count }, () => ({ name: '', isCovered: false }))
    const request = { session: '', sequence: 0 }
    const asked = (count: number) => invalidationsRequestCodec.encode({ ...request, groups: groups(count) })
    assert.equal(invalidationsRequestCodec.decode(asked(POLL_GROUPS_MAX)).groups.length, POLL_GROUPS_MAX)
    assert.ok(
      decodeRequest(invalidationsRequestCodec, asked(POLL_GROUPS_MAX + 1)) instanceof MalformedMessage,
    )
    const keys = (count: number) => ({
      group: '',
      keys: Array.from({ length: count }, () => Buffer.alloc(0)),
    })
    const told = (...events: { group: string; keys: Buffer[] }[]) =>
      invalidationsResponseCodec.encode({ ...request, isReset: false, covered: [], events })
    const most = [keys(POLL_KEYS_MAX - 1), keys(POLL_KEYS_MAX - 1)]
    assert.equal(invalidationsResponseCodec.decode(told(...most)).events.length, 2)
    assert.throws(() => invalidationsResponseCodec.decode(told(...most, keys(0))), RangeError)
    assert.throws(() => invalidationsResponseCodec.decode(told(keys(POLL_KEYS_MAX + 1))), RangeError)
  })

  it('a decoded key has memory of its own', () => {
    const wire = groupKeyCodec.encode({ group: 'scores', key: Buffer.from('Tom') })
    const { key } = groupKeyCodec.decode(wire)
    wire.fill(0)
    assert.equal(Buffer.from(key).toString(), 'Tom')
    assert.equal(key.buffer.byteLength, 3)
  })
})
