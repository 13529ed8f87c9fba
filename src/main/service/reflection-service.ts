import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { handleBidiStreamingCall, UntypedServiceImplementation } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { ReflectionService } from '@grpc/reflection'
import { protoPath as healthProto } from 'grpc-health-check'
import type { GrpcServer } from '../grpc-server.js'
import { nameMapEntries } from './map-entry.js'

const packageRoot = fileURLToPath(new URL('../../../../', import.meta.url))

/** Where the library keeps its own description. */
const reflectionProtos = join(
  dirname(createRequire(import.meta.url).resolve('@grpc/reflection')),
  '../proto/grpc/reflection',
)

/** Every service that a node serves. One list, loaded at once: files of one package are told apart no other way. */
const PROTO_FILES: readonly string[] = [
  join(packageRoot, 'proto/pb/groupcache.proto'),
  join(packageRoot, 'proto/geekcache/v1/peer.proto'),
  join(packageRoot, 'proto/geekcache/v1/node.proto'),
  healthProto,
  join(reflectionProtos, 'v1/reflection.proto'),
  join(reflectionProtos, 'v1alpha/reflection.proto'),
]

/**
 * Serves server reflection, v1 and v1alpha, for all services of a node (gRPC Server Reflection Protocol): grpcurl and
 * its like need no proto file.
 */
export function registerReflectionService(server: Pick<GrpcServer, 'addService'>): void {
  const reflection = new ReflectionService(nameMapEntries(loadSync([...PROTO_FILES], { keepCase: true })))
  reflection.addToServer({
    addService: (definition, implementation) => server.addService(definition, throttled(implementation)),
  })
}

/** Makes every streaming method of a service stop reading while its client does not read the answers. */
function throttled(implementation: UntypedServiceImplementation): UntypedServiceImplementation {
  return Object.fromEntries(
    Object.entries(implementation).map(([name, handler]) => {
      const handle = handler as handleBidiStreamingCall<unknown, unknown>
      const throttledHandle: typeof handle = (stream) => {
        // The library writes an answer for each request and never looks whether it was taken.
        stream.on('data', () => {
          if (!stream.writableNeedDrain) return
          stream.pause()
          stream.once('drain', () => stream.resume())
        })
        handle(stream)
      }
      return [name, throttledHandle]
    }),
  )
}
