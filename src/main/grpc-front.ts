import type { MessagePort } from 'node:worker_threads'
import { ServerCredentials } from '@grpc/grpc-js'
import type { NodeCounterRow } from '../shared/node-counters.js'
import type { ReaderPin } from '../shared/store/reader-pin.js'
import type { Groups } from './groups.js'
import { GrpcClient } from './grpc/client/grpc-client.js'
import type { GrpcServer, MessageLimits } from './grpc-server.js'
import { GrpcThread } from './grpc-thread/grpc-thread.js'
import type { PolledNode } from './invalidation-poll.js'
import type { Log, NodeOptions } from './node-options.js'
import type { NodeView } from './node-view.js'
import { GrpcJsCaller } from './service/grpc-js-caller.js'
import { GrpcJsServer } from './service/grpc-js-server.js'
import { GrpcMetrics } from './service/grpc-metrics.js'
import type { HealthService } from './service/health-service.js'
import { newHotServer, registerServices } from './service/node-server.js'
import type { TlsFiles } from './tls-files.js'
import type { UnaryCaller } from './unary-caller.js'

export interface GrpcFrontParts {
  readonly options: NodeOptions
  /** Of the servers; those of clients are the other way round. */
  readonly limits: MessageLimits
  readonly groups: Groups
  readonly node: NodeView
  /** What tells the peers of changes. */
  readonly polled: PolledNode
  /** Of the main thread. */
  readonly pin: ReaderPin
  /** What the main thread counts. */
  readonly metrics: NodeCounterRow
  readonly tls: TlsFiles | undefined
  readonly log: Log
  /** A handle for one more thread that shares the cache. */
  readonly newHandle: () => MessagePort
}

/** What a node speaks gRPC with: its server on the main thread, the threads beside it, and the callers of its peers. */
export class GrpcFront {
  readonly #parts: GrpcFrontParts
  readonly #metrics: GrpcMetrics
  readonly #server: GrpcServer
  readonly #health: HealthService
  readonly #threads: GrpcThread[] = []

  constructor(parts: GrpcFrontParts) {
    this.#parts = parts
    this.#metrics = new GrpcMetrics(parts.metrics)
    this.#server = this.#newServer()
    this.#health = registerServices(this.#server, parts.groups, parts.node, parts.polled, this.#metrics.calls)
  }

  /** Listens with the main thread, and returns the port. Throws as {@link GrpcServer.listen}. */
  listen(address: string): Promise<number> {
    return this.#server.listen(address)
  }

  /** Starts the threads that accept from the same port. The main thread is the first of them. */
  async startThreads(): Promise<void> {
    const { options, limits, newHandle, log } = this.#parts
    const { grpcThreads = 1, tls } = options
    const { descriptor } = this.#server
    const newSpec = () => ({ handle: newHandle(), descriptor, limits, tls })
    for (let i = 1; i < grpcThreads; i++) this.#threads.push(new GrpcThread({ newSpec, log }))
    await Promise.all(this.#threads.map((thread) => thread.start()))
  }

  /** A connection to the gRPC server of a peer. */
  newCaller(address: string): UnaryCaller {
    const { options, limits, tls, log } = this.#parts
    const { receiveBytesMax, sendBytesMax } = limits
    const callerLimits = { receiveBytesMax: sendBytesMax, sendBytesMax: receiveBytesMax }
    if (options.grpcEngine === 'grpc-js') {
      return new GrpcJsCaller(address, {
        ...callerLimits,
        ...(tls && { credentials: tls.channelCredentials() }),
      })
    }
    return new GrpcClient(address, {
      ...callerLimits,
      ...(tls && { scheme: 'https', connect: () => tls.connect(address) }),
      onFault: (error) => log.error({ error, address }, 'Fault of the peer client'),
    })
  }

  /** Ends one of the threads, as a fault would; they are counted from 0. */
  killThread(index: number): void {
    this.#threads[index]?.kill()
  }

  /** Tells health checks, takes no more calls, waits at most `graceMs` for those in flight, then ends them. */
  async shutdown(graceMs: number): Promise<void> {
    this.#health.shutdown()
    await Promise.all([this.#server, ...this.#threads].map((server) => server.shutdown(graceMs)))
  }

  #newServer(): GrpcServer {
    const { options, limits, groups, pin, tls, log } = this.#parts
    const credentials = tls?.serverCredentials() ?? ServerCredentials.createInsecure()
    if (options.grpcEngine === 'grpc-js') return new GrpcJsServer(limits, credentials)
    const server = newHotServer(
      {
        ...limits,
        credentials,
        pin,
        metrics: this.#metrics,
        onFault: (error: unknown) => log.error({ err: error }, 'Fault in the gRPC engine'),
      },
      groups,
    )
    tls?.watch((context) => server.setSecureContext(context))
    return server
  }
}
