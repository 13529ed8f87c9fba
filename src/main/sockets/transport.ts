/** The connection above a socket, as far as the socket is concerned. */
export interface SocketUser {
  receive(chunk: Buffer): void
  onDrained(): void
  onTransportClosed(): void
  /** The other side will send no more; sockets that allow to be half open tell it. */
  onEnded?(): void
}

/** The byte stream below a connection: a socket, or what a test puts in its place. */
export interface Transport {
  /** Writes bytes[0, lengthBytes) and gives the buffer back to the pool afterwards. */
  send(bytes: Buffer, lengthBytes: number): void
  /** Bytes sent that the kernel has not taken yet. When they fell to nothing, the connection's onDrained() is called. */
  readonly unsentBytes: number
  pauseReading(): void
  resumeReading(): void
  /** Sends what is left, then the end. The peer's bytes are still read, and dropped, until it ends too. */
  end(): void
  destroy(): void
  /** From now on another user has the connection. */
  handOver(user: SocketUser): void
}

/** Runs a function after the current callback and everything it queued: process.nextTick, or a test's own. */
export type Defer = (run: () => void) => void
