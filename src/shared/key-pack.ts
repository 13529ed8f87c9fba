/** Keys in one piece, cheap to send to another thread: one behind the other, and where each of them ends. */
export interface KeyPack {
  readonly bytes: Uint8Array
  readonly ends: Uint32Array
}

/** Copies the keys. */
export function packKeys(keys: readonly Uint8Array[]): KeyPack {
  const ends = new Uint32Array(keys.length)
  let end = 0
  keys.forEach((key, index) => {
    end += key.length
    ends[index] = end
  })
  const bytes = new Uint8Array(end)
  keys.forEach((key, index) => {
    bytes.set(key, ends[index]! - key.length)
  })
  return { bytes, ends }
}

/** Views of the keys. */
export function unpackKeys({ bytes, ends }: KeyPack): Uint8Array[] {
  return Array.from(ends, (end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end))
}
