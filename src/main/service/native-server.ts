import type { SecureContextOptions } from 'node:tls'
import type { ServerCredentials, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import { isSampled, isTracing } from '../../shared/tracing.js'
import type { HotHandler } from '../grpc/hot-shapes.js'
import { GrpcServer as Engine } from '../grpc/server.js'
import type { ServerMetrics } from '../grpc/server-metrics.js'
import type { GrpcServer, MessageLimits } from '../grpc-server.js'
import { listenError } from '../listen-error.js'
import { TRACE } from './trace.js'

export interface NativeServerOptions extends MessageLimits {
  readonly credentials: ServerCredentials
  /** Around the requests of one socket read. */
  readonly onReadStart: () => void
  readonly onReadEnd: () => void
  readonly onFault: (error: unknown) => void
  readonly metrics?: ServerMetrics
}

/** The node's own gRPC engine. */
export class NativeServer implements GrpcServer {
  readonly #engine: Engine
  readonly #credentials: ServerCredentials
  #port = 0

  constructor(options: NativeServerOptions) {
    this.#engine = new Engine(options)
    this.#credentials = options.credentials
  }

  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    this.#engine.addService(definition, implementation)
  }

  /** A method whose simple cases are answered from bytes to bytes; it must have been added as a service, too. */
  addHotMethod(path: string, handler: HotHandler): void {
    this.#engine.addHotMethod(path, handler, isOrdinary)
  }

  async listen(address: string): Promise<number> {
    try {
      this.#port = await this.#engine.bind(address, this.#credentials)
      return this.#port
    } catch (thrown) {
      throw listenError(address, thrown)
    }
  }

  /** Accepts from a socket that listens already, as other servers may do at the same time. */
  async accept(listening: object): Promise<void> {
    await this.#engine.bindTo(listening, this.#credentials)
  }

  /** File descriptor of the socket that is listened on; −1 when there is none. */
  get descriptor(): number {
    return this.#engine.descriptorOf(this.#port)
  }

  /** Exchanges the certificate, for new connections. */
  setSecureContext(options: SecureContextOptions): void {
    this.#engine.setSecureContext(options)
  }

  async shutdown(graceMs: number): Promise<void> {
    const force = setTimeout(() => this.#engine.forceShutdown(), graceMs)
    await new Promise<void>((resolve) => this.#engine.tryShutdown(() => resolve()))
    clearTimeout(force)
  }
}

/** Who asks where a value came from, or has a trace of which this call is to be a span, gets it from the ordinary handler. */
function isOrdinary(name: string, value: string): boolean {
  return name === TRACE || (name === 'traceparent' && isSampled(value) && isTracing())
}
