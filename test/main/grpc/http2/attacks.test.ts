import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { CLIENT_DEFAULTS } from '../../../../src/main/grpc/client/options.js'
import type { HotHandler } from '../../../../src/main/grpc/hot-shapes.js'
import { Http2Code } from '../../../../src/main/grpc/http2/errors.js'
import { Flag, FrameType } from '../../../../src/main/grpc/http2/frame.js'
import { GrpcHarness } from '../../../support/grpc-harness.js'
import {
  block,
  callBlock,
  frame,
  headersFrame,
  messageFrame,
  settingsFrame,
  uint32,
} from '../../../support/http2-frames.js'

const PATH = '/test.Service/Wait'

/** A server with one unary method that never answers by itself. */
function waiting(options = {}): { harness: GrpcHarness; started: () => number } {
  let started = 0
  const harness = new GrpcHarness(options).method(PATH, () => {
    started++
  })
  return { harness: harness.start(), started: () => started }
}

function goawayOf(harness: GrpcHarness): { code: number; debug: string } | undefined {
  const goaway = harness.frames(FrameType.GOAWAY)[0]
  if (goaway === undefined) return undefined
  return { code: goaway.payload.readUInt32BE(4), debug: goaway.payload.toString('utf8', 8) }
}

/** @param isHeld it was told so, but not let go at once */
function ended(harness: GrpcHarness, code: keyof typeof Http2Code, isHeld = false): void {
  assert.equal(goawayOf(harness)?.code, Http2Code[code])
  // Whoever floods is held for a while: let go, it would be back at once. What it sends is dropped, its end is noticed.
  assert.equal(harness.ended, !isHeld)
  assert.equal(harness.paused, false)
  assert.deepEqual(harness.faults, [])
  // Whoever does not close its side is cut off.
  harness.tick(2000)
  assert.equal(harness.destroyed, true)
  assert.equal(harness.closed, true)
}

function call(streamId: number, path = PATH): Buffer {
  return Buffer.concat([headersFrame(streamId, callBlock(path)), messageFrame(streamId, Buffer.from('x'))])
}

const reset = (streamId: number) => frame(FrameType.RST_STREAM, 0, streamId, uint32(Http2Code.CANCEL))

describe('a client that floods', () => {
  test('rapid reset: ended, and not one handler started', () => {
    const { harness, started } = waiting({ concurrentStreamsMax: 50 })
    for (let id = 1; id < 4000 && !harness.over; id += 2) harness.receive(call(id), reset(id))
    assert.equal(started(), 0)
    ended(harness, 'ENHANCE_YOUR_CALM', true)
  })

  test('rapid reset of calls that have begun: ended twice as soon, and never more handlers than streams', () => {
    const { harness, started } = waiting()
    let resets = 0
    for (let id = 1; !harness.over; id += 2) {
      harness.receive(call(id)).receive(reset(id))
      resets++
    }
    assert.equal(resets, 251)
    assert.equal(started(), 251)
    ended(harness, 'ENHANCE_YOUR_CALM', true)
    const few = waiting({ concurrentStreamsMax: 50 })
    for (let id = 1; id < 4000 && !few.harness.over; id += 2) few.harness.receive(call(id)).receive(reset(id))
    assert.equal(few.started(), 50)
    ended(few.harness, 'ENHANCE_YOUR_CALM', true)
  })

  test('honest cancellations of old calls are no flood', () => {
    const { harness } = waiting()
    for (let id = 1; id < 6000; id += 2) {
      harness.receive(call(id)).tick(1500).receive(reset(id))
      // What the handlers hold is given back once they answer; here they are only counted.
      harness.connection.http2.streams.orphanCount = 0
    }
    assert.equal(harness.ended, false)
  })

  test('rapid reset on the hot path', () => {
    const harness = new GrpcHarness({}, { [PATH]: () => false }).method(PATH, () => {}).start()
    for (let id = 1; id < 4000 && !harness.over; id += 2) {
      harness.receive(headersFrame(id, callBlock(PATH)), reset(id))
    }
    ended(harness, 'ENHANCE_YOUR_CALM', true)
  })

  test('MadeYouReset: our own resets count, whichever way they are provoked', () => {
    const provocations: ((id: number) => Buffer)[] = [
      (id) => frame(FrameType.WINDOW_UPDATE, 0, id, uint32(0)),
      (id) => frame(FrameType.WINDOW_UPDATE, 0, id, uint32(0x7fff_ffff)),
      (id) => frame(FrameType.DATA, 0, id, Buffer.from('x')),
      (id) => headersFrame(id, block('a', 'b'), Flag.END_HEADERS | Flag.END_STREAM),
      (id) => frame(FrameType.PRIORITY, 0, id, Buffer.alloc(4)),
      (id) => frame(FrameType.PRIORITY, 0, id, Buffer.concat([uint32(id), Buffer.alloc(1)])),
    ]
    for (const provoke of provocations) {
      const { harness, started } = waiting({ concurrentStreamsMax: 20, violationsPerSecond: 0 })
      for (let id = 1; id < 2000 && !harness.over; id += 2) harness.receive(call(id), provoke(id))
      assert.ok(started() <= 20)
      assert.equal(harness.over, true)
    }
  })

  test('CONTINUATION without end, in many frames or in many bytes', () => {
    for (const size of [0, 1, 16_000]) {
      const { harness } = waiting()
      harness.receive(headersFrame(1, callBlock(PATH), 0))
      for (let count = 0; count < 20 && !harness.over; count++) {
        harness.receive(frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(size)))
      }
      ended(harness, 'ENHANCE_YOUR_CALM')
    }
  })

  test('a header block of few but large fragments is cut off by its bytes', () => {
    const { harness } = waiting()
    harness.receive(headersFrame(1, callBlock(PATH), 0))
    for (let count = 0; count < 3; count++)
      harness.receive(frame(FrameType.CONTINUATION, 0, 1, Buffer.alloc(16_000)))
    ended(harness, 'ENHANCE_YOUR_CALM')
  })

  test('a header block that never ends is timed out', () => {
    const { harness } = waiting()
    harness.receive(headersFrame(1, callBlock(PATH), 0))
    harness.tick(9000)
    assert.equal(harness.ended, false)
    harness.tick(2000)
    ended(harness, 'PROTOCOL_ERROR')
  })

  test('HPACK bomb: one entry named by thousands of single bytes', () => {
    const { harness } = waiting()
    const entry = Buffer.concat([Buffer.from([0x40, 1, 0x61, 0x7f, 0x81, 0x1e]), Buffer.alloc(4000, 0x62)])
    harness.receive(headersFrame(1, Buffer.concat([entry, Buffer.alloc(10_000, 0xbe)])))
    ended(harness, 'ENHANCE_YOUR_CALM')
  })

  test('headers above the limit, but not absurd, get an answer', () => {
    const { harness } = waiting()
    const large = Array.from({ length: 5 }, (_, index) => [`x-${index}`, 'v'.repeat(3500)]).flat()
    const first = callBlock(PATH, ...large)
    harness.receive(headersFrame(1, first.subarray(0, 16_000), Flag.END_STREAM))
    harness.receive(frame(FrameType.CONTINUATION, Flag.END_HEADERS, 1, first.subarray(16_000)))
    assert.equal(harness.headers(1)[0]?.[':status'], '431')
    assert.equal(harness.headers(1)[0]?.['grpc-status'], '8')
    assert.equal(harness.ended, false)
  })

  test('SETTINGS, PRIORITY, unknown, empty and tiny frames', () => {
    const floods: Buffer[] = [
      settingsFrame(),
      frame(FrameType.PRIORITY, 0, 7, Buffer.alloc(5)),
      frame(0xfe, 0, 0),
      frame(FrameType.GOAWAY, 0, 0, Buffer.alloc(8)),
      frame(FrameType.DATA, 0, 1),
      frame(FrameType.DATA, 0, 1, Buffer.alloc(1)),
    ]
    for (const flood of floods) {
      const { harness } = waiting()
      harness.receive(
        headersFrame(1, callBlock(PATH)),
        frame(FrameType.DATA, 0, 1, Buffer.from([0, 0, 1, 0, 0])),
      )
      for (let round = 0; round < 100 && !harness.over; round++) harness.receive(...Array(100).fill(flood))
      assert.equal(harness.over, true, flood.toString('hex'))
      assert.equal(goawayOf(harness)?.code, Http2Code.ENHANCE_YOUR_CALM)
    }
  })

  test('PING: strikes without traffic, none with it', () => {
    const ping = frame(FrameType.PING, 0, 0, Buffer.from('12345678'))
    const { harness } = waiting()
    for (let count = 0; count < 10 && !harness.over; count++) harness.receive(ping)
    assert.equal(goawayOf(harness)?.debug, 'too_many_pings')
    ended(harness, 'ENHANCE_YOUR_CALM', true)

    const busy = new GrpcHarness().method(PATH, (_call, reply) => reply?.(null, Buffer.from('y'))).start()
    for (let id = 1; id < 200; id += 2) busy.receive(call(id), ping)
    assert.equal(busy.ended, false)
    assert.equal(busy.frames(FrameType.PING).length, 100)
  })

  test('more streams than allowed are refused, and the table stays in step', () => {
    const { harness, started } = waiting({ concurrentStreamsMax: 3 })
    for (let id = 1; id <= 11; id += 2) harness.receive(call(id))
    assert.equal(started(), 3)
    assert.deepEqual(
      harness
        .frames(FrameType.RST_STREAM)
        .map(({ streamId, payload }) => [streamId, payload.readUInt32BE(0)]),
      [7, 9, 11].map((id) => [id, Http2Code.REFUSED_STREAM]),
    )
    assert.equal(harness.ended, false)
  })
})

describe('a client that does not read', () => {
  test('is not read from either, and is cut off in the end', () => {
    const { harness } = waiting({ unsentBytesMax: 65_536, pingIntervalMinMs: 0, pingIntervalIdleMinMs: 0 })
    harness.unsentBytes = 70_000
    const ping = frame(FrameType.PING, 0, 0, Buffer.alloc(8))
    harness.receive(ping)
    assert.equal(harness.paused, true)
    const sentBytes = harness.bytes.length
    harness.receive(...Array(1000).fill(ping))
    assert.equal(harness.bytes.length, sentBytes)
    harness.tick(29_000)
    assert.equal(harness.destroyed, false)
    harness.tick(2000)
    assert.equal(harness.destroyed, true)
  })

  test('goes on where it stopped once it reads again', () => {
    const { harness } = waiting({ unsentBytesMax: 65_536, pingIntervalMinMs: 0, pingIntervalIdleMinMs: 0 })
    harness.unsentBytes = 70_000
    const ping = frame(FrameType.PING, 0, 0, Buffer.alloc(8))
    harness.receive(ping).receive(...Array(10).fill(ping))
    harness.unsentBytes = 0
    harness.connection.http2.onDrained()
    assert.equal(harness.paused, false)
    assert.equal(harness.frames(FrameType.PING).length, 11)
  })

  test('zero windows: replies wait, within what the streams are allowed', () => {
    const reply = Buffer.alloc(100_000, 7)
    const harness = new GrpcHarness().method(PATH, (_call, done) => done?.(null, reply)).start([4, 0])
    harness.receive(call(1), call(3))
    assert.equal(harness.frames(FrameType.DATA).length, 0)
    harness.receive(frame(FrameType.WINDOW_UPDATE, 0, 3, uint32(10)))
    const data = harness.frames(FrameType.DATA)
    assert.deepEqual(
      data.map(({ streamId, payload }) => [streamId, payload.length]),
      [[3, 10]],
    )
  })
})

describe('a client that sends garbage', () => {
  test('is ended before anything is buffered', () => {
    for (const hex of ['00', '16030100', '505249202a204854545020', 'ffffffffffffffff']) {
      const harness = new GrpcHarness()
      harness.receive(Buffer.from(hex, 'hex'), Buffer.alloc(30, 0x41))
      assert.equal(harness.ended, true, hex)
      assert.equal(harness.frames().length, 0)
    }
  })

  test('an announced message of 4 GiB is refused by its prefix', () => {
    const { harness } = waiting()
    const prefix = Buffer.from([0, 0xff, 0xff, 0xff, 0xff])
    harness.receive(headersFrame(1, callBlock(PATH)), frame(FrameType.DATA, 0, 1, prefix))
    const [trailers] = harness.headers(1)
    assert.equal(trailers?.['grpc-status'], '8')
    assert.equal(trailers?.['grpc-message'], 'received message larger than max (4294967295 vs. 4194304)')
    assert.equal(harness.budget.taken, 0)
  })

  test('a message that is allowed but does not come costs no more than what came', () => {
    const { harness } = waiting()
    const prefix = Buffer.from([0, 0, 0x30, 0, 0])
    harness.receive(headersFrame(1, callBlock(PATH)), frame(FrameType.DATA, 0, 1, prefix))
    assert.ok(harness.budget.taken < 66_000)
    harness.tick(61_000)
    assert.equal(harness.frames(FrameType.RST_STREAM, 1)[0]?.payload.readUInt32BE(0), Http2Code.CANCEL)
    assert.equal(harness.budget.taken, 0)
  })

  test('what all connections may buffer is bounded', () => {
    const { harness } = waiting({ bufferedBytesMax: 1 << 20 })
    const prefix = Buffer.from([0, 0, 0x30, 0, 0])
    for (let id = 1; id < 60; id += 2) {
      harness.receive(headersFrame(id, callBlock(PATH)), frame(FrameType.DATA, 0, id, prefix))
    }
    assert.ok(harness.budget.taken <= 1 << 20)
    assert.equal(harness.headers(59)[0]?.['grpc-status'], '8')
    for (let id = 1; id < 60; id += 2) harness.receive(reset(id))
    assert.equal(harness.budget.taken, 0)
  })
})

test('empty messages that nobody reads are bounded as well', () => {
  const path = '/test.Service/Deaf'
  const harness = new GrpcHarness({ bufferedBytesMax: 1 << 20 }).method(path, () => {}, 'bidi').start()
  harness.receive(headersFrame(1, callBlock(path)))
  for (let count = 0; count < 60; count++) harness.receive(frame(FrameType.DATA, 0, 1, Buffer.alloc(16_000)))
  assert.equal(harness.headers(1).at(-1)?.['grpc-status'], '8')
  assert.equal(harness.budget.taken, 0)
})

describe('a client that does not read its replies', () => {
  const LARGE = '/test.Service/Large'
  const value = Buffer.alloc(1 << 20)
  const calls = (count: number) => Array.from({ length: count }, (_, index) => call(2 * index + 1, LARGE))

  test('holds no more than a few of them, hot or not, and is cut off', () => {
    for (const hot of [true, false]) {
      const handler: HotHandler = (_buffer, _start, _end, reply) => {
        reply.reserve(value.length)
        return hot
      }
      let started = 0
      const harness = new GrpcHarness({}, { [LARGE]: handler }).method(LARGE, (_call, reply) => {
        started++
        reply?.(null, value)
      })
      harness.start([4, 0]).receive(...calls(1000))
      assert.ok(started <= 2, `${started} handlers`)
      assert.ok(harness.budget.taken < 2 << 20, `${harness.budget.taken} bytes`)
      harness.tick(1000).tick(29_000)
      assert.equal(harness.destroyed, false)
      harness.tick(1000)
      assert.equal(harness.destroyed, true)
      assert.equal(harness.budget.taken, 0)
    }
  })

  test('is refused what handlers under way bring beyond its share', () => {
    const replies: (() => void)[] = []
    const harness = new GrpcHarness({ queuedBytesMax: 4 << 20 }).method(LARGE, (_call, reply) => {
      replies.push(() => reply?.(null, value))
    })
    harness.start([4, 0]).receive(...calls(100))
    for (const reply of replies) reply()
    harness.settle()
    assert.equal(replies.length, 100)
    assert.ok(harness.budget.taken <= 3 << 20, `${harness.budget.taken} bytes`)
    const statuses = Array.from({ length: 100 }, (_, index) => {
      return harness.headers(2 * index + 1).at(-1)?.['grpc-status']
    })
    assert.deepEqual(statuses.slice(0, 3), [undefined, undefined, undefined])
    assert.deepEqual(new Set(statuses.slice(3)), new Set(['8']))
  })

  test('but lets something through now and then is not cut off', () => {
    const twice = Buffer.concat([value, value])
    const harness = new GrpcHarness().method(LARGE, (_call, reply) => reply?.(null, twice))
    harness.start([4, 0]).receive(...calls(10))
    for (let count = 0; count < 60; count++) {
      harness.tick(1000).receive(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(1)))
    }
    assert.equal(harness.destroyed, false)
  })
})

describe('a client that says nothing', () => {
  test('after the head of a hot request: reset after a minute, and not idle until then', () => {
    const hot = { [PATH]: () => false }
    const harness = new GrpcHarness({ idleTimeoutMs: 30_000 }, hot).method(PATH, () => {}).start()
    harness.receive(call(1), headersFrame(3, callBlock(PATH)))
    assert.equal(harness.connection.http2.streams.fastPath?.heldCount, 1)
    harness.receive(reset(1)).tick(1000).tick(59_000)
    assert.equal(harness.frames(FrameType.GOAWAY).length, 0)
    harness.tick(2000)
    assert.equal(harness.frames(FrameType.RST_STREAM, 3)[0]?.payload.readUInt32BE(0), Http2Code.CANCEL)
  })

  test('in a long call but the PINGs of its keepalive is left alone', () => {
    const { harness } = waiting()
    harness.receive(call(1))
    for (let count = 0; count < 20; count++) {
      harness.tick(CLIENT_DEFAULTS.keepaliveTimeMs)
      harness.receive(frame(FrameType.PING, 0, 0, Buffer.alloc(8)))
    }
    assert.equal(harness.frames(FrameType.GOAWAY).length, 0)
  })

  test('before its preface is complete: ended after ten seconds', () => {
    const harness = new GrpcHarness().receive(Buffer.from('PRI * HT'))
    harness.tick(9000)
    assert.equal(harness.ended, false)
    harness.tick(1000)
    assert.equal(harness.ended, true)
  })

  test('in the middle of a frame: ended after ten seconds, however slowly it trickles', () => {
    const { harness } = waiting()
    const bytes = frame(FrameType.PING, 0, 0, Buffer.alloc(8))
    for (let offset = 0; offset < bytes.length - 1 && !harness.over; offset++) {
      harness.receive(bytes.subarray(offset, offset + 1)).tick(1000)
    }
    ended(harness, 'PROTOCOL_ERROR')
  })

  test('for hours: pinged, then cut off', () => {
    const { harness } = waiting()
    harness.tick(1000).tick(7_200_000)
    assert.equal(harness.frames(FrameType.PING).length, 1)
    harness.tick(19_000)
    assert.equal(harness.destroyed, false)
    harness.tick(1000)
    assert.equal(harness.destroyed, true)
  })

  test('an answered PING keeps the connection', () => {
    const { harness } = waiting()
    harness.tick(1000).tick(7_200_000)
    const [ping] = harness.frames(FrameType.PING)
    harness
      .receive(frame(FrameType.PING, Flag.ACK, 0, ping!.payload))
      .tick(1000)
      .tick(30_000)
    assert.equal(harness.destroyed, false)
  })
})
