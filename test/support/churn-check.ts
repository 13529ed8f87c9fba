import { CacheError } from '../../src/shared/errors.js'
import { type ChurnSpec, CODES_ALLOWED, isUnknown } from './churn-spec.js'
import { tortureKey, tortureVersion } from './torture-value.js'

/** Compares what one thread sees of the keys with the model, and throws at the first disagreement. */
export class ChurnCheck {
  readonly #versions: Int32Array
  readonly #floors: Int32Array
  readonly #seen: Int32Array

  constructor({ versions, floors, keyCount }: ChurnSpec) {
    this.#versions = new Int32Array(versions)
    this.#floors = new Int32Array(floors)
    this.#seen = new Int32Array(keyCount)
  }

  /** A look that sends no message. True for a hit. */
  peek(key: number, look: (key: Uint8Array) => Uint8Array | undefined): boolean {
    const floor = Atomics.load(this.#floors, key)
    const value = look(tortureKey(key))
    if (value !== undefined) this.#compare(key, floor, value)
    return value !== undefined
  }

  /** A call that may load. False when the node could not answer, as it may. */
  async get(key: number, call: (key: Uint8Array) => Promise<Uint8Array>): Promise<boolean> {
    const floor = Atomics.load(this.#floors, key)
    try {
      this.#compare(key, floor, await call(tortureKey(key)))
      return true
    } catch (thrown) {
      if (!(thrown instanceof CacheError)) throw thrown
      if (thrown.code === 'NOT_FOUND' && isUnknown(key)) return true
      if (!CODES_ALLOWED.includes(thrown.code)) throw thrown
      return false
    }
  }

  #compare(key: number, floor: number, value: Uint8Array): void {
    if (isUnknown(key)) throw new Error(`Key ${key} has a value, and the source has none`)
    const version = tortureVersion(key, Buffer.from(value))
    const newest = Atomics.load(this.#versions, key)
    if (version < floor) throw new Error(`Key ${key}: version ${version}, of which ${floor - 1} was deleted`)
    if (version > newest) throw new Error(`Key ${key}: version ${version}, the source is at ${newest}`)
    if (version < this.#seen[key]!) throw new Error(`Key ${key}: version ${version} after ${this.#seen[key]}`)
    this.#seen[key] = version
  }
}
