import { FloodError } from './errors.js'

/** Allows bursts, and a steady rate for ever. */
class TokenBucket {
  private tokens: number
  private readonly burst: number
  private readonly perSecond: number

  constructor(burst: number, perSecond: number) {
    this.burst = burst
    this.perSecond = perSecond
    this.tokens = burst
  }

  spend(cost: number): boolean {
    this.tokens -= cost
    return this.tokens >= 0
  }

  give(amount: number): void {
    this.tokens = Math.min(this.burst, this.tokens + amount)
  }

  refill(elapsedMs: number): void {
    this.give((elapsedMs / 1000) * this.perSecond)
  }
}

/** When to lose patience with a peer. */
export interface FloodLimits {
  /** Violations answered by RST_STREAM: so many at once, and so many each second (CVE-2025-8671). */
  readonly violationsBurst: number
  readonly violationsPerSecond: number
  /** Frames that move nothing forward: SETTINGS, PRIORITY, empty or tiny DATA, unknown types (CVE-2019-9515, -9518). */
  readonly idleFramesBurst: number
  readonly idleFramesPerSecond: number
  /**
   * Of so many streams opened, more than half reset within a second of opening ends the connection, or a quarter if they
   * were worked at (CVE-2023-44487).
   */
  readonly resetSampleStreams: number
  /** Shortest time between PINGs while nothing is sent to the peer; and without open streams. ms */
  readonly pingIntervalMinMs: number
  readonly pingIntervalIdleMinMs: number
}

/** PINGs too early that are forgiven (gRPC proposal A8). */
const PING_STRIKES_MAX = 2
/** What a request allows beside itself: clients probe bandwidth and return credit around each. */
const IDLE_FRAMES_PER_REQUEST = 6
const YOUNG_STREAM_MS = 1000
/** What the reset of a request that was worked at counts, beside one that was not. */
const BEGUN_RESET_COST = 2

/** Counts what costs us more than it costs the peer, and ends the connection when that is all it does. */
export class FloodGuard {
  private readonly limits: FloodLimits
  private readonly violations: TokenBucket
  private readonly idleFrames: TokenBucket
  private opened = 0
  private resetYoung = 0
  private pingStrikes = 0
  private pingedAtMs = Number.NEGATIVE_INFINITY
  private sentSincePing = true

  constructor(limits: FloodLimits) {
    this.limits = limits
    this.violations = new TokenBucket(limits.violationsBurst, limits.violationsPerSecond)
    this.idleFrames = new TokenBucket(limits.idleFramesBurst, limits.idleFramesPerSecond)
  }

  refill(elapsedMs: number): void {
    this.violations.refill(elapsedMs)
    this.idleFrames.refill(elapsedMs)
  }

  /** We answer a violation with RST_STREAM. */
  violation(): void {
    if (!this.violations.spend(1)) throw new FloodError('too many protocol violations')
  }

  /** @param cost 1 for a frame that moves nothing, less for one that moves little */
  idleFrame(cost = 1): void {
    if (!this.idleFrames.spend(cost)) throw new FloodError('too many idle frames')
  }

  streamOpened(): void {
    this.idleFrames.give(IDLE_FRAMES_PER_REQUEST)
    if (++this.opened < this.limits.resetSampleStreams) return
    this.opened = 0
    this.resetYoung = 0
  }

  /**
   * The peer reset a stream that was still active.
   *
   * @param hasBegun its request was worked at already: that is what such an attack is for
   */
  streamReset(ageMs: number, hasBegun: boolean): void {
    if (ageMs >= YOUNG_STREAM_MS) return
    this.resetYoung += hasBegun ? BEGUN_RESET_COST : 1
    if (this.resetYoung * 2 > this.limits.resetSampleStreams) {
      throw new FloodError('too many streams reset')
    }
  }

  /** HEADERS or DATA went out: PINGs that follow are answers to it, such as bandwidth probes. */
  sent(): void {
    this.sentSincePing = true
  }

  pingReceived(nowMs: number, openStreams: number): void {
    if (this.sentSincePing) {
      this.sentSincePing = false
      this.pingStrikes = 0
      this.pingedAtMs = nowMs
      return
    }
    const intervalMs = openStreams > 0 ? this.limits.pingIntervalMinMs : this.limits.pingIntervalIdleMinMs
    if (this.pingedAtMs + intervalMs > nowMs) this.pingStrikes++
    this.pingedAtMs = nowMs
    if (this.pingStrikes > PING_STRIKES_MAX) throw new FloodError('too_many_pings')
  }
}
