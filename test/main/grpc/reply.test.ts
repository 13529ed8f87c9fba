import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HotHandler } from '../../../src/main/grpc/hot-shapes.js'
import { Flag, FRAME_BYTES_DEFAULT, FrameType } from '../../../src/main/grpc/http2/frame.js'
import { GrpcHarness } from '../../support/grpc-harness.js'
import { callBlock, frame, headersFrame, messageFrame, uint32 } from '../../support/http2-frames.js'

const PATH = '/test.Service/Get'
const PREFIX_BYTES = 5

/** Replies with so many bytes as the request says, all different from their neighbours. */
const sized: HotHandler = (buffer, start, _end, reply) => {
  const lengthBytes = buffer.readUInt32BE(start)
  const at = reply.reserve(lengthBytes)
  if (at < 0) return false
  for (let index = 0; index < lengthBytes; index++) reply.buffer[at + index] = index % 251
  return true
}

test('a message of any length is divided into frames as large as the client takes, byte for byte', () => {
  const around = (bytes: number) => [-1, 0, 1].map((more) => bytes + more)
  const lengths = [0, 1, 2, 3, 4, 5, 6, 7].flatMap((frames) =>
    around(frames * FRAME_BYTES_DEFAULT - PREFIX_BYTES),
  )
  const harness = new GrpcHarness({}, { [PATH]: sized }).method(PATH, () => {
    throw new Error('the hot path has left it')
  })
  harness.start([4, 1 << 20]).receive(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1 << 24)))
  const head = callBlock(PATH)
  // What teaches the connection its shape is answered the ordinary way.
  harness.receive(headersFrame(1, head), messageFrame(1, uint32(0)))
  let streamId = 3
  for (const lengthBytes of lengths.filter((bytes) => bytes >= 0)) {
    harness.receive(headersFrame(streamId, head), messageFrame(streamId, uint32(lengthBytes)))
    const frames = harness.frames(undefined, streamId)
    const data = frames.filter(({ type }) => type === FrameType.DATA).map(({ payload }) => payload)
    const message = Buffer.concat(data)
    assert.equal(message.readUInt32BE(1), lengthBytes)
    assert.equal(message.length, PREFIX_BYTES + lengthBytes)
    assert.equal(
      message.subarray(PREFIX_BYTES).findIndex((byte, index) => byte !== index % 251),
      -1,
    )
    assert.ok(data.every((payload) => payload.length <= FRAME_BYTES_DEFAULT))
    assert.equal(harness.headers(streamId).at(-1)?.['grpc-status'], '0')
    assert.deepEqual(
      frames.map(({ flags }) => (flags & Flag.END_STREAM) !== 0),
      frames.map((_, index) => index === frames.length - 1),
    )
    streamId += 2
  }
})

test('a message that exceeds a window goes out as far as the window goes, and on with the window', () => {
  const head = callBlock(PATH)
  const lengths = [1, 5, 100, FRAME_BYTES_DEFAULT, 3 * FRAME_BYTES_DEFAULT, 65_536, 70_000]
  const windows = [0, 4, 5, 6, 7, 99, FRAME_BYTES_DEFAULT, FRAME_BYTES_DEFAULT + 1, 40_000, 65_535]
  for (const windowBytes of windows) {
    const harness = new GrpcHarness({}, { [PATH]: sized }).method(PATH, () => {
      throw new Error('the hot path has left it')
    })
    harness.start([4, windowBytes]).receive(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1 << 24)))
    harness.receive(headersFrame(1, head), messageFrame(1, uint32(0)))
    harness.receive(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(100)))
    let streamId = 3
    for (const lengthBytes of lengths) {
      const dataOf = () => {
        const frames = harness.frames(undefined, streamId).filter(({ type }) => type === FrameType.DATA)
        return Buffer.concat(frames.map(({ payload }) => payload))
      }
      const dataBytes = PREFIX_BYTES + lengthBytes
      harness.receive(headersFrame(streamId, head), messageFrame(streamId, uint32(lengthBytes)))
      const what = `${lengthBytes} bytes, window of ${windowBytes}`
      assert.equal(dataOf().length, Math.min(dataBytes, windowBytes), what)
      harness.receive(frame(FrameType.WINDOW_UPDATE, 0, streamId, uint32(1))).turns()
      assert.equal(dataOf().length, Math.min(dataBytes, windowBytes + 1), what)
      harness.receive(frame(FrameType.WINDOW_UPDATE, 0, streamId, uint32(100_000))).turns()
      const data = dataOf()
      assert.equal(data.length, dataBytes, what)
      assert.equal(data.readUInt32BE(1), lengthBytes, what)
      assert.equal(
        data.subarray(PREFIX_BYTES).findIndex((byte, index) => byte !== index % 251),
        -1,
        what,
      )
      assert.equal(harness.headers(streamId).at(-1)?.['grpc-status'], '0', what)
      streamId += 2
    }
  }
})
