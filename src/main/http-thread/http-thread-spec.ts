import type { CacheHandle } from '../../attach/attach.js'
import type { Failure } from '../../shared/messages.js'
import type { HttpServer } from '../http/server.js'
import type { Log } from '../node-options.js'
import type { TlsOptions } from '../tls-options.js'

/** What a front thread is started with. */
export interface HttpThreadSpec {
  /** To the cache of the node. */
  readonly handle: CacheHandle
  /** IPv4, IPv6 without brackets, or a name. */
  readonly host: string
  /** 0 for a free one. */
  readonly port: number
  /** Other front threads listen on the same port. */
  readonly isShared: boolean
  /** What serves; `auto`: uWebSockets.js, or node:http where that cannot be loaded. */
  readonly engine: 'auto' | 'uws' | 'node'
  /** `data` when the operator has an address of his own. */
  readonly planes: 'all' | 'data'
  readonly isReady: boolean
  /** Of {@link PageGuard}. */
  readonly hosts: readonly string[] | undefined
  readonly tls: TlsOptions | undefined
  /** Of {@link EndFlag}. */
  readonly ended: SharedArrayBuffer
}

/** To a front thread. */
export type HttpThreadOrder =
  /** The node has joined its ring, or is about to leave it. */
  | { readonly kind: 'ready'; readonly isReady: boolean }
  /** Serve what is under way, for at most so long, and end. */
  | { readonly kind: 'shutdown'; readonly graceMs: number }
  /** Close everything now: the process is about to end, and waits. */
  | { readonly kind: 'close' }

/** From a front thread. */
export type HttpThreadEvent =
  /** @param reason why uWebSockets.js does not serve, when it does not */
  | {
      readonly kind: 'up'
      readonly port: number
      readonly engine: HttpServer['engine']
      readonly reason?: string
    }
  /** It cannot serve, and ends. */
  | { readonly kind: 'failed'; readonly failure: Failure }
  | { readonly kind: 'log'; readonly level: keyof Log; readonly fields: object; readonly message: string }
