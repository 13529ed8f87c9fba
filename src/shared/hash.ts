/** The two halves of a hash key, drawn at random when a node starts. */
export interface HashSeed {
  readonly k0: number
  readonly k1: number
}

/**
 * HalfSipHash-1-3 of a byte range: a 32-bit keyed hash. Keys come from the network, and a hash that can be foreseen
 * lets an attacker put all keys into one chain; this one needs the seed. (Aumasson and Bernstein, "SipHash: a fast
 * short-input PRF", 2012; the 32-bit variant and the 1-3 rounds are those that Linux uses for its hash tables.)
 *
 * @returns a signed 32-bit integer
 */
export function hashBytes(bytes: Uint8Array, start: number, end: number, seed: HashSeed): number {
  let v0 = seed.k0
  let v1 = seed.k1
  let v2 = 0x6c796765 ^ seed.k0
  let v3 = 0x74656462 ^ seed.k1
  const length = end - start
  const wordsEnd = start + (length & ~3)
  let at = start
  let word = 0
  for (;;) {
    const last = at === wordsEnd
    if (last) {
      word = length << 24
      if ((length & 3) > 2) word |= bytes[at + 2]! << 16
      if ((length & 3) > 1) word |= bytes[at + 1]! << 8
      if ((length & 3) > 0) word |= bytes[at]!
    } else {
      word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    }
    v3 ^= word
    // One round; the three final ones follow the last word.
    for (let rounds = last ? 4 : 1; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      if (last && rounds === 4) {
        v0 ^= word
        v2 ^= 0xff
      }
    }
    if (last) return v1 ^ v3
    v0 ^= word
    at += 4
  }
}

/** Which of `shardCount` shards owns a hash: its upper bits, which the index of a shard does not use. */
export function shardOf(hash: number, shardCount: number): number {
  return Math.floor(((hash >>> 0) * shardCount) / 0x1_0000_0000)
}
