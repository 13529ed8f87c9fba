import type { SocketUser, Transport } from '../../sockets/transport.js'

/** How long one may take to hang up: closing with bytes unread loses the last that it was told. */
const LINGER_MS = 1000

/** Who has leavers. */
export interface LeaverOwner {
  /** It hung up, or was cut off. May come twice. */
  onGone(leaver: Leaver): void
}

/**
 * A connection that was told to go: what it still sends is dropped, until it hangs up or its time is over. Nothing else is
 * kept of it: of those that flood there may be hundreds, for they come as fast as they are let go.
 */
export class Leaver implements SocketUser {
  owner: LeaverOwner | undefined
  readonly #transport: Transport
  readonly #sinceMs: number

  constructor(transport: Transport, nowMs: number) {
    this.#transport = transport
    this.#sinceMs = nowMs
  }

  receive(): void {}

  onDrained(): void {}

  onTransportClosed(): void {
    this.owner?.onGone(this)
  }

  /** To be called about every second. */
  tick(nowMs: number): void {
    if (nowMs - this.#sinceMs >= LINGER_MS) this.destroy()
  }

  destroy(): void {
    this.#transport.destroy()
    this.owner?.onGone(this)
  }
}
