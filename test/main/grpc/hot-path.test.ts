import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { Client, credentials, Metadata, ServerCredentials, status } from '@grpc/grpc-js'
import type { HotHandler } from '../../../src/main/grpc/hot-shapes.js'
import { Http2Code } from '../../../src/main/grpc/http2/errors.js'
import { Flag, FrameType } from '../../../src/main/grpc/http2/frame.js'
import { GrpcServer } from '../../../src/main/grpc/server.js'
import { ClientEncoder } from '../../support/client-encoder.js'
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

/** Answers with the request, doubled or so, as the ordinary handler does; what begins with "-" it leaves to that one. */
class Doubling {
  hot = 0
  ordinary = 0
  readonly harness: GrpcHarness

  constructor(
    options = {},
    private readonly times = 2,
  ) {
    this.harness = new GrpcHarness(options, { [PATH]: this.handler }).method(PATH, (call, reply) => {
      this.ordinary++
      const { request } = call as { request: Buffer }
      reply?.(null, Buffer.concat(Array(this.times).fill(request)))
    })
  }

  readonly handler: HotHandler = (buffer, start, end, reply) => {
    const lengthBytes = end - start
    const first = buffer.toString('latin1', start, start + 1)
    if (first === '!') throw new Error('as asked')
    if (first === '?') {
      reply.fail(status.NOT_FOUND, 'no such key')
      this.hot++
      return true
    }
    const offset = reply.reserve(this.times * lengthBytes)
    if (first === '-' || offset < 0) return false
    for (let time = 0; time < this.times; time++) {
      buffer.copy(reply.buffer, offset + time * lengthBytes, start, end)
    }
    this.hot++
    return true
  }

  /** The first two calls teach the connection: one puts the fields into the tables, one shows their shape. */
  warm(): this {
    this.harness.receive(call(1, 'a')).receive(call(3, 'a'))
    return this
  }

  /** What a stream was answered: its message and status. */
  answer(streamId: number): { text: string; status: string | undefined } {
    const data = this.harness.frames(FrameType.DATA, streamId).map(({ payload }) => payload)
    return {
      text: Buffer.concat(data).toString('latin1', 5),
      status: this.harness.headers(streamId).at(-1)?.['grpc-status'],
    }
  }
}

function call(streamId: number, message: string, ...more: string[]): Buffer {
  return Buffer.concat([
    headersFrame(streamId, callBlock(PATH, ...more)),
    messageFrame(streamId, Buffer.from(message, 'latin1')),
  ])
}

describe('a recognised request', () => {
  test('is answered as the ordinary handler would', () => {
    const doubling = new Doubling()
    doubling.harness.start()
    doubling.warm().harness.receive(call(5, 'xyz'))
    assert.deepEqual([doubling.ordinary, doubling.hot], [1, 2])
    for (const id of [1, 3]) assert.deepEqual(doubling.answer(id), { text: 'aa', status: '0' })
    assert.deepEqual(doubling.answer(5), { text: 'xyzxyz', status: '0' })
    const types = doubling.harness.frames(undefined, 5).map(({ type, payload }) => [type, payload.length])
    assert.deepEqual(types, [
      [FrameType.HEADERS, 2],
      [FrameType.DATA, 11],
      [FrameType.HEADERS, 1],
    ])
  })

  test('may come as HEADERS HEADERS DATA DATA, with WINDOW_UPDATE between', () => {
    const doubling = new Doubling()
    doubling.harness.start()
    doubling
      .warm()
      .harness.receive(
        headersFrame(5, callBlock(PATH)),
        frame(FrameType.WINDOW_UPDATE, 0, 5, uint32(5)),
        headersFrame(7, callBlock(PATH)),
        messageFrame(7, Buffer.from('7')),
        messageFrame(5, Buffer.from('5')),
      )
    assert.deepEqual(doubling.answer(5), { text: '55', status: '0' })
    assert.deepEqual(doubling.answer(7), { text: '77', status: '0' })
    assert.equal(doubling.ordinary, 1)
  })

  test('that the hot handler leaves, or throws at, gets the ordinary answer', () => {
    const doubling = new Doubling()
    doubling.harness.start()
    doubling.warm().harness.receive(call(5, '-x'), call(7, '!x'), call(9, 'x'))
    assert.deepEqual(doubling.answer(5), { text: '-x-x', status: '0' })
    assert.deepEqual(doubling.answer(7), { text: '!x!x', status: '0' })
    assert.deepEqual(doubling.answer(9), { text: 'xx', status: '0' })
    assert.equal(doubling.harness.faults.length, 1)
  })

  test('can fail', () => {
    const doubling = new Doubling()
    doubling.harness.start()
    doubling.warm().harness.receive(call(5, '?x'))
    assert.equal(doubling.harness.headers(5)[0]?.['grpc-status'], '5')
    assert.equal(doubling.harness.headers(5)[0]?.['grpc-message'], 'no such key')
  })

  test('with a body in pieces, in none, or none that is a message, takes the ordinary way', () => {
    const doubling = new Doubling()
    doubling.harness.start()
    doubling.warm()
    const message = messageFrame(5, Buffer.from('abc'), 0).subarray(9)
    doubling.harness.receive(
      headersFrame(5, callBlock(PATH)),
      frame(FrameType.DATA, 0, 5, message.subarray(0, 4)),
      frame(FrameType.DATA, Flag.END_STREAM, 5, message.subarray(4)),
      headersFrame(7, callBlock(PATH), Flag.END_HEADERS | Flag.END_STREAM),
      headersFrame(9, callBlock(PATH)),
      frame(FrameType.DATA, Flag.END_STREAM, 9, Buffer.from([9, 0, 0, 0, 0])),
    )
    assert.deepEqual(doubling.answer(5), { text: 'abcabc', status: '0' })
    assert.equal(doubling.answer(7).status, '12')
    assert.equal(doubling.answer(9).status, '13')
  })

  test('is held to its content-length and to the limit of messages', () => {
    const doubling = new Doubling({ receiveBytesMax: 10 })
    doubling.harness.start()
    for (const id of [1, 3]) doubling.harness.receive(call(id, 'a', 'content-length', '6'))
    doubling.harness.receive(call(5, 'ab', 'content-length', '6'))
    assert.equal(
      doubling.harness.frames(FrameType.RST_STREAM, 5)[0]?.payload.readUInt32BE(0),
      Http2Code.PROTOCOL_ERROR,
    )
    for (const id of [7, 9]) doubling.harness.receive(call(id, 'a'))
    doubling.harness.receive(call(11, 'a'.repeat(11)))
    assert.equal(doubling.answer(11).status, '8')
  })

  test('whose message is announced as too large is refused by its prefix, and what comes of it is dropped', () => {
    const doubling = new Doubling({ receiveBytesMax: 10 })
    doubling.harness.start()
    doubling.warm()
    const announced = (id: number, flag: number, bytes: number[], ...more: string[]) =>
      doubling.harness.receive(
        headersFrame(id, callBlock(PATH, ...more)),
        frame(FrameType.DATA, 0, id, Buffer.from([flag, ...bytes])),
      )
    announced(5, 0, [0xff, 0xff, 0xff, 0xff])
    announced(7, 1, [0, 0, 0, 11, 1, 2, 3])
    for (const [id, lengthBytes] of [
      [5, 2 ** 32 - 1],
      [7, 11],
    ] as const) {
      const [trailers] = doubling.harness.headers(id)
      assert.equal(trailers?.['grpc-status'], '8')
      assert.equal(trailers?.['grpc-message'], `received message larger than max (${lengthBytes} vs. 10)`)
      const frames = doubling.harness.frames(undefined, id)
      assert.deepEqual(
        frames.map(({ type }) => type),
        [FrameType.HEADERS, FrameType.RST_STREAM],
      )
      assert.equal(frames[1]!.payload.readUInt32BE(0), Http2Code.NO_ERROR)
    }
    assert.equal(doubling.harness.connection.http2.openStreams, 0)
    doubling.harness.receive(frame(FrameType.DATA, Flag.END_STREAM, 5, Buffer.alloc(20)))
    assert.equal(doubling.harness.frames(undefined, 5).length, 2)
    // It ends with its prefix: there is nothing to drop.
    doubling.harness.receive(
      headersFrame(9, callBlock(PATH)),
      frame(FrameType.DATA, Flag.END_STREAM, 9, Buffer.from([0, 0, 0, 0, 11])),
    )
    assert.deepEqual(
      doubling.harness.frames(undefined, 9).map(({ type }) => type),
      [FrameType.HEADERS],
    )
    announced(11, 2, [0, 0, 0, 11])
    assert.equal(doubling.answer(11).status, '13')
    doubling.harness.receive(call(13, 'x'))
    assert.deepEqual(doubling.answer(13), { text: 'xx', status: '0' })
    assert.deepEqual([doubling.ordinary, doubling.hot], [1, 2])
  })

  test('may be reset before its body comes', () => {
    const doubling = new Doubling()
    doubling.harness.start()
    const cancel = frame(FrameType.RST_STREAM, 0, 5, uint32(Http2Code.CANCEL))
    doubling.warm().harness.receive(headersFrame(5, callBlock(PATH)), cancel, call(7, 'x'))
    assert.equal(doubling.harness.frames(undefined, 5).length, 0)
    assert.equal(doubling.harness.connection.http2.openStreams, 0)
    assert.deepEqual(doubling.answer(7), { text: 'xx', status: '0' })
  })

  test('may have metadata of its own in every call, which the ordinary handler sees', () => {
    const seen: unknown[] = []
    const harness = new GrpcHarness({}, { [PATH]: () => false }).method(PATH, (call, reply) => {
      seen.push((call as { metadata: Metadata }).metadata.get('traceparent')[0])
      reply?.(null, Buffer.from('x'))
    })
    harness.start()
    for (const [id, parent] of [
      [1, 'a'],
      [3, 'b'],
      [5, 'c'],
    ] as const) {
      harness.receive(call(id, 'x', 'traceparent', parent))
    }
    assert.deepEqual(seen, ['a', 'b', 'c'])
    const doubling = new Doubling()
    doubling.harness.start()
    for (let id = 1; id < 21; id += 2) doubling.harness.receive(call(id, 'x', 'traceparent', `${id}`))
    assert.deepEqual([doubling.ordinary, doubling.hot], [1, 9])
  })

  test('with a field that its method must see takes the ordinary way', () => {
    const doubling = new Doubling()
    doubling.harness.start()
    for (let id = 1; id < 21; id += 2) doubling.harness.receive(call(id, 'x', 'x-ordinary', '1'))
    assert.deepEqual([doubling.ordinary, doubling.hot], [10, 0])
  })

  test('more than can be held: the oldest take the ordinary way', () => {
    const doubling = new Doubling({ concurrentStreamsMax: 2000 })
    doubling.harness.start()
    doubling.warm()
    const ids = Array.from({ length: 1200 }, (_, index) => 5 + 2 * index)
    doubling.harness.receive(...ids.map((id) => headersFrame(id, callBlock(PATH))))
    doubling.harness.receive(...ids.map((id) => messageFrame(id, Buffer.from('x'))))
    for (const id of ids) assert.deepEqual(doubling.answer(id), { text: 'xx', status: '0' })
    assert.ok(doubling.ordinary > 100 && doubling.hot > 1000)
  })
})

describe('flow control on the hot path', () => {
  test('a reply larger than a frame, or than the window, arrives whole', () => {
    for (const settings of [[4, 65_535] as const, [4, 10] as const]) {
      const doubling = new Doubling()
      doubling.harness.start(settings)
      doubling.warm().harness.receive(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1 << 20)))
      doubling.harness.receive(call(5, 'y'.repeat(15_000)), call(7, 'z'))
      doubling.harness.receive(frame(FrameType.WINDOW_UPDATE, 0, 5, uint32(40_000)))
      assert.deepEqual(doubling.answer(5), { text: 'y'.repeat(30_000), status: '0' })
      assert.deepEqual(doubling.answer(7), { text: 'zz', status: '0' })
      assert.equal(doubling.ordinary, 1)
    }
  })

  test('a reply does not overtake those that wait, nor exceed the window of its stream', () => {
    const tenfold = new Doubling({}, 10)
    tenfold.harness.start([4, 1 << 20]).receive(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1 << 20)))
    tenfold.warm().harness.receive(call(5, 'y'.repeat(15_000)), call(7, 'z'))
    assert.deepEqual(
      tenfold.harness
        .frames(FrameType.DATA)
        .slice(2, 4)
        .map(({ streamId }) => streamId),
      [5, 7],
    )
    const narrow = new Doubling()
    narrow.harness.start([4, 10])
    narrow.warm().harness.receive(call(5, 'xxxx'))
    assert.deepEqual(
      narrow.harness.frames(FrameType.DATA, 5).map(({ payload }) => payload.length),
      [10],
    )
  })

  test('a spent connection window holds replies back, in order', () => {
    const doubling = new Doubling()
    doubling.harness.start()
    doubling.warm()
    for (let id = 5; id < 25; id += 2) doubling.harness.receive(call(id, 'x'.repeat(8000)))
    const sentBytes = doubling.harness
      .frames(FrameType.DATA)
      .reduce((sum, { payload }) => sum + payload.length, 0)
    assert.equal(sentBytes, 65_535)
    doubling.harness.receive(frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(1 << 20))).turns()
    for (let id = 5; id < 25; id += 2) assert.equal(doubling.answer(id).text.length, 16_000)
  })

  test('a client that shrinks our table is answered with literals', () => {
    const doubling = new Doubling()
    doubling.harness.start()
    doubling.warm().harness.receive(settingsFrame([1, 0]), call(5, 'x'), call(7, 'x'))
    // The decoder of the harness would fail if the tables were out of step.
    for (const id of [5, 7]) assert.deepEqual(doubling.answer(id), { text: 'xx', status: '0' })
    assert.ok(doubling.harness.frames(FrameType.HEADERS, 7)[0]!.payload.length > 10)
  })
})

describe('deadlines on the hot path', () => {
  /** Encodes as grpc-go does: everything that it may, into the table. */
  class IndexingClient {
    private readonly encoder = new ClientEncoder(4096)

    call(streamId: number, message: string, timeout?: string): Buffer {
      const fields = [':method', 'POST', ':scheme', 'http', ':path', PATH, ':authority', 'test']
      fields.push('content-type', 'application/grpc', 'te', 'trailers')
      if (timeout !== undefined) fields.push('grpc-timeout', timeout)
      return Buffer.concat([
        headersFrame(streamId, this.encoder.block(fields)),
        messageFrame(streamId, Buffer.from(message)),
      ])
    }
  }

  test('a timeout that changes from call to call does not hide the request', () => {
    const doubling = new Doubling()
    const client = new IndexingClient()
    doubling.harness.start()
    const timeouts = ['20S', '19999876u', '20S', '19999875u', '1m', undefined, '19999876u', '0n']
    timeouts.forEach((timeout, index) => {
      doubling.harness.receive(client.call(2 * index + 1, 'x', timeout))
    })
    for (let index = 0; index < timeouts.length; index++) {
      assert.deepEqual(doubling.answer(2 * index + 1), { text: 'xx', status: '0' })
    }
    assert.deepEqual([doubling.ordinary, doubling.hot], [2, timeouts.length - 2])
  })

  test('a block that names what the table has lost, or lacks fields, is not taken for another', () => {
    const indexed = () => {
      const doubling = new Doubling()
      const client = new IndexingClient()
      doubling.harness.start()
      for (const id of [1, 3, 5]) doubling.harness.receive(client.call(id, 'x'))
      assert.equal(doubling.hot, 2)
      return { doubling, block: client.call(7, 'x').subarray(9, -15) }
    }
    const emptied = indexed()
    const literal = callBlock('/other')
    emptied.doubling.harness.receive(headersFrame(7, Buffer.concat([Buffer.from([0x20]), literal])))
    emptied.doubling.harness.receive(headersFrame(9, emptied.block), messageFrame(9, Buffer.from('x')))
    assert.equal(emptied.doubling.harness.ended, true)

    const short = indexed()
    const timeout = Buffer.from('400c677270632d74696d656f75740231 53'.replace(' ', ''), 'hex')
    const lacking = Buffer.concat([short.block.subarray(0, 2), timeout])
    short.doubling.harness.receive(headersFrame(7, lacking), messageFrame(7, Buffer.from('x')))
    assert.equal(short.doubling.hot, 2)
    assert.equal(short.doubling.harness.frames(FrameType.RST_STREAM, 7)[0]?.payload.readUInt32BE(0), 1)
  })

  test('does not either when the timeouts drive the other fields out of the table, again and again', () => {
    const doubling = new Doubling()
    const client = new IndexingClient()
    doubling.harness.start()
    for (let index = 0; index < 500; index++) {
      doubling.harness.receive(client.call(2 * index + 1, 'x', `${20_000_000 - index}u`))
    }
    assert.equal(doubling.harness.ended, false)
    assert.deepEqual(doubling.answer(999), { text: 'xx', status: '0' })
    assert.deepEqual([doubling.ordinary, doubling.hot], [1, 499])
  })

  test('a call that the hot handler leaves keeps its deadline', () => {
    let deadlineMs = 0
    const harness = new GrpcHarness({}, { [PATH]: () => false }).method(PATH, (call, reply) => {
      deadlineMs = (call as { getDeadline(): number }).getDeadline()
      reply?.(null, Buffer.from('x'))
    })
    harness.start()
    const client = new IndexingClient()
    for (const id of [1, 3, 5, 7]) harness.receive(client.call(id, 'x', '5S'))
    const leftMs = deadlineMs - Date.now()
    assert.ok(leftMs > 4000 && leftMs <= 5000, `${leftMs}`)
  })
})

test('a grpc-js client cannot tell the hot path from the ordinary one', async () => {
  let hot = 0
  const server = new GrpcServer()
  const same = (value: unknown) => value as Buffer
  server.register(
    PATH,
    (call, reply) => reply?.(null, (call as { request: Buffer }).request),
    same,
    same,
    'unary',
  )
  server.addHotMethod(PATH, (buffer, start, end, reply) => {
    hot++
    const offset = reply.reserve(end - start)
    buffer.copy(reply.buffer, offset, start, end)
    return true
  })
  const port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
  const ask = (message: Buffer, deadlineMs: number) =>
    new Promise<Buffer | undefined>((resolve, reject) => {
      const options = deadlineMs > 0 ? { deadline: Date.now() + deadlineMs } : {}
      client.makeUnaryRequest(PATH, same, same, message, new Metadata(), options, (error, value) => {
        if (error === null) resolve(value)
        else reject(error)
      })
    })
  for (let round = 0; round < 40; round++) {
    const messages = Array.from({ length: 20 }, (_, index) => Buffer.alloc(index * (round % 10) * 40, index))
    const answers = await Promise.all(messages.map((message) => ask(message, round * 1000)))
    answers.forEach((answer, index) => {
      assert.ok(answer?.equals(messages[index]!))
    })
  }
  client.close()
  server.forceShutdown()
  assert.ok(hot > 500, `${hot} of 800`)
})

test('WINDOW_UPDATE of 0 for a request that is held resets its stream, and counts as a violation', () => {
  const doubling = new Doubling({ violationsBurst: 3, violationsPerSecond: 0 })
  doubling.harness.start()
  doubling.warm()
  const nothing = (id: number) => frame(FrameType.WINDOW_UPDATE, 0, id, uint32(0))
  for (const id of [5, 7, 9]) doubling.harness.receive(headersFrame(id, callBlock(PATH)), nothing(id))
  for (const id of [5, 7, 9]) {
    const [reset] = doubling.harness.frames(FrameType.RST_STREAM, id)
    assert.equal(reset?.payload.readUInt32BE(0), Http2Code.PROTOCOL_ERROR)
  }
  assert.equal(doubling.harness.connection.http2.openStreams, 0)
  // What was on its way is dropped.
  doubling.harness.receive(messageFrame(9, Buffer.from('x')))
  assert.equal(doubling.harness.ended, false)
  doubling.harness.receive(headersFrame(11, callBlock(PATH)), nothing(11))
  assert.equal(doubling.harness.over, true)
})
