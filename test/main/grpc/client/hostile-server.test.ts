import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { GrpcClient } from '../../../../src/main/grpc/client/grpc-client.js'
import type { GrpcClientOptions } from '../../../../src/main/grpc/client/options.js'
import { Http2Code } from '../../../../src/main/grpc/http2/errors.js'
import { Flag, FrameType } from '../../../../src/main/grpc/http2/frame.js'
import { SettingId } from '../../../../src/main/grpc/http2/settings.js'
import type { UnaryReply } from '../../../../src/main/unary-caller.js'
import { Code } from '../../../../src/shared/errors.js'
import {
  END_BOTH,
  END_HEADERS,
  type FrameConnection,
  FrameServer,
  RESPONSE_HEADERS,
  RESPONSE_TRAILERS,
  replyFrames,
} from '../../../support/frame-server.js'
import {
  block,
  frame,
  headersFrame,
  messageFrame,
  settingsFrame,
  uint32,
} from '../../../support/http2-frames.js'

const PATH = '/test.Service/Method'
const REQUEST = Buffer.from('question')

const opened: (() => Promise<void> | void)[] = []

afterEach(async () => {
  for (const close of opened.splice(0).reverse()) await close()
})

async function start(options: GrpcClientOptions = {}, settings = settingsFrame()) {
  const server = await FrameServer.start(settings)
  opened.push(() => server.close())
  const faults: unknown[] = []
  const client = new GrpcClient(server.address, { onFault: (error) => faults.push(error), ...options })
  opened.push(() => {
    client.close()
    assert.deepEqual(faults, [])
  })
  return { server, client }
}

/** One call, and what the server answers it with. */
async function answered(
  answer: (streamId: number, connection: FrameConnection) => readonly Buffer[],
  options: GrpcClientOptions = {},
): Promise<{ reply: UnaryReply; connection: FrameConnection }> {
  const { server, client } = await start(options)
  const call = client.call(PATH, REQUEST)
  const connection = await server.nextConnection()
  connection.send(...answer(await connection.request(), connection))
  return { reply: await call, connection }
}

const head = (streamId: number) => headersFrame(streamId, RESPONSE_HEADERS)
const trailers = (streamId: number, ...fields: readonly string[]) =>
  headersFrame(streamId, fields.length > 0 ? block(...fields) : RESPONSE_TRAILERS, END_BOTH)
const message = (streamId: number, text = 'answer') => messageFrame(streamId, Buffer.from(text), 0)
const reset = (streamId: number, code: number) => frame(FrameType.RST_STREAM, 0, streamId, uint32(code))

async function resetCode(connection: FrameConnection): Promise<number> {
  return (await connection.next(FrameType.RST_STREAM)).payload.readUInt32BE()
}

async function goawayCode(connection: FrameConnection): Promise<number> {
  return (await connection.next(FrameType.GOAWAY)).payload.readUInt32BE(4)
}

describe('an answer', () => {
  it('may be cut anywhere and padded', async () => {
    const { reply } = await answered((id) => {
      const padded = Buffer.concat([Buffer.from([3]), message(id).subarray(9), Buffer.alloc(3)])
      const data = frame(FrameType.DATA, Flag.PADDED, id, padded)
      return [head(id), frame(FrameType.DATA, 0, id), data, trailers(id)]
    })
    assert.equal(reply.status, 0)
    assert.equal(Buffer.from(reply.body).toString(), 'answer')
  })

  it('may come in many frames', async () => {
    const framed = messageFrame(1, Buffer.from('answer'), 0).subarray(9)
    const { reply } = await answered((id) => [
      head(id),
      ...[...framed].map((byte) => frame(FrameType.DATA, 0, id, Buffer.from([byte]))),
      trailers(id, 'grpc-status', '0', 'more', 'said'),
    ])
    assert.equal(reply.status, 0)
    assert.equal(Buffer.from(reply.body).toString(), 'answer')
    assert.deepEqual(reply.trailers, ['grpc-status', '0', 'more', 'said'])
  })

  it('may be empty', async () => {
    const { reply } = await answered((id) => [head(id), message(id, ''), trailers(id)])
    assert.deepEqual([reply.status, reply.body.length], [0, 0])
  })

  it('may follow informational headers', async () => {
    const { reply } = await answered((id) => [
      headersFrame(id, block(':status', '103', 'link', 'x')),
      headersFrame(id, block(':status', '100')),
      replyFrames(id, Buffer.from('answer')),
    ])
    assert.equal(reply.status, 0)
  })

  it('may be trailers only', async () => {
    const { reply } = await answered((id) => [
      trailers(
        id,
        ':status',
        '200',
        'content-type',
        'application/grpc',
        'grpc-status',
        '5',
        'grpc-message',
        'no%20%E2%9C%93',
      ),
    ])
    assert.deepEqual([reply.status, reply.message], [5, 'no ✓'])
  })

  it('may have its headers in CONTINUATION frames', async () => {
    const { reply } = await answered((id) => [
      frame(FrameType.HEADERS, 0, id, RESPONSE_HEADERS.subarray(0, 3)),
      frame(FrameType.CONTINUATION, END_HEADERS, id, RESPONSE_HEADERS.subarray(3)),
      message(id),
      trailers(id),
    ])
    assert.equal(reply.status, 0)
  })

  it('frames after its trailers are ignored', async () => {
    const { server, client } = await start()
    const first = client.call(PATH, REQUEST)
    const connection = await server.nextConnection()
    const id = await connection.request()
    connection.send(
      replyFrames(id, REQUEST),
      message(id),
      reset(id, 0),
      frame(FrameType.WINDOW_UPDATE, 0, id, uint32(5)),
    )
    assert.equal((await first).status, 0)
    const second = client.call(PATH, REQUEST)
    connection.send(replyFrames(await connection.request(), REQUEST))
    assert.equal((await second).status, 0)
    assert.equal(server.connections.length, 1)
  })
})

/** Answers that end their call alone: what of them is wrong, what the call comes to, and what the server is told. */
const BAD_ANSWERS: readonly [string, (id: number) => readonly Buffer[], status: number, told?: number][] = [
  ['no grpc-status', (id) => [head(id), message(id), trailers(id, 'x', 'y')], Code.UNKNOWN],
  ['a grpc-status that is no number', (id) => [head(id), trailers(id, 'grpc-status', 'x')], Code.UNKNOWN],
  ['an unknown grpc-status', (id) => [head(id), trailers(id, 'grpc-status', '99')], Code.UNKNOWN],
  ['OK without a message', (id) => [head(id), trailers(id)], Code.INTERNAL],
  [
    'OK as trailers only',
    (id) => [trailers(id, ':status', '200', 'content-type', 'application/grpc', 'grpc-status', '0')],
    Code.INTERNAL,
  ],
  [
    'half a message',
    (id) => [head(id), frame(FrameType.DATA, 0, id, Buffer.from([0, 0, 0, 0, 9, 1])), trailers(id)],
    Code.INTERNAL,
  ],
  ['two messages', (id) => [head(id), message(id), message(id)], Code.INTERNAL, Http2Code.CANCEL],
  [
    'two messages in one frame',
    (id) => [
      head(id),
      frame(FrameType.DATA, 0, id, Buffer.concat([message(id).subarray(9), message(id).subarray(9)])),
    ],
    Code.INTERNAL,
    Http2Code.CANCEL,
  ],
  [
    'a compressed message',
    (id) => [head(id), frame(FrameType.DATA, 0, id, Buffer.from([1, 0, 0, 0, 0]))],
    Code.INTERNAL,
    Http2Code.CANCEL,
  ],
  [
    'an unknown message flag',
    (id) => [head(id), frame(FrameType.DATA, 0, id, Buffer.from([7, 0, 0, 0, 0]))],
    Code.INTERNAL,
    Http2Code.CANCEL,
  ],
  ['an end without trailers', (id) => [head(id), messageFrame(id, REQUEST)], Code.INTERNAL],
  ['DATA before HEADERS', (id) => [message(id)], Code.INTERNAL, Http2Code.PROTOCOL_ERROR],
  ['HEADERS in the middle', (id) => [head(id), head(id)], Code.INTERNAL, Http2Code.PROTOCOL_ERROR],
  [
    '100 in the middle',
    (id) => [head(id), headersFrame(id, block(':status', '100'))],
    Code.INTERNAL,
    Http2Code.PROTOCOL_ERROR,
  ],
  ['100 at the end', (id) => [trailers(id, ':status', '100')], Code.INTERNAL, Http2Code.PROTOCOL_ERROR],
  [
    'HTTP status 503',
    (id) => [headersFrame(id, block(':status', '503', 'content-type', 'text/html'))],
    Code.UNAVAILABLE,
    Http2Code.CANCEL,
  ],
  ['HTTP status 404 and an end', (id) => [trailers(id, ':status', '404')], Code.UNIMPLEMENTED],
  [
    'content that is not gRPC',
    (id) => [headersFrame(id, block(':status', '200', 'content-type', 'text/html'))],
    Code.UNKNOWN,
    Http2Code.CANCEL,
  ],
  [
    'no :status',
    (id) => [headersFrame(id, block('content-type', 'application/grpc'))],
    Code.UNKNOWN,
    Http2Code.CANCEL,
  ],
  [
    'a :status that is none',
    (id) => [headersFrame(id, block(':status', '2x0'))],
    Code.INTERNAL,
    Http2Code.PROTOCOL_ERROR,
  ],
  [
    'an upper-case name',
    (id) => [headersFrame(id, block(':status', '200', 'Bad', 'x'))],
    Code.INTERNAL,
    Http2Code.PROTOCOL_ERROR,
  ],
  [
    'a second :status',
    (id) => [headersFrame(id, block(':status', '200', ':status', '200'))],
    Code.INTERNAL,
    Http2Code.PROTOCOL_ERROR,
  ],
  [
    'a :status in the trailers after others',
    (id) => [head(id), trailers(id, 'x', 'y', ':status', '200')],
    Code.INTERNAL,
    Http2Code.PROTOCOL_ERROR,
  ],
  [
    'too many headers',
    (id) => [headersFrame(id, block(':status', '200', 'x', 'y'.repeat(9000)))],
    Code.INTERNAL,
    Http2Code.PROTOCOL_ERROR,
  ],
  [
    'a WINDOW_UPDATE of 0',
    (id) => [frame(FrameType.WINDOW_UPDATE, 0, id, uint32(0))],
    Code.INTERNAL,
    Http2Code.PROTOCOL_ERROR,
  ],
  ['RST_STREAM after the headers', (id) => [head(id), reset(id, Http2Code.CANCEL)], Code.CANCELLED],
  [
    'RST_STREAM in the middle of DATA',
    (id) => [
      head(id),
      frame(FrameType.DATA, 0, id, Buffer.from([0, 0, 0, 0, 9, 1])),
      reset(id, Http2Code.NO_ERROR),
    ],
    Code.INTERNAL,
  ],
  [
    'RST_STREAM after DATA',
    (id) => [head(id), message(id), reset(id, Http2Code.ENHANCE_YOUR_CALM)],
    Code.RESOURCE_EXHAUSTED,
  ],
  ['RST_STREAM at once', (id) => [reset(id, Http2Code.INADEQUATE_SECURITY)], 7],
  [
    'REFUSED_STREAM after the headers',
    (id) => [head(id), reset(id, Http2Code.REFUSED_STREAM)],
    Code.UNAVAILABLE,
  ],
]

describe('a bad answer ends its call', () => {
  for (const [what, frames, status, told] of BAD_ANSWERS) {
    it(what, async () => {
      const { server, client } = await start()
      const other = client.call(PATH, REQUEST)
      const connection = await server.nextConnection()
      const otherId = await connection.request()
      const call = client.call(PATH, REQUEST)
      connection.send(...frames(await connection.request()))
      const reply = await call
      assert.equal(reply.status, status, reply.message)
      if (told !== undefined) assert.equal(await resetCode(connection), told)
      connection.send(replyFrames(otherId, REQUEST))
      assert.equal((await other).status, 0, 'The other call of the connection has to go on')
    })
  }

  it('a message over the limit, told by its prefix', async () => {
    const { reply, connection } = await answered(
      (id) => [head(id), frame(FrameType.DATA, 0, id, Buffer.from([0, 0, 0, 4, 1]))],
      { receiveBytesMax: 1024 },
    )
    assert.equal(reply.status, Code.RESOURCE_EXHAUSTED)
    assert.match(reply.message, /1025 vs\. 1024/)
    assert.equal(await resetCode(connection), Http2Code.CANCEL)
  })

  it('a message over the limit that is there whole', async () => {
    const { reply } = await answered((id) => [head(id), message(id, 'answer')], { receiveBytesMax: 5 })
    assert.equal(reply.status, Code.RESOURCE_EXHAUSTED)
  })

  it('a message beyond the window of its stream', async () => {
    const beginning = Buffer.concat([Buffer.from([0]), uint32(1 << 20), Buffer.alloc(16_000)])
    const { reply, connection } = await answered(
      (id) => [head(id), frame(FrameType.DATA, 0, id, beginning)],
      { streamWindowBytes: 15_000 },
    )
    assert.equal(reply.status, Code.INTERNAL)
    assert.equal(await resetCode(connection), Http2Code.FLOW_CONTROL_ERROR)
  })
})

/** What ends the connection, and the code of the GOAWAY. */
const BROKEN_RULES: readonly [string, (id: number) => readonly Buffer[], code: number][] = [
  [
    'SETTINGS_MAX_FRAME_SIZE 0',
    () => [settingsFrame([SettingId.MAX_FRAME_SIZE, 0])],
    Http2Code.PROTOCOL_ERROR,
  ],
  [
    'SETTINGS_INITIAL_WINDOW_SIZE 2^31',
    () => [settingsFrame([SettingId.INITIAL_WINDOW_SIZE, 2 ** 31])],
    Http2Code.FLOW_CONTROL_ERROR,
  ],
  [
    'SETTINGS of seven bytes',
    () => [frame(FrameType.SETTINGS, 0, 0, Buffer.alloc(7))],
    Http2Code.FRAME_SIZE_ERROR,
  ],
  [
    'PUSH_PROMISE',
    (id) => [frame(FrameType.PUSH_PROMISE, END_HEADERS, id, Buffer.from([0, 0, 0, 2]))],
    Http2Code.PROTOCOL_ERROR,
  ],
  [
    'a window above 2^31 − 1',
    () => [frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0x7fff_ffff))],
    Http2Code.FLOW_CONTROL_ERROR,
  ],
  ['WINDOW_UPDATE of 0', () => [frame(FrameType.WINDOW_UPDATE, 0, 0, uint32(0))], Http2Code.PROTOCOL_ERROR],
  ['HEADERS of a stream that nobody opened', () => [head(99)], Http2Code.PROTOCOL_ERROR],
  ['HEADERS of an even stream', () => [head(2)], Http2Code.PROTOCOL_ERROR],
  ['RST_STREAM of a stream that nobody opened', () => [reset(99, 0)], Http2Code.PROTOCOL_ERROR],
  [
    'a frame above the limit',
    () => [frame(FrameType.DATA, 0, 1, Buffer.alloc(16_385))],
    Http2Code.FRAME_SIZE_ERROR,
  ],
  [
    'headers that cannot be decoded',
    (id) => [headersFrame(id, Buffer.from([0xff, 0xff, 0xff]))],
    Http2Code.COMPRESSION_ERROR,
  ],
  [
    'a frame inside a header block',
    (id) => [headersFrame(id, RESPONSE_HEADERS, 0), message(id)],
    Http2Code.PROTOCOL_ERROR,
  ],
  [
    'endless CONTINUATION',
    (id) => [
      headersFrame(id, RESPONSE_HEADERS, 0),
      ...Array.from({ length: 9 }, () => frame(FrameType.CONTINUATION, 0, id)),
    ],
    Http2Code.ENHANCE_YOUR_CALM,
  ],
  ['GOAWAY of increasing streams', () => [goaway(1, 0), goaway(3, 0)], Http2Code.PROTOCOL_ERROR],
  [
    'a flood of SETTINGS',
    () => [Buffer.concat(Array.from({ length: 12_000 }, () => settingsFrame()))],
    Http2Code.ENHANCE_YOUR_CALM,
  ],
  [
    'a flood of empty DATA',
    (id) => [head(id), Buffer.concat(Array.from({ length: 12_000 }, () => frame(FrameType.DATA, 0, id)))],
    Http2Code.ENHANCE_YOUR_CALM,
  ],
  [
    'a flood of unknown frames',
    () => [Buffer.concat(Array.from({ length: 12_000 }, () => frame(0x77, 0, 0)))],
    Http2Code.ENHANCE_YOUR_CALM,
  ],
]

function goaway(lastStreamId: number, code: number, debug = ''): Buffer {
  return frame(
    FrameType.GOAWAY,
    0,
    0,
    Buffer.concat([uint32(lastStreamId), uint32(code), Buffer.from(debug)]),
  )
}

describe('a server that breaks the rules of the connection loses it', () => {
  for (const [what, frames, code] of BROKEN_RULES) {
    it(what, async () => {
      const { server, client } = await start()
      const call = client.call(PATH, REQUEST)
      const connection = await server.nextConnection()
      connection.send(...frames(await connection.request()))
      const reply = await call
      assert.equal(reply.status, Code.UNAVAILABLE, reply.message)
      assert.equal(await goawayCode(connection), code)
      await connection.closed
      const again = client.call(PATH, REQUEST)
      const next = await server.nextConnection()
      next.send(replyFrames(await next.request(), REQUEST))
      assert.equal((await again).status, 0, 'The next call has to find a new connection')
    })
  }

  it('a first frame that is not SETTINGS', async () => {
    const { server, client } = await start({}, Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
    const reply = await client.call(PATH, REQUEST)
    assert.equal(reply.status, Code.UNAVAILABLE)
    assert.equal(server.connections.length, 1)
  })

  it('no SETTINGS at all: the first call waits its time, the next one does not', async () => {
    const { client } = await start({ connectTimeoutMs: 30 }, Buffer.alloc(0))
    assert.match((await client.call(PATH, REQUEST)).message, /no connection within 30 ms/)
    const next = await client.call(PATH, REQUEST)
    assert.equal(next.status, Code.UNAVAILABLE)
    assert.match(next.message, /not reachable/)
  })
})
