import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Http2Code } from '../../../../src/main/grpc/http2/errors.js'
import { CLIENT_PREFACE, Flag, FrameType } from '../../../../src/main/grpc/http2/frame.js'
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

const PATH = '/test.Service/Echo'
const HEADERS_ONLY = Flag.END_HEADERS | Flag.END_STREAM

function echoing(): GrpcHarness {
  return new GrpcHarness().method(PATH, (call, reply) => reply?.(null, (call as { request: Buffer }).request))
}

function call(streamId: number, message = 'x'): Buffer {
  return Buffer.concat([
    headersFrame(streamId, callBlock(PATH)),
    messageFrame(streamId, Buffer.from(message)),
  ])
}

function goawayCode(harness: GrpcHarness): number | undefined {
  return harness.frames(FrameType.GOAWAY).at(-1)?.payload.readUInt32BE(4)
}

describe('the start', () => {
  test('SETTINGS come first, whatever arrives with the preface, byte by byte or at once', () => {
    const bytes = Buffer.concat([CLIENT_PREFACE, settingsFrame(), call(1)])
    const whole = echoing().receive(bytes)
    const split = echoing()
    for (const byte of bytes) split.receive(Buffer.from([byte]))
    assert.deepEqual(split.bytes, whole.bytes)
    const [first, second, third] = whole.frames()
    assert.equal(first?.type, FrameType.SETTINGS)
    assert.equal(first?.flags, 0)
    assert.equal(second?.type, FrameType.WINDOW_UPDATE)
    assert.equal(third?.flags, Flag.ACK)
    assert.equal(whole.headers(1).at(-1)?.['grpc-status'], '0')
  })

  test('a first frame other than SETTINGS ends the connection', () => {
    const harness = echoing().receive(CLIENT_PREFACE, frame(FrameType.PING, 0, 0, Buffer.alloc(8)))
    assert.equal(goawayCode(harness), Http2Code.PROTOCOL_ERROR)
  })
})

describe('streams', () => {
  test('a late frame on a stream that was answered early is dropped, a wrong one is not', () => {
    const harness = new GrpcHarness().start()
    // Answered at once: nobody implements it. The rest of the request is on its way.
    harness.receive(headersFrame(1, callBlock('/no.Such/Method')), messageFrame(1, Buffer.from('x')))
    assert.equal(harness.headers(1)[0]?.['grpc-status'], '12')
    const resets = harness.frames(FrameType.RST_STREAM)
    assert.deepEqual(
      resets.map(({ payload }) => payload.readUInt32BE(0)),
      [Http2Code.NO_ERROR],
    )
    assert.equal(harness.ended, false)
  })

  test('WINDOW_UPDATE and RST_STREAM on a closed stream are ignored, DATA is not', () => {
    const harness = echoing().start().receive(call(1))
    harness.receive(
      frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(5)),
      frame(FrameType.RST_STREAM, 0, 1, uint32(0)),
    )
    assert.equal(harness.frames(FrameType.RST_STREAM).length, 0)
    harness.receive(frame(FrameType.DATA, 0, 1, Buffer.from('x')))
    assert.equal(harness.frames(FrameType.RST_STREAM)[0]?.payload.readUInt32BE(0), Http2Code.STREAM_CLOSED)
    const other = echoing()
      .start()
      .receive(call(1))
      .receive(headersFrame(1, callBlock(PATH)))
    assert.equal(goawayCode(other), Http2Code.STREAM_CLOSED)
  })

  test('an id below the highest that was never used is an error of the connection', () => {
    const harness = echoing().start().receive(call(1), call(9), call(5))
    assert.equal(goawayCode(harness), Http2Code.PROTOCOL_ERROR)
  })

  test('padding counts for flow control, and its credit comes back', () => {
    const harness = new GrpcHarness({ streamWindowBytes: 65_535, connectionWindowBytes: 65_535 })
    harness.method('/test.Service/Collect', () => {}, 'clientStream').start()
    harness.receive(headersFrame(1, callBlock('/test.Service/Collect')))
    const padded = frame(
      FrameType.DATA,
      Flag.PADDED,
      1,
      Buffer.concat([Buffer.from([255]), Buffer.alloc(255)]),
    )
    for (let count = 0; count < 600; count++) harness.receive(padded).tick(10)
    assert.equal(harness.ended, false)
    assert.ok(harness.frames(FrameType.WINDOW_UPDATE, 1).length > 1)
    assert.ok(harness.frames(FrameType.WINDOW_UPDATE, 0).length > 1)
  })

  test('DATA beyond the window of its stream resets it', () => {
    const harness = new GrpcHarness({ streamWindowBytes: 65_535 })
    harness.method('/test.Service/Slow', () => {}, 'bidi').start()
    harness.receive(headersFrame(1, callBlock('/test.Service/Slow')))
    // Nobody reads: messages wait, and their credit with them.
    for (let count = 0; count < 40; count++) harness.receive(messageFrame(1, Buffer.alloc(10_000), 0))
    const [reset] = harness.frames(FrameType.RST_STREAM, 1)
    assert.equal(reset?.payload.readUInt32BE(0), Http2Code.FLOW_CONTROL_ERROR)
    assert.equal(harness.ended, false)
  })

  test('large replies take turns, and a small one passes', () => {
    const harness = new GrpcHarness()
    harness.method(PATH, (call, reply) => {
      const size = Number((call as { request: Buffer }).request.toString())
      reply?.(null, Buffer.alloc(size))
    })
    harness.start([4, 1 << 20]).receive(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1 << 24)))
    harness.receive(call(1, '200000'), call(3, '200000'), call(5, '10'))
    const order = harness.frames(FrameType.DATA).map(({ streamId }) => streamId)
    assert.deepEqual(order.slice(0, 6), [1, 3, 5, 1, 3, 1])
    assert.equal(harness.headers(1).at(-1)?.['grpc-status'], '0')
    assert.equal(harness.headers(3).at(-1)?.['grpc-status'], '0')
  })

  test('a smaller window for streams may go below zero, and is waited for', () => {
    const harness = new GrpcHarness()
      .method(PATH, (_call, reply) => reply?.(null, Buffer.alloc(100)))
      .start([4, 50])
    harness.receive(call(1)).receive(settingsFrame([4, 0]))
    assert.deepEqual(
      harness.frames(FrameType.DATA, 1).map(({ payload }) => payload.length),
      [50],
    )
    harness.receive(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(50)))
    assert.equal(harness.frames(FrameType.DATA, 1).length, 1)
    harness.receive(frame(FrameType.WINDOW_UPDATE, 0, 1, uint32(55)))
    assert.deepEqual(
      harness.frames(FrameType.DATA, 1).map(({ payload }) => payload.length),
      [50, 55],
    )
    assert.equal(harness.headers(1).at(-1)?.['grpc-status'], '0')
  })

  test('requests that are no gRPC get an answer that HTTP clients understand', () => {
    const harness = echoing().start()
    harness.receive(headersFrame(1, block(':method', 'GET', ':scheme', 'http', ':path', '/'), HEADERS_ONLY))
    harness.receive(headersFrame(3, block(':method', 'POST', ':scheme', 'http', ':path', '/'), HEADERS_ONLY))
    assert.equal(harness.headers(1)[0]?.[':status'], '405')
    assert.equal(harness.headers(3)[0]?.[':status'], '415')
    assert.equal(harness.frames(FrameType.DATA, 3)[0]?.flags, Flag.END_STREAM)
  })

  test('messages of a codec that is not protobuf are not taken for protobuf', () => {
    const harness = echoing().start()
    const types = ['application/grpc', 'application/grpc+proto', 'application/grpc+proto;v=1']
    const others = ['application/grpc+json', 'application/grpc+proto2', 'application/grpc-web']
    const ask = (id: number, type: string) => {
      const head = [
        ':method',
        'POST',
        ':scheme',
        'http',
        ':path',
        PATH,
        'content-type',
        type,
        'te',
        'trailers',
      ]
      harness.receive(headersFrame(id, block(...head)), messageFrame(id, Buffer.from('x')))
      return harness.headers(id)[0]?.[':status']
    }
    for (const [index, type] of types.entries()) assert.equal(ask(index * 2 + 1, type), '200', type)
    for (const [index, type] of others.entries()) assert.equal(ask(index * 2 + 7, type), '415', type)
  })

  test('a malformed request resets its stream alone', () => {
    const harness = echoing().start()
    const head = [':method', 'POST', ':scheme', 'http', ':path', '/']
    const wrong = [
      block(...head, 'Upper', 'case'),
      block(...head, 'connection', 'close'),
      block(...head, 'te', 'gzip'),
      block(...head, 'a', 'line\nbreak'),
      block(...head, 'a', ' space'),
      block('a', 'b', ...head),
      block(...head, ':path', '/'),
      block(':method', 'POST', ':scheme', 'http', ':path', ''),
      block(...head, 'content-length', '-1'),
    ]
    for (const [index, fields] of wrong.entries())
      harness.receive(headersFrame(index * 2 + 1, fields, HEADERS_ONLY))
    const resets = harness.frames(FrameType.RST_STREAM)
    assert.deepEqual(
      resets.map(({ payload }) => payload.readUInt32BE(0)),
      wrong.map(() => Http2Code.PROTOCOL_ERROR),
    )
    assert.equal(harness.ended, false)
  })
})

describe('bodies', () => {
  test('padding longer than its frame is an error of the connection', () => {
    const padded = frame(FrameType.DATA, Flag.PADDED, 1, Buffer.from([4, 0, 0, 0]))
    const harness = echoing()
      .start()
      .receive(headersFrame(1, callBlock(PATH)), padded)
    assert.equal(goawayCode(harness), Http2Code.PROTOCOL_ERROR)
  })

  test('shorter or longer than content-length: the stream is reset', () => {
    for (const contentLength of ['5', '7']) {
      const head = headersFrame(1, callBlock(PATH, 'content-length', contentLength))
      const harness = echoing()
        .start()
        .receive(head, messageFrame(1, Buffer.from('x')))
      assert.equal(
        harness.frames(FrameType.RST_STREAM, 1)[0]?.payload.readUInt32BE(0),
        Http2Code.PROTOCOL_ERROR,
      )
    }
  })

  test('a deadline ends the call without the help of the client', async () => {
    const harness = new GrpcHarness()
    const cancelled = new Promise((resolve) => {
      harness.method(PATH, (call) => (call as NodeJS.EventEmitter).on('cancelled', resolve))
    })
    const head = headersFrame(1, callBlock(PATH, 'grpc-timeout', '5m'))
    harness.start().receive(head, messageFrame(1, Buffer.from('x')))
    await cancelled
    harness.settle()
    assert.equal(harness.headers(1)[0]?.['grpc-status'], '4')
  })
})

describe('the end', () => {
  test('a drain announces, waits for the PING, refuses, and ends with the last stream', () => {
    const pending: (() => void)[] = []
    const harness = new GrpcHarness().method(PATH, (_call, reply) => {
      pending.push(() => reply?.(null, Buffer.from('done')))
    })
    harness.start().receive(call(1))
    harness.connection.http2.drain(Number.POSITIVE_INFINITY, 'bye')
    harness.settle()
    // Sent before the client heard of it: still served.
    harness.receive(call(3))
    const [ping] = harness.frames(FrameType.PING)
    harness.receive(frame(FrameType.PING, Flag.ACK, 0, ping!.payload))
    assert.deepEqual(
      harness.frames(FrameType.GOAWAY).map(({ payload }) => payload.readUInt32BE(0)),
      [0x7fff_ffff, 3],
    )
    harness.receive(call(5))
    assert.equal(pending.length, 2)
    assert.equal(harness.ended, false)
    for (const answer of pending) answer()
    harness.settle()
    assert.equal(harness.headers(3).at(-1)?.['grpc-status'], '0')
    assert.deepEqual(harness.headers(5), [])
    assert.equal(harness.ended, true)
  })

  test('a client that does not answer the PING is refused after five seconds, and cut off after the grace', () => {
    const harness = new GrpcHarness()
      .method(PATH, () => {})
      .start()
      .receive(call(1))
    harness.connection.http2.drain(10_000, 'bye')
    harness.tick(5000)
    assert.equal(harness.frames(FrameType.GOAWAY).length, 2)
    assert.equal(harness.ended, false)
    harness.tick(5000)
    assert.equal(harness.ended, true)
  })

  test('idle and old connections are drained', () => {
    const idle = new GrpcHarness({ idleTimeoutMs: 5000 }).start().tick(1000).tick(4000)
    assert.equal(idle.frames(FrameType.GOAWAY)[0]?.payload.toString('utf8', 8), 'max_idle')
    const old = new GrpcHarness({ ageMaxMs: 5000 }).start().tick(1000).tick(4000)
    assert.equal(old.frames(FrameType.GOAWAY)[0]?.payload.toString('utf8', 8), 'max_age')
  })

  test('a lost connection cancels its calls', () => {
    const cancelled: string[] = []
    const harness = new GrpcHarness().method(PATH, (call) => {
      ;(call as NodeJS.EventEmitter).on('cancelled', () => cancelled.push('call'))
    })
    harness.start().receive(call(1))
    harness.connection.http2.onTransportClosed()
    assert.deepEqual(cancelled, ['call'])
    assert.equal(harness.closed, true)
  })
})
