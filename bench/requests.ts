import { Prng } from '../test/support/prng.js'

/** Bytes between two keys, as in a protocol: so keys begin anywhere. */
const GAP_BYTES = 3

const SEED = 1

/** Keys in the order in which they are asked for, as a socket brings them: one after the other in one buffer. */
export interface Requests {
  readonly bytes: Buffer
  readonly keyBytes: number
  readonly stepBytes: number
  readonly count: number
}

/** Key of an entry: 13 bytes. */
export function keyOf(index: number): string {
  return `user:${index.toString(16).padStart(8, '0')}`
}

/** Entries in random order, any of them any number of times: the same in every run. */
export function randomOrder(entryCount: number, count: number): Int32Array {
  const random = new Prng(SEED)
  return Int32Array.from({ length: count }, () => random.below(entryCount))
}

export function requestsFor(order: Int32Array): Requests {
  const keyBytes = keyOf(0).length
  const stepBytes = keyBytes + GAP_BYTES
  const bytes = Buffer.alloc(order.length * stepBytes)
  order.forEach((entry, index) => {
    bytes.write(keyOf(entry), index * stepBytes, 'latin1')
  })
  return { bytes, keyBytes, stepBytes, count: order.length }
}
