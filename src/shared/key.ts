import { CacheError } from './errors.js'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A key as the API takes it: text is encoded as UTF-8, bytes are taken as they are. */
export type Key = string | Uint8Array

/** The bytes of a key. */
export function encodeKey(key: Key): Uint8Array {
  if (typeof key === 'string') return encoder.encode(key)
  if (key instanceof Uint8Array) return key
  throw new CacheError('INVALID_ARGUMENT', `A key is a string or a Uint8Array, not ${typeof key}`)
}

/** The text of a key, bytes that are no UTF-8 replaced. */
export function decodeKey(key: Uint8Array): string {
  return decoder.decode(key)
}

/** Keys up to here become strings fastest as the arguments of a call; it must not be too many for the stack. */
const ARGUMENTS_MAX = 256

/** One character per byte: a Map key that is equal exactly when the bytes are. */
export function binaryKey(key: Uint8Array): string {
  // A Buffer needs the array's memory moved out of the heap first, which costs ten times as much as a short key.
  if (key.length <= ARGUMENTS_MAX) return String.fromCharCode.apply(null, key as unknown as number[])
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString('latin1')
}

/** @throws CacheError INVALID_ARGUMENT for an empty key and for one over the limit */
export function assertKeyLength(lengthBytes: number, maxBytes: number): void {
  if (lengthBytes === 0) throw new CacheError('INVALID_ARGUMENT', 'The key is empty')
  if (lengthBytes > maxBytes) {
    throw new CacheError('INVALID_ARGUMENT', `The key has ${lengthBytes} bytes, the limit is ${maxBytes}`)
  }
}
