import type { CallOptions } from './call.js'

/** How a unary call ended: by the server's word, or here. */
export interface UnaryReply {
  /** A gRPC status, 0 for OK (grpc/doc/statuscodes.md). */
  readonly status: number
  /** What the status says to people; empty for OK. */
  readonly message: string
  /** The answer; empty unless the status is 0. May be a view of a larger buffer: copy what is to be kept. */
  readonly body: Uint8Array
  /** Names and values in turn, as they came. */
  readonly trailers: readonly string[]
}

/**
 * A connection to one server that carries unary calls from bytes to bytes, whoever implements it. Calls fail fast: while
 * the server is known to be away they end with UNAVAILABLE at once.
 */
export interface UnaryCaller {
  /** HOST:PORT. */
  readonly address: string
  /** True while a connection stands. */
  readonly connected: boolean
  /**
   * Never rejects for anything that happens to the call: that is its status. The request must not change until the call
   * has ended.
   *
   * @param path `/package.Service/Method`
   */
  call(path: string, request: Uint8Array, options: CallOptions): Promise<UnaryReply>
  /** Ends the connection. Calls in flight, and all later ones, end with UNAVAILABLE. */
  close(): void
}
