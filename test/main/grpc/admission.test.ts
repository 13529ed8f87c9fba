import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { HotHandler } from '../../../src/main/grpc/hot-shapes.js'
import { Http2Code } from '../../../src/main/grpc/http2/errors.js'
import { FrameType } from '../../../src/main/grpc/http2/frame.js'
import { GrpcHarness } from '../../support/grpc-harness.js'
import { callBlock, frame, headersFrame, messageFrame, uint32 } from '../../support/http2-frames.js'
import { until } from '../../support/until.js'

const PATH = '/test.Service/Get'
/** Three of them crowd the queue of a connection that may have `CROWDED_BYTES` waiting. */
const REPLY_BYTES = 30_000
const CROWDED_BYTES = 65_536
const WARM_ID = 1

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

/** A method with large replies, hot but for requests that begin with "-", to a client with no window yet. */
class Crowd {
  /** Streams in the order in which their calls were started, by the text of their requests. */
  readonly started: string[] = []
  readonly harness: GrpcHarness

  constructor() {
    const hot: HotHandler = (buffer, start, end, reply) => {
      const text = buffer.toString('latin1', start, end)
      if (text.startsWith('-')) return false
      if (reply.reserve(REPLY_BYTES) < 0) return false
      this.started.push(text)
      return true
    }
    const options = { unsentBytesMax: CROWDED_BYTES }
    this.harness = new GrpcHarness(options, { [PATH]: hot }).method(PATH, (call, reply) => {
      const { request } = call as { request: Buffer }
      const text = request.toString('latin1')
      if (text !== 'warm') this.started.push(text)
      reply?.(null, Buffer.alloc(text === 'warm' || text.startsWith('-small') ? 0 : REPLY_BYTES))
    })
    this.harness.start([4, 5])
    this.call(WARM_ID, 'warm')
  }

  call(streamId: number, text = String(streamId), ...more: string[]): this {
    this.harness.receive(bytesOf(streamId, text, ...more))
    return this
  }

  /** The client has read everything that waits, and more. */
  async release(...streamIds: readonly number[]): Promise<void> {
    const credit = (id: number) => frame(FrameType.WINDOW_UPDATE, 0, id, uint32(1 << 20))
    this.harness.receive(...[0, ...streamIds].map(credit))
    while (this.harness.turn()) await turn()
  }

  get openStreams(): number {
    return this.harness.connection.http2.openStreams
  }
}

function bytesOf(streamId: number, text: string, ...more: string[]): Buffer {
  const head = headersFrame(streamId, callBlock(PATH, ...more))
  return Buffer.concat([head, messageFrame(streamId, Buffer.from(text))])
}

const texts = (...ids: readonly number[]) => ids.map(String)

describe('calls that wait for room', () => {
  test('start in the order in which they came, hot or not, and nothing overtakes them', async () => {
    const crowd = new Crowd()
    for (const id of [3, 5, 7, 9]) crowd.call(id)
    crowd.call(11, '-11').call(13).call(15, '-15').call(17)
    assert.deepEqual(crowd.started, texts(3, 5, 7))
    // Three replies leave; before those who wait had their turn, another comes.
    crowd.harness.receive(...[0, 3, 5, 7].map((id) => frame(FrameType.WINDOW_UPDATE, 0, id, uint32(1 << 20))))
    crowd.call(19)
    assert.deepEqual(crowd.started, texts(3, 5, 7))
    await crowd.release(9, 11, 13, 15, 17, 19)
    const { started } = crowd
    assert.deepEqual(started.slice(0, 4), texts(3, 5, 7, 9))
    assert.deepEqual(
      started.filter((text) => !text.startsWith('-')),
      texts(3, 5, 7, 9, 13, 17, 19),
    )
    assert.deepEqual(
      started.filter((text) => text.startsWith('-')),
      ['-11', '-15'],
    )
    assert.equal(crowd.openStreams, 0)
  })

  test('hold next to nothing, and what they hold is given back', async () => {
    const crowd = new Crowd()
    for (let id = 3; id < 1003; id += 2) crowd.call(id)
    assert.equal(crowd.started.length, 3)
    assert.ok(crowd.harness.budget.taken <= REPLY_BYTES)
    crowd.harness.connection.http2.destroy()
    await turn()
    assert.equal(crowd.started.length, 3)
    assert.equal(crowd.harness.budget.taken, 0)
  })

  test('may be reset, and then do not start', async () => {
    const crowd = new Crowd()
    for (const id of [3, 5, 7, 9, 11]) crowd.call(id)
    crowd.harness.receive(frame(FrameType.RST_STREAM, 0, 9, uint32(Http2Code.CANCEL)))
    await crowd.release(3, 5, 7, 11)
    assert.deepEqual(crowd.started, texts(3, 5, 7, 11))
    assert.equal(crowd.openStreams, 0)
  })

  test('have the windows that they were given while they waited', async () => {
    const crowd = new Crowd()
    for (const id of [3, 5, 7, 9]) crowd.call(id)
    crowd.harness.receive(frame(FrameType.WINDOW_UPDATE, 0, 9, uint32(REPLY_BYTES)))
    await crowd.release(3, 5, 7)
    const sent = crowd.harness.frames(FrameType.DATA, 9).map(({ payload }) => payload.length)
    assert.equal(
      sent.reduce((sum, bytes) => sum + bytes, 0),
      5 + REPLY_BYTES,
    )
  })

  test('may not have a second body', () => {
    const crowd = new Crowd()
    for (const id of [3, 5, 7, 9]) crowd.call(id)
    crowd.harness.receive(messageFrame(9, Buffer.from('9')))
    const [reset] = crowd.harness.frames(FrameType.RST_STREAM, 9)
    assert.equal(reset?.payload.readUInt32BE(0), Http2Code.STREAM_CLOSED)
  })

  test('keep their turn and their deadline, however long they wait', async () => {
    const crowd = new Crowd()
    for (const id of [3, 5, 7]) crowd.call(id)
    crowd.call(9, undefined, 'grpc-timeout', '5S').call(11, undefined, 'grpc-timeout', '1S').call(13)
    crowd.harness.tick(1000).tick(1000)
    // One is late by now, and was told so.
    assert.equal(crowd.harness.connection.http2.streams.fastPath?.heldCount, 2)
    assert.equal(crowd.harness.headers(11).at(-1)?.['grpc-status'], '4')
    await crowd.release(3, 5, 7, 9, 11, 13)
    await until('all calls have ended', () => crowd.openStreams === 0)
    assert.deepEqual(crowd.started, texts(3, 5, 7, 9, 13))
  })
})

describe('calls of one read', () => {
  test('start after it: one that is reset in it never does, hot or not', () => {
    const crowd = new Crowd()
    const reset = (id: number) => frame(FrameType.RST_STREAM, 0, id, uint32(Http2Code.CANCEL))
    crowd.harness.receive(
      bytesOf(3, '-3'),
      reset(3),
      bytesOf(5, '-5'),
      bytesOf(7, '-7', 'x-ordinary', '1'),
      reset(7),
    )
    assert.deepEqual(crowd.started, ['-5'])
  })

  test('do not keep those waiting that are answered at once', () => {
    const crowd = new Crowd()
    crowd.harness.receive(bytesOf(3, '-3'), bytesOf(5, '5'))
    assert.deepEqual(crowd.started, ['5', '-3'])
  })

  test('start for a slice of time, and then in their turn', () => {
    const crowd = new Crowd()
    // Each look at the clock finds a tenth of a millisecond more gone by.
    let nowMs = 0
    crowd.harness.sliceNowMs = () => {
      nowMs += 0.1
      return nowMs
    }
    const ids = Array.from({ length: 24 }, (_, index) => 3 + 2 * index)
    crowd.harness.receive(...ids.map((id) => bytesOf(id, `-small ${id}`)))
    while (crowd.started.length < ids.length) {
      const before = crowd.started.length
      assert.ok(crowd.harness.turn())
      assert.ok(crowd.started.length - before <= 8)
    }
    assert.deepEqual(
      crowd.started,
      ids.map((id) => `-small ${id}`),
    )
  })
})
