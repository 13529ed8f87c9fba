import type { DropCause } from '../../shared/node-metrics.js'
import type { RespLimits } from './limits.js'
import type { Session } from './session.js'

/** How a connection stands, as far as it can try a node's patience. */
export interface Standing {
  readonly session: Session
  /** Replies that the kernel did not take. */
  readonly unsentBytes: number
  /** All is answered; the client should have closed its end. */
  readonly isEnded: boolean
  /** The beginning of a request is there, and the rest is waited for. */
  readonly isHalf: boolean
  /** Requests that wait for their values. */
  readonly waitingCount: number
}

/** Watches over the times that one connection may take. */
export class Patience {
  readonly #limits: RespLimits
  #requestSinceMs: number
  #stuckSinceMs = 0
  /** The most that was stuck since then; 0 while nothing is. */
  #stuckBytes = 0

  constructor(limits: RespLimits, nowMs: number) {
    this.#limits = limits
    this.#requestSinceMs = nowMs
  }

  /** The client has read everything. */
  onDrained(): void {
    this.#stuckBytes = 0
  }

  /** Why the connection is to be dropped; undefined while it may stay. To be asked every now and then. */
  verdict(nowMs: number, standing: Standing): readonly [cause: DropCause, why: string] | undefined {
    const { requestTimeoutMs, idleTimeoutMs, writeStallTimeoutMs } = this.#limits
    const { session, unsentBytes, isEnded, isHalf } = standing
    if (unsentBytes > 0)
      return this.#isStuck(nowMs, unsentBytes) ? ['slow', 'it does not read its replies'] : undefined
    this.#stuckBytes = 0
    if (isEnded)
      return nowMs - session.lastMs > writeStallTimeoutMs ? ['slow', 'it does not close'] : undefined
    if (!isHalf) this.#requestSinceMs = nowMs
    if (isHalf && nowMs - this.#requestSinceMs > requestTimeoutMs)
      return ['unfinished', 'a request took too long to come']
    if (!session.isAuthenticated && nowMs - session.createdMs > requestTimeoutMs)
      return ['stranger', 'it did not authenticate']
    return nowMs - session.lastMs > idleTimeoutMs && mayIdleOut(standing)
      ? ['idle', 'it was idle']
      : undefined
  }

  #isStuck(nowMs: number, unsentBytes: number): boolean {
    const { writeStallTimeoutMs, readBytesPerSecondMin } = this.#limits
    if (this.#stuckBytes === 0) this.#stuckSinceMs = nowMs
    this.#stuckBytes = Math.max(this.#stuckBytes, unsentBytes)
    return (
      nowMs - this.#stuckSinceMs > writeStallTimeoutMs + (this.#stuckBytes * 1000) / readBytesPerSecondMin
    )
  }
}

/** Who listens may be silent for as long as it likes. */
function mayIdleOut({ session: { channels, tracking }, waitingCount }: Standing): boolean {
  return channels.size === 0 && !tracking && waitingCount === 0
}
