import type { CacheHandle } from '../../attach/attach.js'
import type { MessageLimits } from '../grpc-server.js'

/** What a gRPC thread is started with. */
export interface GrpcThreadSpec {
  /** To the cache of the node. */
  readonly handle: CacheHandle
  /** Of the socket that the main thread listens on. */
  readonly descriptor: number
  readonly limits: MessageLimits
}

/** To a gRPC thread: serve what is under way, for at most so long, and end. */
export interface GrpcThreadOrder {
  readonly graceMs: number
}

/** From a gRPC thread: it accepts connections; or its engine has a fault, which ended one call or connection. */
export type GrpcThreadEvent = { readonly kind: 'up' } | { readonly kind: 'fault'; readonly error: unknown }
