import { prng } from '../../test/support/prng.js'

const SEED = 1

/** Sizes of values in bytes, by a number in [0, 1) that is drawn for each, and another one. */
const SIZES = {
  '100 B': () => 100,
  '16 B to 16 KiB, evenly by magnitude': (random: () => number) => Math.round(2 ** (4 + 10 * random())),
  'lognormal, median 230 B': (random: () => number) => {
    // Box and Muller, "A note on the generation of random normal deviates", 1958.
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return Math.min(64 * 1024, Math.max(1, Math.round(230 * Math.exp(1.2 * normal))))
  },
} as const

export type SizesName = keyof typeof SIZES

export const SIZES_NAMES = Object.keys(SIZES) as SizesName[]

/** Keys and sizes of values to be written, one after the other: the same for every cache. */
export function* entriesOf(
  sizes: SizesName,
  bytesTotal: number,
): Generator<{ key: string; sizeBytes: number }> {
  const random = prng(SEED)
  let written = 0
  for (let index = 0; written < bytesTotal; index++) {
    const entry = { key: `user:${index}`, sizeBytes: SIZES[sizes](random) }
    written += entry.key.length + entry.sizeBytes
    yield entry
  }
}
