import assert from 'node:assert/strict'
import { test } from 'node:test'
import { packLoads, unpackLoads } from '../../src/shared/load-pack.js'
import type { ShardRequest } from '../../src/shared/messages.js'

const load = (id: number, key: string): Extract<ShardRequest, { kind: 'load' }> => ({
  kind: 'load',
  id,
  group: 3,
  key: new TextEncoder().encode(key),
  hash: 0xfedc_ba98,
  deadlineMs: Number.POSITIVE_INFINITY,
  ttlMsMax: 10_000,
})

test('requests come out as they went in, loads packed, others and traced loads as they are', () => {
  const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
  const requests: ShardRequest[] = [
    load(1, 'Tom'),
    load(2, 'ключ'),
    { kind: 'cancel', id: 1 },
    { ...load(2 ** 40, 'far'), trace },
    load(4, 'x'.repeat(5000)),
  ]
  const packed = structuredClone(packLoads(requests))
  assert.equal(packed.length, 4)
  const taken: ShardRequest[] = []
  unpackLoads(packed, (request) => taken.push(request))
  assert.deepEqual(taken, requests)
})
