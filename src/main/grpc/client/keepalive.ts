/** What is due on a connection: nothing, a PING, or its end. */
export type KeepaliveVerdict = 'none' | 'ping' | 'dead'

/**
 * Tells a silent connection from a dead one (gRPC proposal A8): a PING after silence while calls are in flight, then an
 * end. Silence is counted from the last byte read, and looked at when the connection ticks.
 */
export class Keepalive {
  private readonly timeMs: number
  private readonly timeoutMs: number
  private receivedAtMs: number
  private received = false
  private pingedAtMs = -1
  private stuckSinceMs = -1

  constructor(timeMs: number, timeoutMs: number, nowMs: number) {
    this.timeMs = timeMs
    this.timeoutMs = timeoutMs
    this.receivedAtMs = nowMs
  }

  /** Bytes came in. */
  noteReceived(): void {
    this.received = true
  }

  /** @param congested while the server does not take what it is sent: then nothing is read from it either */
  tick(nowMs: number, callsInFlight: boolean, congested: boolean): KeepaliveVerdict {
    if (this.received || !callsInFlight) {
      this.receivedAtMs = nowMs
      this.pingedAtMs = -1
    }
    this.received = false
    if (!congested) this.stuckSinceMs = -1
    else if (this.stuckSinceMs < 0) this.stuckSinceMs = nowMs
    if (congested) return nowMs - this.stuckSinceMs >= this.timeMs + this.timeoutMs ? 'dead' : 'none'
    if (this.pingedAtMs >= 0) return nowMs - this.pingedAtMs >= this.timeoutMs ? 'dead' : 'none'
    if (nowMs - this.receivedAtMs < this.timeMs) return 'none'
    this.pingedAtMs = nowMs
    return 'ping'
  }
}
