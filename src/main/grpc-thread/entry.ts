import { parentPort, workerData } from 'node:worker_threads'
import { ServerCredentials } from '@grpc/grpc-js'
import { attach } from '../../attach/attach.js'
import { AttachedNodeView } from '../../attach/attached-node-view.js'
import { assert } from '../../shared/assert.js'
import { CacheError } from '../../shared/errors.js'
import { EventLoopMeter } from '../../shared/event-loop-meter.js'
import type { Log } from '../node-options.js'
import { GrpcMetrics } from '../service/grpc-metrics.js'
import { newHotServer, registerServices } from '../service/node-server.js'
import { TlsFiles } from '../tls-files.js'
import type { GrpcThreadEvent, GrpcThreadOrder, GrpcThreadSpec } from './grpc-thread-spec.js'
import { listeningHandle } from './listening-handle.js'

/**
 * Main program of a gRPC thread: all services of the node on connections of its own, accepted from the port of the main
 * thread. Hits are read in place; the main thread is asked for the rest.
 */
async function serve(port: NonNullable<typeof parentPort>, spec: GrpcThreadSpec): Promise<void> {
  const tell = (event: GrpcThreadEvent): void => port.postMessage(event)
  const [cache, listening] = await Promise.all([attach(spec.handle), listeningHandle(spec.descriptor)])
  const { pin } = cache
  cache.metrics.setRole('grpc')
  const meter = new EventLoopMeter(cache.metrics)
  const metrics = new GrpcMetrics(cache.metrics)
  const log = relayTo(tell)
  const tls = spec.tls && new TlsFiles(spec.tls, log)
  const server = newHotServer(
    {
      ...spec.limits,
      credentials: tls?.serverCredentials() ?? ServerCredentials.createInsecure(),
      pin,
      metrics,
      onFault: (error) =>
        log.error({ err: CacheError.from(error, 'INTERNAL').stack }, 'Fault in the gRPC engine'),
    },
    cache,
  )
  tls?.watch((context) => server.setSecureContext(context))
  const health = registerServices(server, cache, new AttachedNodeView(cache), cache, metrics.calls)
  port.once('message', async ({ graceMs }: GrpcThreadOrder) => {
    health.shutdown()
    await server.shutdown(graceMs)
    tls?.close()
    meter.close()
    cache.close()
    port.close()
  })
  await server.accept(listening)
  tell({ kind: 'up' })
}

/** A log whose lines the main thread writes. */
function relayTo(tell: (event: GrpcThreadEvent) => void): Log {
  const relay = (level: keyof Log) => (fields: object, message: string) =>
    tell({ kind: 'log', level, fields, message })
  return { debug: relay('debug'), info: relay('info'), warn: relay('warn'), error: relay('error') }
}

assert(parentPort, 'This is the program of a thread')
await serve(parentPort, workerData as GrpcThreadSpec)
