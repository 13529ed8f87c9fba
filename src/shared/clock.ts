/** Where time comes from. Injected everywhere, so that tests can step it. */
export interface Clock {
  /** Milliseconds on a clock that never goes back; its zero has no meaning. */
  nowMs(): number
}

/** The process-wide monotonic clock: the same zero in every thread of the process. */
export const systemClock: Clock = {
  // hrtime counts from a boot-time origin shared by all threads, unlike performance.now().
  nowMs: () => Number(process.hrtime.bigint() / 1_000_000n),
}
