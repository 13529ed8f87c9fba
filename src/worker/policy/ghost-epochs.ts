import { assert } from '../../shared/assert.js'

/** Stamps are used in turn, from 1 to here; 0 is no stamp. */
const STAMP_COUNT = 1023
/** So many epochs are remembered at most: no stamp comes again before nearly three times as many have passed. */
const EPOCH_COUNT_MAX = 256
/** An epoch takes this part of the ghosts that there are: what expires at a time. */
const LENGTH_SHIFT = 6

/**
 * When ghosts were added, in epochs: for each of them how many there are and what their entries had together. Of one
 * ghost is known its epoch only, and its size is the mean there. Fewer than 128 ghosts have an epoch each: then nothing
 * is rounded.
 */
export class GhostEpochs {
  private readonly counts = new Uint32Array(EPOCH_COUNT_MAX)
  private readonly sums = new Float64Array(EPOCH_COUNT_MAX)
  /** Running numbers; an epoch's place is its number modulo the length. */
  private oldest = 0
  private newest = 0
  /** Stamp of the newest. */
  private stamp = 1
  /** How many may still be added to the newest. */
  private left = 1
  private countNow = 0
  private bytesNow = 0

  get count(): number {
    return this.countNow
  }

  /** What the entries of the ghosts had together. */
  get bytes(): number {
    return this.bytesNow
  }

  /**
   * Counts one more ghost, the newest.
   *
   * @param lengthMin an epoch is at least so many additions long: the table is swept before its stamp comes again
   * @returns its stamp
   */
  add(sizeBytes: number, lengthMin: number): number {
    if (this.left === 0) this.begin(Math.max(lengthMin, this.countNow >>> LENGTH_SHIFT))
    this.left--
    const place = this.newest & (EPOCH_COUNT_MAX - 1)
    this.counts[place]!++
    this.sums[place]! += sizeBytes
    this.countNow++
    this.bytesNow += sizeBytes
    return this.stamp
  }

  /** Whether ghosts with this stamp are still remembered. */
  has(stamp: number): boolean {
    return stamp !== 0 && this.ageOf(stamp) <= this.newest - this.oldest
  }

  /** Epochs between a stamp and now. */
  ageOf(stamp: number): number {
    const age = this.stamp - stamp
    return age < 0 ? age + STAMP_COUNT : age
  }

  /** One of the ghosts with this stamp, which are remembered, is gone. */
  remove(stamp: number): void {
    const place = (this.newest - this.ageOf(stamp)) & (EPOCH_COUNT_MAX - 1)
    const sizeBytes = Math.round(this.sums[place]! / this.counts[place]!)
    this.counts[place]!--
    this.sums[place]! -= sizeBytes
    this.countNow--
    this.bytesNow -= sizeBytes
  }

  /** Forgets all ghosts of the oldest epoch, but not when that is still being added to; false when there is none. */
  forgetOldest(): boolean {
    if (this.oldest > this.newest || (this.oldest === this.newest && this.left > 0)) return false
    const place = this.oldest++ & (EPOCH_COUNT_MAX - 1)
    this.countNow -= this.counts[place]!
    this.bytesNow -= this.sums[place]!
    this.counts[place] = 0
    this.sums[place] = 0
    return true
  }

  /** Compares the totals, and the ghosts found by stamp; O(1). */
  check(found: ReadonlyMap<number, number>): void {
    let count = 0
    let bytes = 0
    for (let number = this.oldest; number <= this.newest; number++) {
      const place = number & (EPOCH_COUNT_MAX - 1)
      const stamp = ((this.stamp - 1 + STAMP_COUNT - (this.newest - number)) % STAMP_COUNT) + 1
      assert((found.get(stamp) ?? 0) === this.counts[place], 'The ghosts of an epoch are miscounted')
      assert(this.sums[place]! >= 0, 'The bytes of an epoch are wrong')
      count += this.counts[place]!
      bytes += this.sums[place]!
    }
    assert(this.newest - this.oldest < EPOCH_COUNT_MAX, 'There are too many epochs')
    assert(count === this.countNow, 'The ghosts are miscounted')
    assert(bytes === this.bytesNow, 'The bytes of the ghosts are wrong')
  }

  private begin(length: number): void {
    if (this.newest - this.oldest === EPOCH_COUNT_MAX - 1) this.forgetOldest()
    this.newest++
    this.stamp = (this.stamp % STAMP_COUNT) + 1
    this.left = length
  }
}
