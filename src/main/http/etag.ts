const P1 = 0x9e3779b1
const P2 = 0x85ebca77
const P3 = 0xc2b2ae3d
const P4 = 0x27d4eb2f

/**
 * The entity tag of a value: strong (RFC 9110 §8.8.1), for it is made of all of the bytes, so every node and thread has
 * the same one for the same value. 64 bits of four lanes as in xxHash32 (Collet, "xxHash fast digest algorithm", 2014),
 * each mixed twice, and the length. It guards against chance, not against who chooses values to collide: whoever can do
 * that can as well store what he likes.
 */
export function etagOf(value: Uint8Array): string {
  const length = value.length
  const words = length >> 2
  let [a, b, c, d] = [P1 + P2, P2, 0, -P1]
  const step = words - (words & 3)
  const wide = wordsOf(value, words)
  for (let i = 0; i < step; i += 4) {
    a = lane(a, wide[i]!)
    b = lane(b, wide[i + 1]!)
    c = lane(c, wide[i + 2]!)
    d = lane(d, wide[i + 3]!)
  }
  for (let i = step; i < words; i++) a = lane(a, wide[i]!)
  for (let i = words * 4; i < length; i++) b = lane(b, value[i]!)
  const low = mix(mix(mix(mix(length, a), b), c), d)
  const high = mix(mix(mix(mix(~length, d), c), b), a)
  return `"${hex(high)}${hex(low)}"`
}

/** The value as little-endian words, where it lies if it is aligned. */
function wordsOf(value: Uint8Array, words: number): Int32Array {
  if ((value.byteOffset & 3) === 0) return new Int32Array(value.buffer, value.byteOffset, words)
  const copy = new Uint8Array(words * 4)
  copy.set(value.subarray(0, words * 4))
  return new Int32Array(copy.buffer)
}

function lane(state: number, word: number): number {
  const sum = (state + Math.imul(word, P2)) | 0
  return Math.imul((sum << 13) | (sum >>> 19), P1)
}

function mix(hash: number, state: number): number {
  let mixed = Math.imul(hash ^ state ^ (state >>> 15), P3)
  mixed = Math.imul(mixed ^ (mixed >>> 13), P4)
  return (mixed ^ (mixed >>> 16)) | 0
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
