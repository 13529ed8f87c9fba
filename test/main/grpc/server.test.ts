import assert from 'node:assert/strict'
import { once } from 'node:events'
import http2 from 'node:http2'
import { after, before, describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import {
  Client,
  compressionAlgorithms,
  credentials,
  Metadata,
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type ServiceError,
  type StatusObject,
  status,
} from '@grpc/grpc-js'
import type { UnaryCallback } from '../../../src/main/grpc/method.js'
import { GrpcServer } from '../../../src/main/grpc/server.js'
import { randomBytes } from '../../support/http2-frames.js'
import { Prng } from '../../support/prng.js'

const same = (bytes: Buffer): Buffer => bytes

function methodOf(name: string, requestStream: boolean, responseStream: boolean) {
  return {
    path: `/test.Echo/${name}`,
    originalName: name.toLowerCase(),
    requestStream,
    responseStream,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  }
}

const SERVICE: ServiceDefinition = {
  Unary: methodOf('Unary', false, false),
  Fail: methodOf('Fail', false, false),
  Throw: methodOf('Throw', false, false),
  Hang: methodOf('Hang', false, false),
  Missing: methodOf('Missing', false, false),
  Collect: methodOf('Collect', true, false),
  Count: methodOf('Count', false, true),
  Chat: methodOf('Chat', true, true),
}

interface Seen {
  hung: number
  cancelled: number
}

/** Handlers as they are written for grpc-js; the same go to either server. */
function implementation(seen: Seen) {
  return {
    unary: (
      call: { request: Buffer; metadata: Metadata; sendMetadata(metadata: Metadata): void },
      reply: UnaryCallback,
    ) => {
      const initial = new Metadata()
      initial.set('initial', 'yes')
      for (const value of call.metadata.get('echo')) initial.add('echo', value)
      for (const value of call.metadata.get('echo-bin')) initial.add('echo-bin', value)
      call.sendMetadata(initial)
      const trailers = new Metadata()
      trailers.set('trailing', 'yes')
      reply(null, call.request, trailers)
    },
    fail: (_call: unknown, reply: UnaryCallback) => {
      const metadata = new Metadata()
      metadata.set('why', 'because')
      reply({ code: status.NOT_FOUND, details: 'no\t"Tömi" 100% 😈', metadata })
    },
    throw: () => {
      throw new Error('oops')
    },
    hang: (call: NodeJS.EventEmitter) => {
      seen.hung++
      call.on('cancelled', () => seen.cancelled++)
    },
    collect: (call: NodeJS.ReadableStream, reply: UnaryCallback) => {
      const parts: Buffer[] = []
      call.on('data', (part: Buffer) => parts.push(part))
      call.on('end', () => reply(null, Buffer.concat(parts)))
    },
    count: (call: { request: Buffer; write(bytes: Buffer): boolean; end(metadata?: Metadata): void }) => {
      for (let index = 0; index < call.request[0]!; index++) call.write(Buffer.from([index]))
      const trailers = new Metadata()
      trailers.set('counted', 'yes')
      call.end(trailers)
    },
    chat: (call: NodeJS.ReadWriteStream) => {
      call.on('data', (part: Buffer) => {
        if (part.toString() === 'fail') call.emit('error', { code: status.ABORTED, details: 'as asked' })
        else call.write(part)
      })
      call.on('end', () => call.end())
    },
  }
}

type UnaryResult = { error?: ServiceError; value?: Buffer; initial?: Metadata; trailers?: Metadata }

function unary(
  client: Client,
  name: string,
  request: Buffer,
  metadata = new Metadata(),
  deadlineMs?: number,
) {
  const result: UnaryResult = {}
  return new Promise<UnaryResult>((resolve) => {
    const options = deadlineMs === undefined ? {} : { deadline: Date.now() + deadlineMs }
    const call = client.makeUnaryRequest(
      `/test.Echo/${name}`,
      same,
      same,
      request,
      metadata,
      options,
      (error, value) => {
        if (error !== null) result.error = error
        if (value !== undefined) result.value = value
      },
    )
    call.on('metadata', (initial: Metadata) => {
      result.initial = initial
    })
    call.on('status', ({ metadata: trailers }: { metadata: Metadata }) => {
      result.trailers = trailers
      setImmediate(resolve, result)
    })
  })
}

for (const engine of ['native', 'grpc-js']) {
  describe(`a server of ${engine}, seen by a grpc-js client`, () => {
    const seen: Seen = { hung: 0, cancelled: 0 }
    const server = engine === 'native' ? new GrpcServer() : new Server()
    let client: Client

    before(async () => {
      server.addService(SERVICE, implementation(seen) as never)
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        )
      })
      client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    })
    after(() => {
      client.close()
      server.forceShutdown()
    })

    test('unary, with metadata both ways', async () => {
      const metadata = new Metadata()
      metadata.add('echo', 'a')
      metadata.add('echo', 'b')
      metadata.add('echo-bin', Buffer.from([0, 255, 1]))
      const { value, initial, trailers } = await unary(client, 'Unary', Buffer.from('hello'), metadata)
      assert.equal(value?.toString(), 'hello')
      assert.deepEqual(initial?.get('initial'), ['yes'])
      assert.deepEqual(initial?.get('echo').join(', '), 'a, b')
      assert.deepEqual(initial?.get('echo-bin'), [Buffer.from([0, 255, 1])])
      assert.deepEqual(trailers?.get('trailing'), ['yes'])
    })

    test('an empty message and one of 4 MiB come back', async () => {
      assert.equal((await unary(client, 'Unary', Buffer.alloc(0))).value?.length, 0)
      const large = randomBytes(new Prng(5), 1000)
      const message = Buffer.alloc(4 << 20, large)
      assert.ok((await unary(client, 'Unary', message)).value?.equals(message))
    })

    test('a message above the limit is refused', async () => {
      const { error } = await unary(client, 'Unary', Buffer.alloc((4 << 20) + 1))
      assert.equal(error?.code, status.RESOURCE_EXHAUSTED)
    })

    test('errors keep code, text and metadata', async () => {
      const { error, trailers } = await unary(client, 'Fail', Buffer.from('x'))
      assert.equal(error?.code, status.NOT_FOUND)
      assert.equal(error?.details, 'no\t"Tömi" 100% 😈')
      assert.deepEqual(trailers?.get('why'), ['because'])
    })

    test('a handler that throws fails its call', async () => {
      const { error } = await unary(client, 'Throw', Buffer.from('x'))
      assert.equal(error?.code, status.UNKNOWN)
      if (engine === 'native') assert.equal(error?.details, 'Server method handler threw error oops')
    })

    test('what nobody implements is unimplemented', async () => {
      assert.equal((await unary(client, 'Missing', Buffer.from('x'))).error?.code, status.UNIMPLEMENTED)
      assert.equal((await unary(client, 'Nowhere', Buffer.from('x'))).error?.code, status.UNIMPLEMENTED)
    })

    test('a deadline ends the call on both sides', async () => {
      const cancelled = seen.cancelled
      const { error } = await unary(client, 'Hang', Buffer.from('x'), new Metadata(), 50)
      assert.equal(error?.code, status.DEADLINE_EXCEEDED)
      while (seen.cancelled === cancelled) await new Promise((resolve) => setImmediate(resolve))
    })

    test('a cancellation reaches the handler', async () => {
      const { hung, cancelled } = seen
      const call = client.makeUnaryRequest('/test.Echo/Hang', same, same, Buffer.from('x'), () => {})
      while (seen.hung === hung) await new Promise((resolve) => setImmediate(resolve))
      call.cancel()
      while (seen.cancelled === cancelled) await new Promise((resolve) => setImmediate(resolve))
    })

    test('client streaming', async () => {
      const result = new Promise<Buffer | undefined>((resolve, reject) => {
        const call = client.makeClientStreamRequest('/test.Echo/Collect', same, same, (error, value) =>
          error === null ? resolve(value) : reject(error),
        )
        for (let index = 0; index < 300; index++) call.write(Buffer.alloc(1000, index))
        call.end()
      })
      assert.equal((await result)?.length, 300_000)
    })

    test('server streaming, with trailers', async () => {
      const call = client.makeServerStreamRequest('/test.Echo/Count', same, same, Buffer.from([200]))
      const values: number[] = []
      call.on('data', (part: Buffer) => values.push(part[0]!))
      const [{ code, metadata }] = await once(call, 'status')
      assert.equal(code, status.OK)
      assert.deepEqual(metadata.get('counted'), ['yes'])
      assert.deepEqual(
        values,
        Array.from({ length: 200 }, (_, index) => index),
      )
    })

    test('bidi: messages go to and fro, large ones too, then an error ends it', async () => {
      const call = client.makeBidiStreamRequest('/test.Echo/Chat', same, same)
      for (const size of [1, 100, 100_000, 1_000_000]) {
        call.write(Buffer.alloc(size, 1))
        const [part] = await once(call, 'data')
        assert.equal(part.length, size)
      }
      call.on('error', () => {})
      const ended = new Promise<StatusObject>((resolve) => call.on('status', resolve))
      call.write(Buffer.from('fail'))
      const { code, details } = await ended
      assert.equal(code, status.ABORTED)
      assert.equal(details, 'as asked')
    })

    test('a bidi call that the client ends is ended with OK', async () => {
      const call = client.makeBidiStreamRequest('/test.Echo/Chat', same, same)
      call.on('data', () => {})
      call.end(Buffer.from('x'))
      call.end()
      const [{ code }] = await once(call, 'status')
      assert.equal(code, status.OK)
    })

    test('compressed requests', async () => {
      for (const algorithm of [compressionAlgorithms.gzip, compressionAlgorithms.deflate]) {
        const packed = new Client(
          client.getChannel().getTarget().replace('dns:', ''),
          credentials.createInsecure(),
          {
            'grpc.default_compression_algorithm': algorithm,
          },
        )
        const message = Buffer.alloc(100_000, 'abc')
        assert.ok((await unary(packed, 'Unary', message)).value?.equals(message))
        packed.close()
      }
    })

    test('a compressed request that inflates beyond the limit is refused', async () => {
      const target = client.getChannel().getTarget().replace('dns:', '')
      const packed = new Client(target, credentials.createInsecure(), {
        'grpc.default_compression_algorithm': compressionAlgorithms.gzip,
      })
      const { error } = await unary(packed, 'Unary', Buffer.alloc((4 << 20) + 1))
      assert.equal(error?.code, status.RESOURCE_EXHAUSTED)
      if (engine === 'native') assert.match(error?.details ?? '', /^inflated message larger/)
      packed.close()
    })

    test('many calls at once', async () => {
      const results = await Promise.all(
        Array.from({ length: 500 }, (_, index) => unary(client, 'Unary', Buffer.from(String(index)))),
      )
      results.forEach(({ value }, index) => {
        assert.equal(value?.toString(), String(index))
      })
    })
  })
}

describe('the native server', () => {
  test('replies compressed to those who accept it', async () => {
    const server = new GrpcServer({ replyEncoding: 'gzip' })
    server.addService(SERVICE, implementation({ hung: 0, cancelled: 0 }) as never)
    const port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    const message = Buffer.alloc(100_000, 'abc')
    assert.ok((await unary(client, 'Unary', message)).value?.equals(message))
    const call = client.makeServerStreamRequest('/test.Echo/Count', same, same, Buffer.from([50]))
    const values: number[] = []
    call.on('data', (part: Buffer) => values.push(part[0]!))
    await once(call, 'status')
    assert.deepEqual(
      values,
      Array.from({ length: 50 }, (_, index) => index),
    )
    client.close()
    server.forceShutdown()
  })

  test('what a stream was sent arrives before its error, also while it is being compressed', async () => {
    for (const replyEncoding of ['identity', 'gzip'] as const) {
      const server = new GrpcServer({ replyEncoding })
      server.addService(SERVICE, {
        ...implementation({ hung: 0, cancelled: 0 }),
        // More than a window holds: what is left waits in the stream.
        count: (call: NodeJS.EventEmitter & { request: Buffer; write(bytes: Buffer): boolean }) => {
          for (let index = 0; index < 20; index++) call.write(Buffer.alloc(50_000, index))
          if (call.request[0] === 1) throw new Error('enough')
          call.emit('error', { code: status.ABORTED, details: 'enough' })
        },
      } as never)
      const port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
      // Not grpc-js's client: at an error it drops what it has not unpacked yet.
      const session = http2.connect(`http://127.0.0.1:${port}`)
      for (const [request, code] of [
        [0, status.ABORTED],
        [1, status.UNKNOWN],
      ] as const) {
        const stream = session.request({
          ':method': 'POST',
          ':path': '/test.Echo/Count',
          'content-type': 'application/grpc',
          te: 'trailers',
          'grpc-accept-encoding': 'gzip',
        })
        stream.end(Buffer.from([0, 0, 0, 0, 1, request]))
        const trailed = once(stream, 'trailers')
        const body = Buffer.concat(await stream.toArray())
        const [trailers] = await trailed
        assert.equal(trailers['grpc-status'], String(code))
        const values: number[] = []
        for (let at = 0; at < body.length; ) {
          const end = at + 5 + body.readUInt32BE(at + 1)
          const message = body.subarray(at + 5, end)
          values.push((body[at] === 1 ? gunzipSync(message) : message)[49_999]!)
          at = end
        }
        assert.deepEqual(values, [...Array(20).keys()])
      }
      session.close()
      server.forceShutdown()
    }
  })

  test('metadata at random comes back through another HPACK: that of Node', async () => {
    const server = new GrpcServer()
    server.addService(SERVICE, implementation({ hung: 0, cancelled: 0 }) as never)
    const port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
    const session = http2.connect(`http://127.0.0.1:${port}`)
    const prng = new Prng(6)
    for (let round = 0; round < 200; round++) {
      const value = Array.from({ length: 1 + prng.below(200) }, () =>
        String.fromCharCode(33 + prng.below(94)),
      ).join('')
      const stream = session.request({
        ':method': 'POST',
        ':path': '/test.Echo/Unary',
        'content-type': 'application/grpc',
        te: 'trailers',
        echo: value,
        [`other-${prng.below(30)}`]: value.slice(0, prng.below(60)),
      })
      stream.end(Buffer.from([0, 0, 0, 0, 0]))
      stream.resume()
      const [headers] = await once(stream, 'response')
      const [trailers] = await once(stream, 'trailers')
      assert.equal(headers.echo, value)
      assert.equal(trailers['grpc-status'], '0')
    }
    session.close()
    server.forceShutdown()
  })

  test('a shutdown lets the calls under way finish, and takes no more', async () => {
    const server = new GrpcServer()
    let answer: (() => void) | undefined
    server.register(
      '/test.Echo/Unary',
      (_call, reply) => {
        answer = () => reply?.(null, Buffer.from('late'))
      },
      same as never,
      same,
      'unary',
    )
    const port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
    const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure())
    const result = unary(client, 'Unary', Buffer.from('x'))
    while (answer === undefined) await new Promise((resolve) => setImmediate(resolve))
    const stopped = new Promise<void>((resolve) => server.tryShutdown(() => resolve()))
    answer()
    assert.equal((await result).value?.toString(), 'late')
    await stopped
    const refused = await unary(client, 'Unary', Buffer.from('x'), new Metadata(), 1000)
    assert.equal(refused.error?.code, status.UNAVAILABLE)
    client.close()
  })

  test('options outside their bounds are refused', () => {
    assert.throws(() => new GrpcServer({ headerListBytesMax: 1 }), RangeError)
    assert.throws(() => new GrpcServer({ prefaceTimeoutMs: Number.POSITIVE_INFINITY }), RangeError)
    assert.throws(() => new GrpcServer().addService({}, {}), /empty service/)
  })
})
