import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Flag, FrameType } from '../../../../src/main/grpc/http2/frame.js'
import { TimeSlices } from '../../../../src/main/grpc/http2/time-slices.js'
import { GrpcHarness } from '../../../support/grpc-harness.js'
import { callBlock, frame, headersFrame, messageFrame } from '../../../support/http2-frames.js'

const PATH = '/test.Service/Get'

function call(streamId: number): Buffer {
  return Buffer.concat([headersFrame(streamId, callBlock(PATH)), messageFrame(streamId, Buffer.from('x'))])
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => 2 * index + 1)

/** A server whose clock goes on by a tenth of a millisecond with each look at it. */
function slow(options = {}): GrpcHarness {
  const harness = new GrpcHarness(options).method(PATH, (_call, reply) => reply?.(null, Buffer.from('y')))
  harness.start()
  let nowMs = 0
  harness.sliceNowMs = () => {
    nowMs += 0.1
    return nowMs
  }
  return harness
}

const answered = (harness: GrpcHarness) =>
  harness.frames(FrameType.HEADERS).filter(({ flags }) => (flags & Flag.END_STREAM) !== 0).length

describe('a read with more in it than a slice of time allows', () => {
  test('is worked at slice by slice, and nothing is read meanwhile', () => {
    const harness = slow()
    harness.receive(...ids(100).map(call))
    const first = answered(harness)
    assert.ok(first > 0 && first < 50, `${first}`)
    assert.equal(harness.paused, true)
    let slices = 1
    while (harness.turn()) slices++
    assert.ok(slices > 4, `${slices} slices`)
    assert.equal(answered(harness), 100)
    assert.equal(harness.paused, false)
    assert.equal(harness.turn(), false)
  })

  test('keeps its order with what the socket had read already', () => {
    const harness = slow()
    const bytes = Buffer.concat(ids(60).map(call))
    harness.receive(bytes.subarray(0, 3000)).receive(bytes.subarray(3000))
    while (harness.turn());
    assert.equal(answered(harness), 60)
    assert.equal(harness.ended, false)
  })

  test('that ends the connection has no further turn', () => {
    const harness = slow()
    harness.receive(...ids(50).map(call), frame(FrameType.PING, 0, 1), ...ids(50).map(call))
    while (harness.turn());
    assert.equal(harness.frames(FrameType.GOAWAY).length, 1)
    const sentBytes = harness.bytes.length
    harness.connection.http2.onTransportClosed()
    while (harness.turn());
    assert.equal(harness.bytes.length, sentBytes)
  })

  test('waits for a client that does not read, too', () => {
    const harness = slow({ unsentBytesMax: 65_536 })
    harness.unsentBytes = 70_000
    harness.receive(...ids(50).map(call))
    while (harness.turn());
    const stopped = answered(harness)
    assert.ok(stopped < 50)
    assert.equal(harness.paused, true)
    harness.unsentBytes = 0
    harness.connection.http2.onDrained()
    while (harness.turn());
    assert.equal(answered(harness), 50)
    assert.equal(harness.paused, false)
  })
})

test('connections that have more to do share one slice a turn, in order', () => {
  const turns: (() => void)[] = []
  const slices = new TimeSlices({ nowMs: () => 0, nextTurn: (run) => turns.push(run) })
  const ran: string[] = []
  const work = (name: string, times: number) => () => {
    ran.push(name)
    if (times > 1) slices.later(work(name, times - 1))
  }
  slices.later(work('a', 3))
  slices.later(work('b', 1))
  slices.later(work('c', 2))
  while (turns.length > 0) {
    assert.equal(turns.length, 1)
    turns.shift()!()
  }
  assert.deepEqual(ran, ['a', 'b', 'c', 'a', 'c', 'a'])
})
