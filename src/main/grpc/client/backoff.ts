const FACTOR = 1.6
const JITTER = 0.2
const FIRST_PAUSE_MS = 100

/** Pauses between attempts to connect: growing by 1.6, ±20 % (gRPC, doc/connection-backoff.md), up to a low limit. */
export class Backoff {
  private readonly pauseMsMax: number
  private readonly random: () => number
  private pauseMs: number

  /** @param random in [0, 1) */
  constructor(pauseMsMax: number, random: () => number) {
    this.pauseMsMax = pauseMsMax
    this.random = random
    this.pauseMs = Math.min(FIRST_PAUSE_MS, pauseMsMax)
  }

  /** Milliseconds to wait after one more failure. */
  next(): number {
    const { pauseMs } = this
    this.pauseMs = Math.min(pauseMs * FACTOR, this.pauseMsMax)
    return pauseMs * (1 + JITTER * (2 * this.random() - 1))
  }

  /** An attempt succeeded. */
  reset(): void {
    this.pauseMs = Math.min(FIRST_PAUSE_MS, this.pauseMsMax)
  }
}
