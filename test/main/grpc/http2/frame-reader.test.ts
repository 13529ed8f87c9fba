import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConnectionError } from '../../../../src/main/grpc/http2/errors.js'
import { FrameReader } from '../../../../src/main/grpc/http2/frame-reader.js'
import { frame, randomBytes } from '../../../support/http2-frames.js'
import { Prng } from '../../../support/prng.js'

class Sink {
  halted = false
  readonly seen: string[] = []

  onFrame(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    this.seen.push(`${type}/${flags}/${streamId}/${buffer.toString('hex', start, end)}`)
  }
}

test('frames are the same wherever the bytes are cut', () => {
  const prng = new Prng(4)
  const sent = Array.from({ length: 12 }, (_, index) =>
    frame(index, index * 3, index * 7, randomBytes(prng, prng.below(40))),
  )
  const bytes = Buffer.concat(sent)
  const whole = new Sink()
  new FrameReader(whole, 16_384).read(bytes, 0)
  assert.equal(whole.seen.length, sent.length)
  for (let round = 0; round < 200; round++) {
    const sink = new Sink()
    const reader = new FrameReader(sink, 16_384)
    for (let offset = 0; offset < bytes.length; ) {
      const end = Math.min(bytes.length, offset + 1 + prng.below(round % 40 === 0 ? 1 : 50))
      // A buffer of its own, scribbled over afterwards: nothing may be kept of it.
      const chunk = Buffer.from(bytes.subarray(offset, end))
      reader.read(chunk, 0)
      chunk.fill(0xee)
      offset = end
    }
    assert.deepEqual(sink.seen, whole.seen)
    assert.equal(reader.partialFrame, 0)
  }
})

test('an oversized frame is refused by its header alone', () => {
  const reader = new FrameReader(new Sink(), 100)
  assert.throws(() => reader.read(frame(0, 0, 1, Buffer.alloc(101)).subarray(0, 9), 0), ConnectionError)
  const split = new FrameReader(new Sink(), 100)
  split.read(frame(0, 0, 1, Buffer.alloc(101)).subarray(0, 4), 0)
  assert.throws(() => split.read(frame(0, 0, 1, Buffer.alloc(101)).subarray(4, 9), 0), ConnectionError)
})

test('what a halted sink does not take comes later, in order, whatever becomes of the chunks', () => {
  const sink = new Sink()
  const reader = new FrameReader(sink, 100)
  const read = (bytes: Buffer) => {
    const chunk = Buffer.from(bytes)
    reader.read(chunk, 0)
    chunk.fill(0xee)
  }
  sink.halted = true
  read(Buffer.concat([frame(1, 0, 1), frame(2, 0, 1)]))
  read(frame(3, 0, 1).subarray(0, 5))
  read(frame(3, 0, 1).subarray(5))
  assert.deepEqual(sink.seen, [])
  sink.halted = false
  reader.resume()
  assert.deepEqual(sink.seen, ['1/0/1/', '2/0/1/', '3/0/1/'])
})
