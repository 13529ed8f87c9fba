/** So many deletions are worth a new Map, and as many as there are entries left to move into it. */
const DELETIONS_MIN = 16

/**
 * A Map of entries that come and go all the time, such that the garbage collector's young generation can deal with what
 * was in it.
 *
 * Every so many deletions V8 gives a Map a new table. The old one points to it, for iterators that are under way:
 *
 *     table 1 ──► table 2 ──► table 3 ──► …      once the first was promoted to the old generation, all are kept
 *
 * There it stays, dead or not, until the next collection of everything, and what it points to stays with it (nepotism; see
 * Jones, Hosking, Moss, "The Garbage Collection Handbook", section 9.6): the next table, the entries that were in it, and so
 * on, each promoted in its turn. Whatever was ever in a Map that was idle for a while is then copied twice and collected
 * late, at many times its cost. So here entries move to a Map of their own from time to time, to which no table points.
 */
export class TransientMap<K, V> {
  #entries = new Map<K, V>()
  /** Since there was a new Map. */
  #deletionCount = 0

  get size(): number {
    return this.#entries.size
  }

  has(key: K): boolean {
    return this.#entries.has(key)
  }

  get(key: K): V | undefined {
    return this.#entries.get(key)
  }

  set(key: K, value: V): void {
    this.#entries.set(key, value)
  }

  /** False when there is no such entry. */
  delete(key: K): boolean {
    if (!this.#entries.delete(key)) return false
    this.#deletionCount++
    this.#renew()
    return true
  }

  clear(): void {
    this.#entries = new Map()
    this.#deletionCount = 0
  }

  /** Those that are there now, the oldest first. */
  keys(): K[] {
    return [...this.#entries.keys()]
  }

  /** The same of the values. */
  values(): V[] {
    return [...this.#entries.values()]
  }

  /** Takes the oldest entries out, at most `countMax` of them; their keys. */
  take(countMax: number): K[] {
    const taken: K[] = []
    for (const key of this.#entries.keys()) {
      if (taken.length >= countMax) break
      this.#entries.delete(key)
      taken.push(key)
    }
    this.#deletionCount += taken.length
    this.#renew()
    return taken
  }

  #renew(): void {
    const { size } = this.#entries
    if (this.#deletionCount < DELETIONS_MIN || this.#deletionCount < size) return
    this.#entries = size === 0 ? new Map() : new Map(this.#entries)
    this.#deletionCount = 0
  }
}
