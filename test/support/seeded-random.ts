/** Random numbers that a seed repeats. */
export interface SeededRandom {
  /** A whole number, 0 <= n < `below`. */
  integer(below: number): number
  bytes(length: number): Buffer
}

/** xorshift32 (Marsaglia, "Xorshift RNGs", 2003). */
export function seededRandom(seed: number): SeededRandom {
  let state = seed | 0 || 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  return {
    integer: (below) => Math.floor((next() / 2 ** 32) * below),
    bytes(length) {
      const bytes = Buffer.alloc(length)
      for (let at = 0; at < length; at++) bytes[at] = next() >>> 24
      return bytes
    },
  }
}
