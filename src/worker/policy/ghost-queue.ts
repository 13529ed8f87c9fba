import { assert } from '../../shared/assert.js'

const CAPACITY_MIN = 16

/**
 * The keys that went most recently, oldest first, without their values: what 2Q and S3-FIFO remember of evicted
 * entries. A key is its 32-bit hash; that two keys may share one costs a wrong guess and nothing more.
 *
 *     ring    hashes, sizes    oldest → … → newest     size 0: taken back, a hole until the oldest has passed it
 *     table   hash → position in the ring + 1          open addressing, linear probing, at most half full
 *
 * Both grow by doubling as keys come, and shrink when they are rebuilt; all calls are O(1) amortised.
 */
export class GhostQueue {
  /** What one key costs while the ring is full; between two doublings, up to twice that. */
  static readonly BYTES_PER_KEY = 4 * Int32Array.BYTES_PER_ELEMENT

  private readonly countMax: number
  private hashes = new Int32Array(CAPACITY_MIN)
  private sizes = new Uint32Array(CAPACITY_MIN)
  private table = new Int32Array(2 * CAPACITY_MIN)
  /** Running numbers; the place in the ring is the number modulo its length. */
  private oldest = 0
  private end = 0
  private count = 0
  private bytes = 0

  /** @param countMax at most so many keys are remembered, however small their entries were */
  constructor(countMax: number) {
    this.countMax = countMax
  }

  /** Remembers a key as the newest, and forgets the oldest when there are too many. */
  add(hash: number, sizeBytes: number): void {
    assert(sizeBytes > 0, 'An entry has a size')
    this.take(hash)
    if (this.count >= this.countMax) this.forgetOldest()
    if (this.end - this.oldest === this.hashes.length) this.rebuild()
    this.append(hash, sizeBytes)
  }

  /** Whether the key is remembered; forgets it. */
  take(hash: number): boolean {
    const at = this.find(hash | 0)
    if (this.table[at] === 0) return false
    this.forget(at)
    return true
  }

  /** Forgets the oldest keys until the entries of the others had no more than `bytesMax` together. */
  trim(bytesMax: number): void {
    while (this.bytes > bytesMax) this.forgetOldest()
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
    assert(count === this.count && count === foundCount, 'The ghosts are miscounted')
    assert(bytes === this.bytes, 'The bytes of the ghosts are wrong')
    assert(count <= Math.max(1, this.countMax), 'There are too many ghosts')
  }

  private append(hash: number, sizeBytes: number): void {
    const position = this.end++ & (this.hashes.length - 1)
    this.hashes[position] = hash
    this.sizes[position] = sizeBytes
    this.table[this.find(hash | 0)] = position + 1
    this.count++
    this.bytes += sizeBytes
  }

  private forgetOldest(): void {
    if (this.count === 0) return
    this.skipHoles()
    this.forget(this.find(this.hashes[this.oldest & (this.hashes.length - 1)]!))
  }

  private forget(at: number): void {
    const position = this.table[at]! - 1
    this.bytes -= this.sizes[position]!
    this.sizes[position] = 0
    this.count--
    this.vacate(at)
    this.skipHoles()
  }

  private skipHoles(): void {
    const mask = this.hashes.length - 1
    while (this.oldest < this.end && this.sizes[this.oldest & mask] === 0) this.oldest++
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

  /** Copies the keys, without the holes, into a ring that they half fill. */
  private rebuild(): void {
    const { hashes, sizes, oldest, end } = this
    const capacity = Math.max(CAPACITY_MIN, 2 ** Math.ceil(Math.log2(2 * this.count)))
    this.hashes = new Int32Array(capacity)
    this.sizes = new Uint32Array(capacity)
    this.table = new Int32Array(2 * capacity)
    this.oldest = 0
    this.end = 0
    this.count = 0
    this.bytes = 0
    for (let number = oldest; number < end; number++) {
      const position = number % sizes.length
      if (sizes[position] !== 0) this.append(hashes[position]!, sizes[position]!)
    }
  }
}
