import { assert } from '../../shared/assert.js'

/**
 * Hashes and sizes of keys in the order in which they came, up to a fixed number of places.
 *
 *     ring    hashes, sizes    oldest → … → newest     size 0: taken back, a hole until an end of the ring has passed it
 *     table   hash → position in the ring + 1          open addressing, linear probing, at most half full
 *
 * All calls but {@link check} are O(1) amortised, over the holes that are passed.
 */
export class GhostRing {
  /** What one place costs. */
  static readonly BYTES_PER_PLACE = 4 * Int32Array.BYTES_PER_ELEMENT

  private readonly hashes: Int32Array
  private readonly sizes: Uint32Array
  private readonly table: Int32Array
  /** Running numbers; the place in the ring is the number modulo its length. */
  private oldest: number
  private end: number
  private countNow = 0
  private bytesNow = 0

  /** @param capacity a power of two */
  constructor(capacity: number) {
    this.hashes = new Int32Array(capacity)
    this.sizes = new Uint32Array(capacity)
    this.table = new Int32Array(2 * capacity)
    // There is room for older ones before the first.
    this.oldest = capacity
    this.end = capacity
  }

  get count(): number {
    return this.countNow
  }

  /** What the entries of the keys had together. */
  get bytes(): number {
    return this.bytesNow
  }

  /** No place is left, holes included. */
  get isFull(): boolean {
    return this.end - this.oldest === this.hashes.length
  }

  /** Adds a key that is not here, as the newest; not when {@link isFull}. */
  append(hash: number, sizeBytes: number): void {
    this.put(this.end++, hash, sizeBytes)
  }

  /** Adds a key that is not here, as the oldest; not when {@link isFull}. */
  prepend(hash: number, sizeBytes: number): void {
    this.put(--this.oldest, hash, sizeBytes)
  }

  /** Whether the key is here; forgets it. */
  take(hash: number): boolean {
    const at = this.find(hash | 0)
    if (this.table[at] === 0) return false
    this.forget(at)
    return true
  }

  /** There must be one. */
  forgetOldest(): void {
    this.forget(this.find(this.hashes[this.oldest & (this.hashes.length - 1)]!))
  }

  /** Moves the newest key to the old end of another ring. There must be one. */
  moveNewest(to: GhostRing): void {
    const position = (this.end - 1) & (this.hashes.length - 1)
    to.prepend(this.hashes[position]!, this.sizes[position]!)
    this.forget(this.find(this.hashes[position]!))
  }

  /** Compares ring, table and totals; O(n). */
  check(): void {
    let count = 0
    let bytes = 0
    for (let number = this.oldest; number < this.end; number++) {
      const position = number % this.sizes.length
      if (this.sizes[position] === 0) continue
      count++
      bytes += this.sizes[position]!
      assert(this.table[this.find(this.hashes[position]!)] === position + 1, 'A ghost cannot be found')
    }
    const foundCount = this.table.reduce((found, entry) => found + Math.sign(entry), 0)
    assert(count === this.countNow && count === foundCount, 'The ghosts are miscounted')
    assert(bytes === this.bytesNow, 'The bytes of the ghosts are wrong')
  }

  private put(number: number, hash: number, sizeBytes: number): void {
    const position = number & (this.hashes.length - 1)
    this.hashes[position] = hash
    this.sizes[position] = sizeBytes
    this.table[this.find(hash | 0)] = position + 1
    this.countNow++
    this.bytesNow += sizeBytes
  }

  private forget(at: number): void {
    const position = this.table[at]! - 1
    this.bytesNow -= this.sizes[position]!
    this.sizes[position] = 0
    this.countNow--
    this.vacate(at)
    this.passHoles()
  }

  private passHoles(): void {
    const mask = this.hashes.length - 1
    while (this.oldest < this.end && this.sizes[this.oldest & mask] === 0) this.oldest++
    while (this.oldest < this.end && this.sizes[(this.end - 1) & mask] === 0) this.end--
  }

  /** Where a hash is in the table or, when it is not there, would be. */
  private find(hash: number): number {
    const mask = this.table.length - 1
    let at = this.homeOf(hash)
    while (this.table[at] !== 0 && this.hashes[this.table[at]! - 1] !== hash) at = (at + 1) & mask
    return at
  }

  /** Fibonacci hashing: the upper bits of the product depend on all bits of the hash. */
  private homeOf(hash: number): number {
    return Math.imul(hash, 0x9e3779b1) >>> (Math.clz32(this.table.length) + 1)
  }

  /** Empties a place of the table and moves up whatever could not be found beyond the gap (Knuth 6.4, algorithm R). */
  private vacate(gap: number): void {
    const { table, hashes } = this
    const mask = table.length - 1
    for (let at = (gap + 1) & mask; table[at] !== 0; at = (at + 1) & mask) {
      const home = this.homeOf(hashes[table[at]! - 1]!)
      if (((at - home) & mask) < ((at - gap) & mask)) continue
      table[gap] = table[at]!
      gap = at
    }
    table[gap] = 0
  }
}
