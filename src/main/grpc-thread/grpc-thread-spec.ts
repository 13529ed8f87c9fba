import type { CacheHandle } from '../../attach/attach.js'
import type { MessageLimits } from '../grpc-server.js'
import type { Log } from '../node-options.js'
import type { TlsOptions } from '../tls-options.js'

/** What a gRPC thread is started with. */
export interface GrpcThreadSpec {
  /** To the cache of the node. */
  readonly handle: CacheHandle
  /** Of the socket that the main thread listens on. */
  readonly descriptor: number
  readonly limits: MessageLimits
  /** As the main thread has it; undefined for plain text. */
  readonly tls: TlsOptions | undefined
}

/** To a gRPC thread: serve what is under way, for at most so long, and end. */
export interface GrpcThreadOrder {
  readonly graceMs: number
}

/** From a gRPC thread: it accepts connections; or it has something for the log of the node. */
export type GrpcThreadEvent =
  | { readonly kind: 'up' }
  | { readonly kind: 'log'; readonly level: keyof Log; readonly fields: object; readonly message: string }
