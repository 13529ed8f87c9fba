import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ServerCredentials } from '@grpc/grpc-js'
import { GrpcClient } from '../../../src/main/grpc/client/grpc-client.js'
import { GrpcServer } from '../../../src/main/grpc/server.js'

const PATH = '/test.Service/Slow'
/** More than a server forgives that finds them too many. */
const PINGS = 8

test('the PINGs that our client sends in a long call are not too many for our server', async () => {
  const same = (value: unknown) => value as Buffer
  let reads = 0
  let answer: (() => void) | undefined
  const server = new GrpcServer({
    pingIntervalMinMs: 20,
    onReadStart: () => {
      reads++
      // Nothing but PINGs comes while the call waits.
      if (answer !== undefined && reads > PINGS) answer()
    },
  })
  const handler = (_call: unknown, reply: ((error: null, value: Buffer) => void) | undefined) => {
    reads = 0
    answer = () => reply?.(null, Buffer.from('late'))
  }
  server.register(PATH, handler, same, same, 'unary')
  const port = await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())
  const client = new GrpcClient(`127.0.0.1:${port}`, { keepaliveTimeMs: 40 })
  const reply = await client.call(PATH, Buffer.alloc(0))
  assert.deepEqual([reply.status, Buffer.from(reply.body).toString()], [0, 'late'])
  client.close()
  server.forceShutdown()
})
