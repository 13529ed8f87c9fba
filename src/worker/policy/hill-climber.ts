/** The first step, and every step after the hit ratio has jumped, as a share of the capacity. */
const STEP_SHARE = 0.0625
/** Each further step in calm water is shorter by this factor. */
const STEP_DECAY = 0.98
/** A change of the hit ratio that says "another workload". */
const RESTART_RATIO = 0.05

/**
 * Finds the share of the cache that serves its hit ratio best, by trying: takes a step, looks at a sample of requests,
 * goes on while the hit ratio rises and turns round when it falls. Steps grow shorter, until the hit ratio jumps.
 * (Einziger, Eytan, Friedman, Manes, "Adaptive Software Cache Management", Middleware'18.)
 */
export class HillClimber {
  private hits = 0
  private misses = 0
  private previousRatio = 0
  private stepShare: number

  /** @param direction of the first step: 1 to grow, -1 to shrink */
  constructor(direction: 1 | -1) {
    this.stepShare = direction * STEP_SHARE
  }

  recordHit(): void {
    this.hits++
  }

  recordMiss(): void {
    this.misses++
  }

  /** The share to add, negative to take away; 0 while there are fewer than `sampleSize` requests. */
  climb(sampleSize: number): number {
    const requests = this.hits + this.misses
    if (requests < sampleSize) return 0
    const ratio = this.hits / requests
    const change = ratio - this.previousRatio
    const share = change >= 0 ? this.stepShare : -this.stepShare
    this.stepShare = Math.abs(change) >= RESTART_RATIO ? Math.sign(share) * STEP_SHARE : STEP_DECAY * share
    this.previousRatio = ratio
    this.hits = 0
    this.misses = 0
    return share
  }
}
