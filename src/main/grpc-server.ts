import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'

/** Limits of one gRPC message, in bytes. A message over its limit fails its call with RESOURCE_EXHAUSTED. */
export interface MessageLimits {
  /** Largest message that is taken in; told by its length prefix, before any of it is buffered. */
  readonly receiveBytesMax: number
  readonly sendBytesMax: number
}

/**
 * A gRPC server, whoever implements it. Services register themselves through `addService` alone and are written against
 * the calls of `@grpc/grpc-js`: `request`, `metadata`, `getDeadline()`, the event `cancelled`; streams of objects.
 */
export interface GrpcServer {
  /** Throws when a path of the definition is taken already. All services are added before `listen`. */
  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void
  /**
   * Listens on exactly the host given, and nowhere else.
   *
   * @param address HOST:PORT; port 0 takes a free one
   * @returns the port
   * @throws CacheError FAILED_PRECONDITION when the address is in use, none of this machine or not allowed,
   *   INVALID_ARGUMENT when it is no address
   */
  listen(address: string): Promise<number>
  /** File descriptor of the socket that is listened on; −1 where there is none to share with other threads. */
  readonly descriptor: number
  /** Takes no more calls, waits at most `graceMs` for those in flight, then ends them. Never rejects. */
  shutdown(graceMs: number): Promise<void>
}
