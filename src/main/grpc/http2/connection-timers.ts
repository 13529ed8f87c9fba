import type { ConnectionLimits } from './limits.js'

/** What the timers look at. */
export interface TimedConnection {
  readonly prefaceDone: boolean
  /** When a header block began that has not ended, or −1. */
  readonly headerStartedAtMs: number
  /** Identifies the frame of which a part came and the rest did not; 0 when there is none. */
  readonly partialFrame: number
  /** Since when output is stuck, or −1. */
  readonly stuckSinceMs: number
  readonly openStreams: number
}

/** What is due: nothing, a PING, or the end of the connection, gracefully for idle and age. */
export type TimerVerdict = 'none' | 'ping' | 'idle' | 'age' | 'preface' | 'header' | 'stall' | 'keepalive'

/** Spreads the ages of connections that began together by ±10 % (gRPC proposal A9). */
const AGE_JITTER = 0.1

/** The times of one connection, looked at once per tick of the server: no timer of its own. */
export class ConnectionTimers {
  private readonly limits: ConnectionLimits
  private readonly startedAtMs: number
  private readonly ageMaxMs: number
  private receivedAtMs: number
  private idleSinceMs: number
  private partialFrame = 0
  private partialSinceMs = 0
  private pingedAtMs = -1
  private received = false
  private used = false

  /** @param random in [0, 1): where in its jitter the age of this connection lies */
  constructor(limits: ConnectionLimits, nowMs: number, random: number) {
    this.limits = limits
    this.startedAtMs = nowMs
    this.receivedAtMs = nowMs
    this.idleSinceMs = nowMs
    this.ageMaxMs = limits.ageMaxMs * (1 + AGE_JITTER * (2 * random - 1))
  }

  /** Bytes came in. */
  noteReceived(): void {
    this.received = true
  }

  /** A stream was opened. */
  noteUsed(): void {
    this.used = true
  }

  tick(nowMs: number, connection: TimedConnection): TimerVerdict {
    if (this.received) {
      this.receivedAtMs = nowMs
      this.pingedAtMs = -1
    }
    this.received = false
    if (this.used || connection.openStreams > 0) this.idleSinceMs = nowMs
    this.used = false
    const overdue = this.overdue(nowMs, connection)
    if (overdue !== 'none') return overdue
    return this.keepalive(nowMs)
  }

  private overdue(nowMs: number, connection: TimedConnection): TimerVerdict {
    const limits = this.limits
    if (!connection.prefaceDone)
      return nowMs - this.startedAtMs >= limits.prefaceTimeoutMs ? 'preface' : 'none'
    if (connection.stuckSinceMs >= 0) {
      // What the socket does not take is not read from either: the other times would run for lack of reading.
      return nowMs - connection.stuckSinceMs >= limits.writeStallTimeoutMs ? 'stall' : 'none'
    }
    const headerSinceMs = connection.headerStartedAtMs
    if (headerSinceMs >= 0 && nowMs - headerSinceMs >= limits.headerTimeoutMs) return 'header'
    if (connection.partialFrame !== this.partialFrame) {
      this.partialFrame = connection.partialFrame
      this.partialSinceMs = nowMs
    }
    if (this.partialFrame !== 0 && nowMs - this.partialSinceMs >= limits.headerTimeoutMs) return 'header'
    if (nowMs - this.idleSinceMs >= limits.idleTimeoutMs) return 'idle'
    return nowMs - this.startedAtMs >= this.ageMaxMs ? 'age' : 'none'
  }

  private keepalive(nowMs: number): TimerVerdict {
    if (this.pingedAtMs >= 0) {
      return nowMs - this.pingedAtMs >= this.limits.keepaliveTimeoutMs ? 'keepalive' : 'none'
    }
    if (nowMs - this.receivedAtMs < this.limits.keepaliveTimeMs) return 'none'
    this.pingedAtMs = nowMs
    return 'ping'
  }
}
