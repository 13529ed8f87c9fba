import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerUnaryCall,
  type ServiceDefinition,
  type sendUnaryData,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import { GrpcClient } from '../../../../src/main/grpc/client/grpc-client.js'
import { GrpcServer } from '../../../../src/main/grpc/server.js'
import { Cancel } from '../../../../src/shared/cancel.js'
import { Code } from '../../../../src/shared/errors.js'
import { Prng, seedOf } from '../../../support/prng.js'

/** What the tests need of a server: that of grpc-js and ours have it both. */
interface AnyServer {
  addService(service: ServiceDefinition, implementation: UntypedServiceImplementation): void
  bindAsync(
    address: string,
    credentials: ServerCredentials,
    callback: (error: Error | null, port: number) => void,
  ): void
  forceShutdown(): void
}

type Call = ServerUnaryCall<Buffer, Buffer>
type Reply = sendUnaryData<Buffer>

const same = (bytes: Buffer) => bytes
const method = (name: string) => ({
  path: `/test.Echo/${name}`,
  requestStream: false,
  responseStream: false,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
})
const ECHO: ServiceDefinition = { Echo: method('Echo'), Fail: method('Fail'), Wait: method('Wait') }

/** Calls of `Wait`, which never ends by itself, in order. */
class Waiting {
  readonly #calls: Call[] = []
  #wake: () => void = () => {}

  add(call: Call): void {
    this.#calls.push(call)
    this.#wake()
  }

  async next(): Promise<Call> {
    for (;;) {
      const call = this.#calls.shift()
      if (call !== undefined) return call
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

function describeCalls(name: string, newServer: () => AnyServer): void {
  describe(name, () => {
    const server = newServer()
    const waiting = new Waiting()
    let client: GrpcClient

    before(async () => {
      server.addService(ECHO, {
        Echo: (call: Call, callback: Reply) => callback(null, call.request),
        Fail: (call: Call, callback: Reply) => {
          const metadata = new Metadata()
          metadata.set('more', 'said')
          callback({ code: call.request[0]!, details: 'tab\t, per%cent, ✓ and 😀', metadata })
        },
        Wait: (call: Call) => waiting.add(call),
      })
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
          error === null ? resolve(bound) : reject(error),
        )
      })
      client = new GrpcClient(`127.0.0.1:${port}`, {
        receiveBytesMax: 3 << 20,
        streamWindowBytes: 100_000,
        connectionWindowBytes: 200_000,
        onFault: (error) => assert.fail(`fault: ${error}`),
      })
    })

    after(() => {
      client.close()
      server.forceShutdown()
    })

    it('messages of every size come back as they were', async () => {
      for (const lengthBytes of [0, 1, 16_379, 16_380, 16_384, 65_530, 65_531, 100_001, 3 << 20]) {
        const request = Buffer.alloc(lengthBytes, 'geek-cache')
        const reply = await client.call('/test.Echo/Echo', request)
        assert.equal(reply.status, 0, reply.message)
        assert.ok(request.equals(reply.body), `${lengthBytes}`)
      }
    })

    it('a thousand calls at a time get each its own answer', async () => {
      const random = new Prng(seedOf())
      const calls = Array.from({ length: 1000 }, async (_, index) => {
        const lengthBytes = random.below(20) === 0 ? random.below(60_000) : random.below(200)
        const request = Buffer.alloc(4 + lengthBytes, index & 0xff)
        request.writeUInt32BE(index)
        const deadlineMs = index % 2 === 0 ? Number.POSITIVE_INFINITY : 60_000 + random.below(60_000)
        const reply = await client.call('/test.Echo/Echo', request, { deadlineMs })
        assert.equal(reply.status, 0, reply.message)
        assert.ok(request.equals(reply.body))
      })
      await Promise.all(calls)
    })

    it('a status comes with its message and its trailers', async () => {
      for (const status of [1, 2, 5, 8, 13, 14, 16]) {
        const reply = await client.call('/test.Echo/Fail', Buffer.from([status]))
        assert.equal(reply.status, status)
        assert.equal(reply.message, 'tab\t, per%cent, ✓ and 😀')
        const at = reply.trailers.indexOf('more')
        assert.equal(reply.trailers[at + 1], 'said')
      }
    })

    it('a method that is not there is UNIMPLEMENTED', async () => {
      assert.equal((await client.call('/test.Echo/None', Buffer.alloc(0))).status, Code.UNIMPLEMENTED)
    })

    it('an answer over the limit is RESOURCE_EXHAUSTED', async () => {
      const reply = await client.call('/test.Echo/Echo', Buffer.alloc((3 << 20) + 1))
      assert.equal(reply.status, Code.RESOURCE_EXHAUSTED)
      assert.match(reply.message, /3145729 vs\. 3145728/)
    })

    it('the deadline arrives, passes here, and cancels there', async () => {
      const call = client.call('/test.Echo/Wait', Buffer.alloc(0), { deadlineMs: 100 })
      const served = await waiting.next()
      const leftMs = (served.getDeadline() as Date | number).valueOf() - Date.now()
      assert.ok(leftMs > 0 && leftMs <= 101, `${leftMs} ms left`)
      const cancelled = new Promise((resolve) => served.once('cancelled', resolve))
      assert.equal((await call).status, Code.DEADLINE_EXCEEDED)
      await cancelled
    })

    it('a cancellation arrives', async () => {
      const cancel = new Cancel()
      const call = client.call('/test.Echo/Wait', Buffer.alloc(0), { signal: cancel })
      const served = await waiting.next()
      const cancelled = new Promise((resolve) => served.once('cancelled', resolve))
      cancel.abort()
      assert.equal((await call).status, Code.CANCELLED)
      await cancelled
    })

    it('a server that goes away leaves its calls UNAVAILABLE', async () => {
      const call = client.call('/test.Echo/Wait', Buffer.alloc(0))
      await waiting.next()
      server.forceShutdown()
      const { status } = await call
      // The server of grpc-js cancels its calls before it closes.
      assert.ok(status === Code.UNAVAILABLE || status === Code.CANCELLED, `${status}`)
      assert.equal((await client.call('/test.Echo/Echo', Buffer.alloc(0))).status, Code.UNAVAILABLE)
    })
  })
}

describeCalls(
  'a client and the server of grpc-js',
  () => new Server({ 'grpc.max_receive_message_length': -1 }),
)
describeCalls('a client and our own server', () => new GrpcServer({ receiveBytesMax: 8 << 20 }))
