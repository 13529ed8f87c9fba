import {
  Server,
  ServerCredentials,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from '@grpc/grpc-js'
import type { GrpcServer, MessageLimits } from '../grpc-server.js'
import { listenError } from '../listen-error.js'

/** Calls that one connection may have in flight; more wait at the client. */
const CONCURRENT_STREAMS_MAX = 1024

/** The server of `@grpc/grpc-js`: slower than the engine of our own, and the yardstick for it. Plain text. */
export class GrpcJsServer implements GrpcServer {
  readonly descriptor = -1
  readonly #server: Server
  readonly #credentials: ServerCredentials
  /** What is listened on, as grpc-js names it. */
  #target: string | undefined

  constructor(limits: MessageLimits, credentials = ServerCredentials.createInsecure()) {
    this.#credentials = credentials
    this.#server = new Server({
      'grpc.max_receive_message_length': limits.receiveBytesMax,
      'grpc.max_send_message_length': limits.sendBytesMax,
      'grpc.max_concurrent_streams': CONCURRENT_STREAMS_MAX,
      'grpc.enable_channelz': 0,
    })
  }

  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    this.#server.addService(definition, implementation)
  }

  listen(address: string): Promise<number> {
    return new Promise((resolve, reject) => {
      // The scheme keeps an address from being read as unix:… or another kind of target.
      const target = `dns:${address}`
      const bound = (error: Error | null, port: number): void => {
        if (error !== null) {
          reject(listenError(address, error))
          return
        }
        this.#target = target.replace(/:0$/, `:${port}`)
        resolve(port)
      }
      try {
        this.#server.bindAsync(target, this.#credentials, bound)
      } catch (thrown) {
        reject(listenError(address, thrown))
      }
    })
  }

  async shutdown(graceMs: number): Promise<void> {
    // drain() ends connections after the grace; forceShutdown() knows of none when channelz is off. It must come first:
    // it does not see the connections that tryShutdown() has begun to close.
    if (this.#target !== undefined) this.#server.drain(this.#target, graceMs)
    await new Promise<void>((resolve) => {
      this.#server.tryShutdown(() => resolve())
    })
  }
}
