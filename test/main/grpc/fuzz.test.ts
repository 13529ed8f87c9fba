import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Flag, FrameType } from '../../../src/main/grpc/http2/frame.js'
import { GrpcHarness } from '../../support/grpc-harness.js'
import {
  callBlock,
  frame,
  headersFrame,
  messageFrame,
  randomBytes,
  settingsFrame,
  uint32,
} from '../../support/http2-frames.js'
import { Prng, seedOf } from '../../support/prng.js'

const UNARY = '/test.Service/Unary'
const HOT = '/test.Service/Hot'
const CHAT = '/test.Service/Chat'

/** A server whose handlers answer with their requests, at once or a while later. */
function server(prng: Prng): { harness: GrpcHarness; later: (() => void)[] } {
  const later: (() => void)[] = []
  const hot = {
    [HOT]: (
      buffer: Buffer,
      start: number,
      end: number,
      reply: { buffer: Buffer; reserve(n: number): number },
    ) => {
      const offset = reply.reserve(end - start)
      buffer.copy(reply.buffer, offset, start, end)
      return prng.below(4) > 0
    },
  }
  const harness = new GrpcHarness({ bufferedBytesMax: 1 << 20 }, hot)
  for (const path of [UNARY, HOT]) {
    harness.method(path, (call, reply) => {
      const answer = () => reply?.(null, (call as { request: Buffer }).request)
      if (prng.below(2) === 0) answer()
      else later.push(answer)
    })
  }
  harness.method(
    CHAT,
    (call) => {
      const stream = call as NodeJS.ReadWriteStream
      stream.on('data', (message: Buffer) => stream.write(message))
      stream.on('end', () => stream.end())
    },
    'bidi',
  )
  return { harness, later }
}

/** A random, mostly valid conversation: calls of every kind, interleaved with the frames of a connection. */
function conversation(prng: Prng, countMax: number): Buffer[] {
  const frames: Buffer[] = [settingsFrame([4, [65_535, 10, 1 << 20][prng.below(3)]!])]
  const open: number[] = []
  let nextId = 1
  for (let count = prng.below(countMax); count > 0; count--) {
    const streamId = open[prng.below(open.length)] ?? 0
    const kind = prng.below(10)
    if (kind < 4 || streamId === 0) {
      const path = [UNARY, HOT, HOT, CHAT, '/no.Such/Method'][prng.below(5)]!
      const timeout = prng.below(3) === 0 ? ['grpc-timeout', `${1 + prng.below(99)}H`] : []
      frames.push(headersFrame(nextId, callBlock(path, ...timeout)))
      open.push(nextId)
      nextId += 2
    } else if (kind < 8) {
      const end = prng.below(3) > 0
      frames.push(messageFrame(streamId, randomBytes(prng, prng.below(200)), end ? Flag.END_STREAM : 0))
      if (end) open.splice(open.indexOf(streamId), 1)
    } else if (kind === 8) {
      frames.push(frame(FrameType.WINDOW_UPDATE, 0, prng.below(2) * streamId, uint32(1 + prng.below(1000))))
    } else {
      frames.push(frame(FrameType.RST_STREAM, 0, streamId, uint32(8)))
      open.splice(open.indexOf(streamId), 1)
    }
  }
  return frames
}

function deliver(harness: GrpcHarness, bytes: Buffer, prng: Prng): void {
  for (let offset = 0; offset < bytes.length; ) {
    const end = Math.min(bytes.length, offset + 1 + prng.below(prng.below(3) === 0 ? 20 : 4000))
    const chunk = Buffer.from(bytes.subarray(offset, end))
    harness.receive(chunk)
    // Nothing may have been kept of it.
    chunk.fill(0xaa)
    offset = end
  }
}

function settled(harness: GrpcHarness, later: (() => void)[], seed: number): void {
  for (const answer of later) answer()
  harness.settle()
  harness.lose()
  assert.deepEqual(harness.faults, [], `seed ${seed}`)
  assert.equal(harness.budget.taken, 0, `bytes leaked, seed ${seed}`)
  assert.equal(harness.connection.http2.openStreams, 0, `streams leaked, seed ${seed}`)
  assert.equal(harness.closed, true)
}

test('valid conversations are served wherever the bytes are cut', () => {
  const base = seedOf()
  for (let round = 0; round < 300; round++) {
    const seed = base + round
    const prng = new Prng(seed)
    const { harness, later } = server(prng)
    harness.start()
    deliver(harness, Buffer.concat(conversation(prng, 60)), prng)
    assert.equal(
      harness.ended,
      false,
      `seed ${seed}: ${harness.frames(FrameType.GOAWAY)[0]?.payload.toString('latin1', 8)}`,
    )
    settled(harness, later, seed)
  }
})

test('mutated conversations end in an answer, a reset or a GOAWAY, never in a fault or a leak', () => {
  const base = seedOf()
  for (let round = 0; round < 1500; round++) {
    const seed = base + round
    const prng = new Prng(seed)
    const { harness, later } = server(prng)
    harness.start()
    const bytes = Buffer.concat(conversation(prng, 40))
    for (let mutations = 1 + prng.below(5); mutations > 0; mutations--) {
      bytes[prng.below(bytes.length)] = prng.below(256)
    }
    deliver(harness, bytes.subarray(0, 1 + prng.below(bytes.length)), prng)
    settled(harness, later, seed)
  }
})

test('noise behind a preface does no harm', () => {
  const base = seedOf()
  for (let round = 0; round < 300; round++) {
    const prng = new Prng(base + round)
    const { harness, later } = server(prng)
    harness.start()
    deliver(harness, randomBytes(prng, 3000), prng)
    settled(harness, later, base + round)
  }
})
