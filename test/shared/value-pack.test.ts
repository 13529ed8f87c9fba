import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ShardReply } from '../../src/shared/messages.js'
import { packValues, unpackValues } from '../../src/shared/value-pack.js'

test('replies come out as they went in, small values packed, others and large ones as they are', () => {
  const replies: ShardReply[] = [
    {
      kind: 'value',
      id: 1,
      value: Uint8Array.of(1, 2),
      outcome: 'load',
      ttlLeftMs: Number.POSITIVE_INFINITY,
    },
    { kind: 'value', id: 2, value: new Uint8Array(0), outcome: 'stale', ttlLeftMs: 0 },
    { kind: 'failed', id: 3, failure: { code: 'NOT_FOUND', message: 'none' } },
    { kind: 'value', id: 4, value: new Uint8Array(5000).fill(5), outcome: 'coalesced', ttlLeftMs: 7.5 },
    { kind: 'value', id: 5, value: new Uint8Array(4096).fill(6), outcome: 'hit', ttlLeftMs: 1 },
  ]
  const packed = structuredClone(packValues(replies))
  assert.deepEqual(
    packed.map((item) => item instanceof ArrayBuffer),
    [true, false, false, true],
  )
  const taken: ShardReply[] = []
  unpackValues(packed, (reply) => taken.push(reply))
  assert.deepEqual(taken, replies)
})
