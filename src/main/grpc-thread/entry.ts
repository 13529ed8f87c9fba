import { parentPort, workerData } from 'node:worker_threads'
import { attach } from '../../attach/attach.js'
import { assert } from '../../shared/assert.js'
import type { CounterSample, RingMember } from '../service/node-codec.js'
import { newHotServer, registerServices } from '../service/node-server.js'
import type { GrpcThreadEvent, GrpcThreadOrder, GrpcThreadSpec } from './grpc-thread-spec.js'
import { listeningHandle } from './listening-handle.js'

/**
 * Main program of a gRPC thread: all services of the node on connections of its own, accepted from the port of the main
 * thread. Hits are read in place; the main thread is asked for the rest.
 */
async function serve(port: NonNullable<typeof parentPort>, spec: GrpcThreadSpec): Promise<void> {
  const tell = (event: GrpcThreadEvent): void => port.postMessage(event)
  const [cache, listening] = await Promise.all([attach(spec.handle), listeningHandle(spec.descriptor)])
  const { pin, link } = cache
  const server = newHotServer(
    {
      ...spec.limits,
      onReadStart: () => pin.enter(),
      onReadEnd: () => pin.leave(),
      onFault: (error) => tell({ kind: 'fault', error }),
    },
    cache,
  )
  const health = registerServices(server, cache, {
    get self() {
      return cache.self
    },
    counters: () => link.call<CounterSample[]>({ kind: 'counters' }),
    members: () => link.call<RingMember[]>({ kind: 'members' }),
    owners: (key) => link.call<string[]>({ kind: 'owners', key }),
  })
  port.once('message', async ({ graceMs }: GrpcThreadOrder) => {
    health.shutdown()
    await server.shutdown(graceMs)
    cache.close()
    port.close()
  })
  await server.accept(listening)
  tell({ kind: 'up' })
}

assert(parentPort, 'This is the program of a thread')
await serve(parentPort, workerData as GrpcThreadSpec)
