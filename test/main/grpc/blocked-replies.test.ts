import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { status } from '@grpc/grpc-js'
import type { HotHandler } from '../../../src/main/grpc/hot-shapes.js'
import { Http2Code } from '../../../src/main/grpc/http2/errors.js'
import { FrameType } from '../../../src/main/grpc/http2/frame.js'
import { GrpcHarness } from '../../support/grpc-harness.js'
import {
  callBlock,
  frame,
  headersFrame,
  messageFrame,
  settingsFrame,
  uint32,
} from '../../support/http2-frames.js'

const PATH = '/test.Service/Get'
const VALUE_BYTES = 40_000
const WIDE = 1 << 24
const INITIAL_WINDOW_SIZE = 4
const WARM_ID = 1

const credit = (streamId: number, bytes = WIDE) => frame(FrameType.WINDOW_UPDATE, 0, streamId, uint32(bytes))
const reset = (streamId: number) => frame(FrameType.RST_STREAM, 0, streamId, uint32(Http2Code.CANCEL))

/** Serves values by their keys, hot as long as they are there, and counts how often it copied one. */
class Values {
  copied = 0
  /** Calls that the ordinary handler got. */
  ordinary: string[] = []
  readonly values = new Map([
    ['large', Buffer.alloc(VALUE_BYTES, 'x')],
    ['small', Buffer.from('y')],
  ])
  readonly harness: GrpcHarness

  constructor(settings: readonly (readonly [number, number])[], options = {}) {
    const hot: HotHandler = (buffer, start, end, reply) => {
      const value = this.values.get(buffer.toString('latin1', start, end))
      if (value === undefined) return false
      const at = reply.reserve(value.length)
      if (at < 0) return false
      value.copy(reply.buffer, at)
      this.copied++
      return true
    }
    this.harness = new GrpcHarness(options, { [PATH]: hot }).method(PATH, (call, reply) => {
      const key = (call as { request: Buffer }).request.toString('latin1')
      if (key !== 'warm') this.ordinary.push(key)
      reply?.(null, Buffer.from(key === 'warm' ? '' : 'loaded'))
    })
    this.harness.start(...settings)
    this.call(WARM_ID, 'warm')
    this.harness.receive(credit(WARM_ID))
    assert.equal(this.text(WARM_ID), '')
  }

  call(streamId: number, key = 'large', ...more: string[]): this {
    const head = headersFrame(streamId, callBlock(PATH, ...more))
    this.harness.receive(head, messageFrame(streamId, Buffer.from(key)))
    return this
  }

  /** The message that a stream was answered by, prefix left out. */
  text(streamId: number): string {
    const data = this.harness.frames(FrameType.DATA, streamId).map(({ payload }) => payload)
    return Buffer.concat(data).toString('latin1', 5)
  }

  statusOf(streamId: number): string | undefined {
    return this.harness.headers(streamId).at(-1)?.['grpc-status']
  }

  get openStreams(): number {
    return this.harness.connection.http2.openStreams
  }
}

const ids = (count: number) => Array.from({ length: count }, (_, index) => 3 + 2 * index)
const zeroWindows = () => new Values([[INITIAL_WINDOW_SIZE, 0]])

describe('hits whose streams have no window', () => {
  test('are not looked up before they have one', () => {
    const values = zeroWindows()
    for (const id of ids(500)) values.call(id)
    assert.equal(values.copied, 0)
    assert.equal(values.harness.budget.taken, 0)
    values.harness.receive(credit(0), credit(7), credit(3)).turns()
    assert.equal(values.copied, 2)
    for (const id of [3, 7]) assert.equal(values.text(id).length, VALUE_BYTES)
    assert.equal(values.openStreams, 498)
  })

  test('have one by a change of the initial window, less what was taken from it', () => {
    const values = zeroWindows()
    values.call(3).call(5, 'small').harness.receive(credit(0), credit(5, 1))
    values.harness.turns()
    assert.equal(values.harness.frames(FrameType.DATA, 5)[0]?.payload.length, 1)
    values.harness.receive(settingsFrame([INITIAL_WINDOW_SIZE, 100])).turns()
    assert.equal(values.text(3).length, 95)
    assert.equal(values.text(5), 'y')
    values.harness.receive(settingsFrame([INITIAL_WINDOW_SIZE, VALUE_BYTES + 4])).turns()
    assert.equal(values.text(3).length, VALUE_BYTES - 1)
    values.harness.receive(credit(3, 1)).turns()
    assert.equal(values.text(3).length, VALUE_BYTES)
    assert.equal(values.statusOf(3), '0')
  })

  test('get the value of the moment when they have one', () => {
    const values = zeroWindows()
    values.call(3, 'large').call(5, 'small')
    values.values.set('large', Buffer.from('other'))
    values.values.delete('small')
    values.harness.receive(credit(3), credit(5)).turns()
    assert.deepEqual([values.text(3), values.text(5)], ['other', 'loaded'])
    assert.deepEqual(values.ordinary, ['small'])
    assert.equal(values.openStreams, 0)
  })

  test('are gone when they are reset, or with their connection', () => {
    const values = zeroWindows()
    values.call(3).call(5).harness.receive(reset(3), credit(5))
    values.harness.receive(reset(5)).turns()
    assert.deepEqual([values.copied, values.openStreams], [0, 0])
    values.call(7).harness.receive(credit(7))
    values.harness.connection.http2.destroy()
    values.harness.turns()
    assert.equal(values.copied, 0)
  })

  test('are told when their time is over, without a window', () => {
    const values = zeroWindows()
    values.call(3, 'large', 'grpc-timeout', '1S').call(5, 'large', 'grpc-timeout', '5S')
    values.harness.tick(1000)
    assert.equal(values.statusOf(3), String(status.DEADLINE_EXCEEDED))
    assert.equal(values.openStreams, 1)
    // Late by now, and no tick has seen it.
    values.harness.nowMs += 5000
    values.harness.receive(credit(5)).turns()
    assert.equal(values.statusOf(5), String(status.DEADLINE_EXCEEDED))
    assert.deepEqual([values.copied, values.openStreams], [0, 0])
  })

  test('end their connection when nothing moves for too long', () => {
    const stuck = new Values([[INITIAL_WINDOW_SIZE, 0]], { writeStallTimeoutMs: 5000 })
    stuck.call(3)
    for (let second = 0; second < 4; second++) stuck.harness.tick(1000)
    stuck.call(5).harness.receive(credit(5)).turns().tick(1000)
    for (let second = 0; second < 5; second++) stuck.harness.tick(1000)
    assert.equal(stuck.harness.destroyed, false)
    stuck.harness.tick(1000)
    assert.equal(stuck.harness.destroyed, true)
  })

  test('may be given no window above 2^31 − 1, by either way', () => {
    const values = zeroWindows()
    values.call(3).harness.receive(credit(3, 2 ** 31 - 1))
    values.harness.receive(settingsFrame([INITIAL_WINDOW_SIZE, 1]))
    assert.equal(values.harness.ended, true)
    const other = zeroWindows()
    other.harness.receive(settingsFrame([INITIAL_WINDOW_SIZE, 10]), credit(0))
    other
      .call(3, 'none')
      .call(5)
      .harness.receive(settingsFrame([INITIAL_WINDOW_SIZE, 0]))
    other.call(7).harness.receive(credit(7, 2 ** 31 - 1), credit(7, 1))
    const [frameOf7] = other.harness.frames(FrameType.RST_STREAM, 7)
    assert.equal(frameOf7?.payload.readUInt32BE(0), Http2Code.FLOW_CONTROL_ERROR)
  })
})

describe('hits behind a spent connection window', () => {
  test('wait as requests, but for the one that is under way, and follow in order', () => {
    const values = new Values([[INITIAL_WINDOW_SIZE, WIDE]])
    for (const id of ids(60)) values.call(id)
    // One has gone, one is on its way.
    assert.equal(values.copied, 2)
    values.harness.receive(credit(0, 4 * VALUE_BYTES)).turns()
    // Three go out, two more are under way: 64 KiB and what exceeds it.
    assert.ok(values.copied <= 7, `${values.copied}`)
    values.harness.receive(credit(0, 2 ** 30)).turns()
    assert.equal(values.copied, 60)
    for (const id of ids(60)) assert.equal(values.text(id).length, VALUE_BYTES)
    const begun = values.harness.frames(FrameType.HEADERS).filter(({ flags }) => (flags & 1) === 0)
    assert.deepEqual(
      begun.map(({ streamId }) => streamId),
      [WARM_ID, ...ids(60)],
    )
  })

  test('leave in pieces, and do not pile up in the output', () => {
    const values = new Values([[INITIAL_WINDOW_SIZE, WIDE]])
    for (const id of ids(60)) values.call(id)
    values.harness.receive(credit(0, 2 ** 30)).turns()
    assert.equal(values.copied, 60)
    assert.ok(values.harness.largestSend <= 2 * (VALUE_BYTES + 1024), `${values.harness.largestSend}`)
  })

  test('keep no more than a few ids of those that were reset', () => {
    const values = new Values([[INITIAL_WINDOW_SIZE, WIDE]], { resetSampleStreams: 1 << 30 })
    for (const id of ids(5000)) values.call(id).harness.receive(reset(id))
    assert.equal(values.copied, 2)
    values.harness.receive(credit(0)).turns()
    assert.deepEqual([values.copied, values.openStreams], [2, 0])
  })
})

describe('hits of a client that does not read', () => {
  test('are not looked up while much waits to be sent, but for small ones', () => {
    const values = new Values([[INITIAL_WINDOW_SIZE, WIDE]])
    values.harness.receive(credit(0, 2 ** 30))
    values.harness.unsentBytes = 70_000
    values.call(3).call(5, 'small').call(7)
    assert.equal(values.copied, 1)
    assert.equal(values.text(5), 'y')
    values.harness.unsentBytes = 0
    values.harness.connection.http2.onDrained()
    values.harness.turns()
    assert.equal(values.copied, 3)
    for (const id of [3, 7]) assert.equal(values.text(id).length, VALUE_BYTES)
  })

  test('wait while the connection is congested, whatever their size, and for no longer', () => {
    const values = new Values([[INITIAL_WINDOW_SIZE, WIDE]])
    values.harness.receive(credit(0, 2 ** 30))
    values.harness.unsentBytes = 2 << 20
    values.call(3, 'small')
    assert.equal(values.text(3), 'y')
    assert.equal(values.harness.paused, true)
    values.call(5, 'small')
    assert.equal(values.copied, 1)
    values.harness.unsentBytes = 0
    values.harness.connection.http2.onDrained()
    values.harness.turns()
    assert.equal(values.text(5), 'y')
    assert.equal(values.harness.paused, false)
  })
})
