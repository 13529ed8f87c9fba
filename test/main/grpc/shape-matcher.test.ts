import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { HpackDecoder } from '../../../src/main/grpc/http2/hpack-decoder.js'
import type { DynamicTable } from '../../../src/main/grpc/http2/hpack-table.js'
import { parseRequestHead } from '../../../src/main/grpc/http2/request-head.js'
import { RequestShape } from '../../../src/main/grpc/request-shape.js'
import { ShapeMatcher } from '../../../src/main/grpc/shape-matcher.js'
import { parseTimeout } from '../../../src/main/grpc/timeout.js'
import { ClientEncoder } from '../../support/client-encoder.js'
import { Prng, seedOf } from '../../support/prng.js'

const LIST_BYTES_MAX = 16_384
const SEED = seedOf()

function entriesOf(table: DynamicTable): string[] {
  const entries = Array.from(
    { length: table.count },
    (_, position) => `${table.nameAt(position)}: ${table.valueAt(position)}`,
  )
  return [...entries, `${table.sizeBytes} bytes, ${table.insertCount} inserted`]
}

const COMMON = [
  [':method', 'POST', ':scheme', 'http', ':path', '/pb.GroupCache/Get', ':authority', '127.0.0.1:8001'],
  ['content-type', 'application/grpc', 'user-agent', 'someone/1.0', 'te', 'trailers'],
].flat()

function randomRequest(prng: Prng): string[] {
  const fields = [...COMMON]
  const traceparent = `00-${prng.below(1 << 30).toString(16)}-${prng.below(1 << 30).toString(16)}-01`
  if (prng.below(10) < 3) fields.push('traceparent', traceparent)
  if (prng.below(10) === 0) fields.push('x-large', 'x'.repeat(prng.below(300)))
  if (prng.below(10) === 0) fields[5] = '/pb.GroupCache/Delete'
  if (prng.below(4) > 0) {
    const timeout = `${20_000_000 - prng.below(200)}u`
    fields.splice(2 * (4 + prng.below(fields.length / 2 - 3)), 0, 'grpc-timeout', timeout)
  }
  return fields
}

describe('matching and decoding', () => {
  for (const [tableBytes, matchedMin] of [
    [4096, 1500],
    [1000, 1500],
    [300, 1500],
    [0, 1],
  ] as const) {
    test(`leave the same table of ${tableBytes} bytes, and the same request`, () => {
      const prng = new Prng(SEED)
      const encoder = new ClientEncoder(tableBytes, prng)
      const decoder = new HpackDecoder(LIST_BYTES_MAX, tableBytes)
      const followed = new HpackDecoder(LIST_BYTES_MAX, tableBytes)
      const matcher = new ShapeMatcher(followed.table)
      const shapes: RequestShape[] = []
      let last: RequestShape | undefined
      let matched = 0
      for (let round = 0; round < 3000; round++) {
        const block = encoder.block(randomRequest(prng))
        const { fields } = decoder.decode(block, 0, block.length)
        const shape = matcher.matchAgain(block, 0, block.length)
          ? last
          : shapes.find((known) => matcher.match(known, block, 0, block.length))
        last = shape ?? last
        if (shape === undefined) {
          followed.decode(block, 0, block.length)
          shapes.unshift(new RequestShape(parseRequestHead(1, fields)))
          shapes.length = Math.min(shapes.length, 4)
        } else {
          matched++
          const timeoutAt = fields.indexOf('grpc-timeout')
          const rest = fields.filter((_text, index) => index >> 1 !== timeoutAt >> 1 || timeoutAt < 0)
          assert.deepEqual(shape.headOf(matcher.changes).fields, rest)
          const timeoutMs = timeoutAt < 0 ? Number.POSITIVE_INFINITY : parseTimeout(fields[timeoutAt + 1]!)
          assert.equal(matcher.timeoutMs, timeoutMs)
        }
        assert.deepEqual(entriesOf(followed.table), entriesOf(decoder.table), `seed ${SEED}`)
      }
      assert.ok(matched >= matchedMin, `${matched} of 3000, seed ${SEED}`)
    })
  }

  test('leave the same table when a block is cut off or garbled', () => {
    const prng = new Prng(SEED)
    for (let run = 0; run < 40; run++) {
      const encoder = new ClientEncoder(4096, prng)
      const [decoder, followed] = [new HpackDecoder(LIST_BYTES_MAX), new HpackDecoder(LIST_BYTES_MAX)]
      const matcher = new ShapeMatcher(followed.table)
      for (let round = 0; round < 100; round++) {
        const block = encoder.block(randomRequest(prng))
        const { fields } = decoder.decode(block, 0, block.length)
        followed.decode(block, 0, block.length)
        const shape = new RequestShape(parseRequestHead(1, fields))
        const next = encoder.block(fields)
        const garbled = Buffer.from(next.subarray(0, next.length - prng.below(3)))
        garbled[prng.below(garbled.length)] = prng.below(256)
        const matched = matcher.match(shape, garbled, 0, garbled.length)
        if (matched) decoder.decode(garbled, 0, garbled.length)
        assert.deepEqual(entriesOf(followed.table), entriesOf(decoder.table), `seed ${SEED}`)
        // From here on the encoder's table is another.
        if (matched || entriesOf(encoder.table).join() !== entriesOf(decoder.table).join()) break
      }
    }
  })
})

test('a block that comes again is recognised by its bytes alone, until the table changes', () => {
  const fields = [...COMMON, 'x-a', '1']
  const shape = new RequestShape(parseRequestHead(1, fields))
  const literal = (pattern: number, name: string, value: string) =>
    Buffer.concat([
      Buffer.from([pattern, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value),
    ])
  const common = COMMON.flatMap((name, at) => (at % 2 === 0 ? [literal(0, name, COMMON[at + 1]!)] : []))
  const xA = literal(0, 'x-a', '1')
  const plain = Buffer.concat([...common, xA])
  const timed = Buffer.concat([...common, literal(0, 'grpc-timeout', '1S'), xA])
  const changed = Buffer.concat([...common, literal(0, 'x-a', '2')])
  const inserting = Buffer.concat([...common, literal(0x40, 'x-a', '1')])
  const { table } = new HpackDecoder(LIST_BYTES_MAX)
  const matcher = new ShapeMatcher(table)
  const again = (block: Buffer) => matcher.matchAgain(Buffer.from(block), 0, block.length)
  const match = (block: Buffer) => assert.ok(matcher.match(shape, Buffer.from(block), 0, block.length))
  assert.equal(again(plain), false)
  match(plain)
  assert.equal(again(plain), true)
  assert.equal(again(changed), false)
  assert.equal(again(plain.subarray(0, -1)), false)
  for (const other of [timed, changed, inserting]) {
    match(plain)
    match(other)
    assert.equal(again(other), false)
    assert.equal(again(plain), false)
  }
  match(plain)
  table.resize(0)
  assert.equal(again(plain), false)
  match(plain)
  table.insert('x-b', '2')
  assert.equal(again(plain), false)
  match(plain)
  assert.equal(again(plain), true)
  assert.equal(matcher.timeoutMs, Number.POSITIVE_INFINITY)
  assert.equal(matcher.changes, undefined)
})

test('an entry that the block itself has driven out is not found', () => {
  const { table } = new HpackDecoder(LIST_BYTES_MAX, 72)
  const head = parseRequestHead(1, [...COMMON.slice(0, 8), 'x-a', '1', 'x-b', '2', 'x-a', '1'])
  const insert = (name: string, value: string) =>
    Buffer.concat([Buffer.from([0x40, name.length]), Buffer.from(name), Buffer.from([1]), Buffer.from(value)])
  const matcher = new ShapeMatcher(table)
  table.insert('x-a', '1')
  const block = Buffer.concat([insert('x-a', '1'), insert('x-b', '2'), Buffer.from([0xc0])])
  const shape = new RequestShape({ ...head, fields: head.fields.slice(8) })
  assert.equal(matcher.match(shape, block, 0, block.length), false)
  assert.deepEqual(entriesOf(table), ['x-a: 1', '36 bytes, 1 inserted'])
})

test('a value that no field may have, a timeout that has passed, and a second one are left to the decoder', () => {
  const plain = (name: string, value: string) =>
    Buffer.concat([
      Buffer.from([0x00, name.length]),
      Buffer.from(name),
      Buffer.from([value.length]),
      Buffer.from(value, 'latin1'),
    ])
  const head = parseRequestHead(1, [...COMMON, 'traceparent', 'a'])
  const matcher = new ShapeMatcher(new HpackDecoder(LIST_BYTES_MAX).table)
  const matches = (...more: string[]): boolean => {
    const fields = [...COMMON, ...more]
    const block = Buffer.concat(
      fields.flatMap((name, index) => (index % 2 === 0 ? [plain(name, fields[index + 1]!)] : [])),
    )
    return matcher.match(new RequestShape(head), block, 0, block.length)
  }
  assert.equal(matches('traceparent', 'b', 'grpc-timeout', '1S'), true)
  assert.equal(matches('traceparent', 'b\0'), false)
  assert.equal(matches('traceparent', ' b'), false)
  assert.equal(matches('traceparent', 'b', 'grpc-timeout', '0n'), false)
  assert.equal(matches('traceparent', 'b', 'grpc-timeout', '1x'), false)
  assert.equal(matches('traceparent', 'b', 'grpc-timeout', '1S', 'grpc-timeout', '1S'), false)
  assert.equal(matches('traceparent', 'b', 'traceparent', 'c'), false)
})
