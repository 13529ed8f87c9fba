import assert from 'node:assert/strict'
import { once } from 'node:events'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  Client,
  credentials,
  loadPackageDefinition,
  ServerCredentials,
  type ServiceClientConstructor,
} from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { HealthImplementation, service as healthService } from 'grpc-health-check'
import { GrpcServer } from '../../../src/main/grpc/server.js'

const PROTO = fileURLToPath(new URL('../../../../proto/pb/groupcache.proto', import.meta.url))

describe('packages written for grpc-js', () => {
  const definition = loadSync(PROTO)
  const health = new HealthImplementation({ cache: 'SERVING' })
  const server = new GrpcServer()
  let address: string

  before(async () => {
    health.addToServer(server as never)
    new ReflectionService(definition).addToServer(server as never)
    address = `127.0.0.1:${await server.bind('127.0.0.1:0', ServerCredentials.createInsecure())}`
  })
  after(() => server.forceShutdown())

  test('grpc-health-check: check, and watch until the client leaves', async () => {
    const HealthClient = loadPackageDefinition({ 'grpc.health.v1.Health': healthService } as never)
    const { Health } = (HealthClient as { grpc: { health: { v1: { Health: ServiceClientConstructor } } } })
      .grpc.health.v1
    const client = new Health(address, credentials.createInsecure())
    const check = client.check as (
      request: object,
      callback: (error: Error | null, value: object) => void,
    ) => void
    const answer = await new Promise((resolve, reject) => {
      check.call(client, { service: 'cache' }, (error, value) =>
        error === null ? resolve(value) : reject(error),
      )
    })
    assert.deepEqual(answer, { status: 'SERVING' })
    const watch = client.watch as unknown as (request: object) => NodeJS.ReadableStream & { cancel(): void }
    const stream = watch.call(client, { service: 'cache' })
    stream.on('error', () => {})
    assert.deepEqual(await once(stream, 'data'), [{ status: 'SERVING' }])
    health.setStatus('cache', 'NOT_SERVING')
    assert.deepEqual(await once(stream, 'data'), [{ status: 'NOT_SERVING' }])
    stream.cancel()
    const { watchers } = health as unknown as { watchers: Map<string, Set<unknown>> }
    while ((watchers.get('cache')?.size ?? 0) > 0) await new Promise((resolve) => setImmediate(resolve))
    client.close()
  })

  test('@grpc/reflection: lists the services', async () => {
    const client = new Client(address, credentials.createInsecure())
    const same = (bytes: Buffer) => bytes
    const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo'
    const stream = client.makeBidiStreamRequest(path, same, same)
    // list_services = 7, of any length.
    stream.write(Buffer.from([0x3a, 1, 0x2a]))
    const [reply] = await once(stream, 'data')
    assert.ok((reply as Buffer).includes('pb.GroupCache'))
    stream.end()
    const [{ code }] = await once(stream, 'status')
    assert.equal(code, 0)
    client.close()
  })
})
