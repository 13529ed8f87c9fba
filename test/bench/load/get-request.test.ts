import assert from 'node:assert/strict'
import { it } from 'node:test'
import { getAnswerBytes, getRequest } from '../../../bench/load/get-request.js'
import { groupCacheDefinition } from '../../../src/main/service/group-cache-codec.js'

const { requestSerialize, responseSerialize } = groupCacheDefinition.Get

it('writes the request as the service reads it, with the prefix of a gRPC message', () => {
  for (const key of ['Tom', 'k'.repeat(127), 'k'.repeat(128), 'k'.repeat(20_000)]) {
    const request = getRequest('scores', key)
    assert.deepEqual(
      request.subarray(5),
      Buffer.from(requestSerialize({ group: 'scores', key: Buffer.from(key) })),
    )
    assert.equal(request[0], 0)
    assert.equal(request.readUInt32BE(1), request.length - 5)
  }
})

it('knows how long an answer must be', () => {
  for (const valueBytes of [1, 127, 128, 1024, 65_536]) {
    const message = responseSerialize({ value: new Uint8Array(valueBytes) })
    assert.equal(getAnswerBytes(valueBytes), 5 + message.length)
  }
})
