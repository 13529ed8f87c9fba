import { prng } from './prng.js'
import { StoreFixture } from './store-fixture.js'

export interface ChurnOptions {
  readonly seed: number
  readonly operations: number
  readonly budgetBytes: number
  readonly policy: 'lru' | 'fifo'
  /** Sizes of values: evenly spread over their logarithm. */
  readonly sizeBytesMin: number
  readonly sizeBytesMax: number
}

export interface ChurnReport {
  /** Least part of the budget that held keys and values, once the store had filled. */
  readonly payloadShareMin: number
  readonly entries: number
}

const SAMPLES = 50

/** Puts values of very different sizes under random keys, and measures how much of the memory holds payload. */
export function churnStore(options: ChurnOptions): ChurnReport {
  const { operations, budgetBytes, sizeBytesMin, sizeBytesMax } = options
  const random = prng(options.seed)
  const store = new StoreFixture(budgetBytes, options.policy)
  const noise = Buffer.alloc(sizeBytesMax, 'noise')
  // Twice as many keys as fit, so that half of the puts replace.
  const span = Math.log(sizeBytesMax / sizeBytesMin)
  const meanBytes = (sizeBytesMax - sizeBytesMin) / span
  const keyCount = Math.ceil((2 * budgetBytes) / meanBytes)
  const sizes = new Map<number, number>()
  let written = 0
  let payloadShareMin = 1
  for (let operation = 1; operation <= operations; operation++) {
    const key = Math.floor(random() * keyCount)
    const sizeBytes = Math.round(sizeBytesMin * Math.exp(random() * span))
    if (store.put(`key${key}`, noise.subarray(0, sizeBytes)) === 'stored') sizes.set(key, sizeBytes)
    else sizes.delete(key)
    written += sizeBytes
    if (random() < 0.02) store.remove(`key${Math.floor(random() * keyCount)}`)
    if (operation % Math.ceil(operations / SAMPLES) === 0 && written > 3 * budgetBytes)
      payloadShareMin = Math.min(payloadShareMin, payloadBytes(store, sizes) / budgetBytes)
  }
  store.writer.check()
  return { payloadShareMin, entries: store.writer.count }
}

/** Bytes of keys and values that can be read. */
function payloadBytes(store: StoreFixture, sizes: ReadonlyMap<number, number>): number {
  let bytes = 0
  for (const [key, sizeBytes] of sizes) {
    const name = `key${key}`
    const value = store.read(name)
    if (value === undefined) continue
    if (value?.length !== sizeBytes) throw new Error(`${name} has ${value?.length} bytes, not ${sizeBytes}`)
    bytes += name.length + sizeBytes
  }
  return bytes
}
