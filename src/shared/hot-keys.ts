import type { HotKey } from './operation.js'
import { TransientMap } from './transient-map.js'

/** Keys that are counted at a time. */
const COUNTER_COUNT = 256

/** Hits that were halved more often than this are none. */
const HALVINGS_MAX = 60

/**
 * The most frequent keys of a stream, by Space-Saving (Metwally, Agrawal and El Abbadi, "Efficient Computation of Frequent
 * and Top-k Elements in Data Streams", ICDT 2005): a fixed number of counters; a key that has none takes over the
 * smallest, with its count as the error. Every key with more than a 256th of all hits is among them.
 *
 * Counters go by hash: of two keys with one hash, the first gives its name to both. The bytes of a key that takes over
 * a counter are kept from its second hit on, so that the many keys that come once cost no allocation.
 */
export class HotKeys {
  readonly #counterOf = new TransientMap<number, number>()
  readonly #hashes = new Int32Array(COUNTER_COUNT)
  readonly #hits = new Float64Array(COUNTER_COUNT)
  readonly #over = new Float64Array(COUNTER_COUNT)
  readonly #keys: (Uint8Array | undefined)[] = new Array(COUNTER_COUNT)
  /** The smallest count, once all counters are taken, and where the search for it goes on. */
  #least = 0
  #cursor = 0
  readonly #halfLifeMs: number
  #halvedMs: number

  /** @param halfLifeMs after this long, all counts are halved */
  constructor(nowMs: number, halfLifeMs: number) {
    this.#halfLifeMs = halfLifeMs
    this.#halvedMs = nowMs
  }

  /** Counts a hit of the key `bytes[start…end)`. O(1), amortised. */
  note(hash: number, bytes: Uint8Array, start: number, end: number): void {
    const counter = this.#counterOf.get(hash)
    if (counter !== undefined) {
      this.#hits[counter]! += 1
      this.#keys[counter] ??= bytes.slice(start, end)
    } else if (this.#counterOf.size < COUNTER_COUNT) {
      const unused = this.#counterOf.size
      this.#keys[unused] = bytes.slice(start, end)
      this.#assign(unused, hash, 0)
    } else {
      const smallest = this.#smallest()
      this.#counterOf.delete(this.#hashes[smallest]!)
      this.#keys[smallest] = undefined
      this.#assign(smallest, hash, this.#least)
    }
  }

  /** Lets old hits fade. To be called now and then. */
  age(nowMs: number): void {
    const halvings = Math.floor((nowMs - this.#halvedMs) / this.#halfLifeMs)
    if (halvings < 1) return
    this.#halvedMs = nowMs
    const rest = 2 ** -Math.min(halvings, HALVINGS_MAX)
    for (let counter = 0; counter < COUNTER_COUNT; counter++) {
      this.#hits[counter]! *= rest
      this.#over[counter]! *= rest
    }
    this.#least *= rest
  }

  /** At most `countMax` keys, the most frequent first. */
  list(countMax: number): HotKey[] {
    const found: HotKey[] = []
    for (const counter of this.#counterOf.values()) {
      const [key, hits] = [this.#keys[counter], this.#hits[counter]!]
      if (key && hits >= 1) found.push({ key, hits, hitsOverMax: this.#over[counter]! })
    }
    return found.sort((one, other) => other.hits - one.hits).slice(0, countMax)
  }

  /** Estimated hits of a key; undefined when it is not among those that are counted. */
  hitsOf(hash: number): number | undefined {
    const counter = this.#counterOf.get(hash)
    return counter === undefined ? undefined : this.#hits[counter]
  }

  /** Hits of a key that are certain, the error of its estimate taken off. */
  certainHitsOf(hash: number): number {
    const counter = this.#counterOf.get(hash)
    return counter === undefined ? 0 : this.#hits[counter]! - this.#over[counter]!
  }

  #assign(counter: number, hash: number, over: number): void {
    this.#counterOf.set(hash, counter)
    this.#hashes[counter] = hash
    this.#over[counter] = over
    this.#hits[counter] = over + 1
  }

  /** A counter with the smallest count. Counts only grow, so the cursor passes each smallest count once. */
  #smallest(): number {
    for (let steps = 0; steps < COUNTER_COUNT; steps++) {
      const counter = this.#cursor
      this.#cursor = (counter + 1) % COUNTER_COUNT
      if (this.#hits[counter] === this.#least) return counter
    }
    this.#least = this.#hits.reduce((least, hits) => Math.min(least, hits))
    return this.#hits.indexOf(this.#least)
  }
}
