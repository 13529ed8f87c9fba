import type { handleServerStreamingCall, ServerWritableStream } from '@grpc/grpc-js'
import { HealthImplementation } from 'grpc-health-check'
import { Code } from '../../shared/errors.js'
import type { GrpcServer } from '../grpc-server.js'

/** What health is told of: the node as a whole, and the service that its clients use. */
const SERVICES: readonly string[] = ['', 'pb.GroupCache']

interface HealthRequest {
  readonly service: string
}

interface HealthResponse {
  readonly status: string
}

type WatchCall = ServerWritableStream<HealthRequest, HealthResponse>

/** grpc.health.v1.Health of one node: SERVING from the start, until `shutdown()`. */
export interface HealthService {
  /** Tells everybody NOT_SERVING and ends the watches, which would otherwise hold up a server that drains. */
  shutdown(): void
}

/** Serves grpc.health.v1.Health (gRPC Health Checking Protocol). */
export function registerHealthService(server: Pick<GrpcServer, 'addService'>): HealthService {
  const health = new HealthImplementation(Object.fromEntries(SERVICES.map((name) => [name, 'SERVING'])))
  const watches = new Set<WatchCall>()
  health.addToServer({
    addService(definition, implementation) {
      const watchKnown = implementation.watch as handleServerStreamingCall<HealthRequest, HealthResponse>
      const watch = (call: WatchCall): void => {
        watches.add(call)
        call.once('cancelled', () => watches.delete(call))
        // The library keeps a record for every name that was ever watched, so it only gets to see known ones.
        if (SERVICES.includes(call.request.service)) watchKnown(call)
        else call.write({ status: 'SERVICE_UNKNOWN' })
      }
      server.addService(definition, { ...implementation, watch })
    },
  })
  return {
    shutdown() {
      for (const name of SERVICES) health.setStatus(name, 'NOT_SERVING')
      for (const watch of watches) watch.emit('error', { code: Code.UNAVAILABLE, details: 'node shuts down' })
      watches.clear()
    },
  }
}
