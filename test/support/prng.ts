/** A seeded source of numbers in [0, 1): Mulberry32. Tests print the seed with every failure. */
export function prng(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A seeded source of small integers. */
export class Prng {
  readonly #next: () => number

  constructor(seed: number) {
    this.#next = prng(seed)
  }

  /** A number in 0 … bound − 1. */
  below(bound: number): number {
    return Math.floor(this.#next() * bound)
  }
}

/** The seed of this run, printed: a new one every time, or the one in SEED. */
export function seedOf(): number {
  const seed = Number(process.env.SEED ?? Date.now() % 2 ** 31)
  process.stdout.write(`# seed ${seed} (SEED=${seed} runs it again)\n`)
  return seed
}
