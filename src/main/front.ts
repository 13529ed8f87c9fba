/** What a node listens with beside its gRPC server: one protocol on one address. */
export interface Front {
  /** The protocol, for people: `HTTP`, `RESP`. */
  readonly name: string
  /** HOST:PORT that is listened on, its port filled in once start() has resolved. */
  readonly address: string
  /**
   * Resolves when connections are accepted.
   *
   * @throws CacheError FAILED_PRECONDITION when the address is in use, none of this machine or not allowed
   */
  start(): Promise<void>
  /** Told that the node has taken its place in the ring, or is about to leave it. */
  setReady?(isReady: boolean): void
  /** Takes no more calls, waits at most `graceMs` for those in flight, then ends them. Never rejects. */
  shutdown(graceMs: number): Promise<void>
}
