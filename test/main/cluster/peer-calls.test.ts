import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PeerCalls } from '../../../src/main/cluster/peer-calls.js'
import type { UnaryCaller } from '../../../src/main/unary-caller.js'
import { Code } from '../../../src/shared/errors.js'

/** A caller whose calls end with the statuses given, in turn. */
function callerOf(address: string, ...statuses: number[]): UnaryCaller {
  return {
    address,
    connected: true,
    call: async () => ({ status: statuses.shift() ?? 0, message: '', body: new Uint8Array(0), trailers: [] }),
    close() {},
  }
}

const ask = (caller: UnaryCaller) => caller.call('/s/m', new Uint8Array(0), {})

test('calls without an answer are errors; those that a peer answered, or that were given up, are not', async () => {
  const calls = new PeerCalls()
  const statuses = [0, ...Object.values(Code), 10]
  const caller = calls.counted(callerOf('a:1', ...statuses))
  for (const _ of statuses) await ask(caller)
  const [peer] = calls.peers()
  assert.equal(peer!.calls, statuses.length)
  // DEADLINE_EXCEEDED, ALREADY_EXISTS, INTERNAL, UNAVAILABLE and one that is none of ours.
  assert.equal(peer!.errors, 5)
  assert.ok(peer!.latencyMs! >= 0)
})

test('a peer is told of until its connection is closed', async () => {
  const calls = new PeerCalls()
  const [b, a] = [calls.counted(callerOf('b:1')), calls.counted(callerOf('a:1'))]
  assert.deepEqual(
    calls.peers().map(({ address, state }) => [address, state]),
    [
      ['a:1', 'connected'],
      ['b:1', 'connected'],
    ],
  )
  a.close()
  assert.deepEqual(
    calls.peers().map(({ address }) => address),
    ['b:1'],
  )
  b.close()
  assert.deepEqual(calls.samples(), [])
})

test('there are samples of a bounded number of peers, and their sums are right', async () => {
  const calls = new PeerCalls()
  for (let i = 0; i < 100; i++) await ask(calls.counted(callerOf(`peer${i}:1`, i % 2 ? Code.UNAVAILABLE : 0)))
  const samples = calls.samples()
  const peers = new Set(samples.map(({ labels }) => labels.peer))
  assert.equal(peers.size, 65)
  assert.ok(peers.has('others'))
  const sumOf = (name: string) =>
    samples.filter((sample) => sample.name === name).reduce((sum, { value }) => sum + value, 0)
  assert.equal(sumOf('peer_calls'), 100)
  assert.equal(sumOf('peer_call_errors'), 50)
  assert.equal(sumOf('peer_call_duration_bucket'), 100)
  assert.equal(calls.peers().length, 100)
})
