import { assert } from '../../shared/assert.js'
import { GhostRing } from './ghost-ring.js'

const CAPACITY_MIN = 16

/** Keys that move into a new ring with each one that is added: more than come in before it is full. */
const MOVES_PER_ADD = 4

/**
 * The keys that went most recently, oldest first, without their values: what 2Q remembers of evicted entries, to the key
 * (a {@link GhostTable} is a third as large, and rounds). A key is its 32-bit hash; that two keys may share one costs a wrong guess and nothing more.
 *
 * When the ring of the keys is full, a new one is begun that they half fill, and they move over a few at a time, newest
 * first: those still in the old ring are the oldest. So no call is ever slow, however many keys there are.
 */
export class GhostQueue {
  /** What one key costs while the ring is full; between two rings, up to twice that. */
  static readonly BYTES_PER_KEY = GhostRing.BYTES_PER_PLACE

  private readonly countMax: number
  private ring = new GhostRing(CAPACITY_MIN)
  private outgrown: GhostRing | undefined

  /** @param countMax at most so many keys are remembered, however small their entries were */
  constructor(countMax: number) {
    this.countMax = countMax
  }

  /** Remembers a key as the newest, and forgets the oldest when there are too many. */
  add(hash: number, sizeBytes: number): void {
    assert(sizeBytes > 0, 'An entry has a size')
    this.take(hash)
    if (this.count >= this.countMax) this.forgetOldest()
    if (this.ring.isFull) this.renew()
    this.move(MOVES_PER_ADD)
    this.ring.append(hash, sizeBytes)
  }

  /** Whether the key is remembered; forgets it. */
  take(hash: number): boolean {
    return this.ring.take(hash) || this.outgrown?.take(hash) === true
  }

  /** Forgets the oldest keys until the entries of the others had no more than `bytesMax` together. */
  trim(bytesMax: number): void {
    while (this.ring.bytes + (this.outgrown?.bytes ?? 0) > bytesMax) this.forgetOldest()
  }

  /** Re-derives rings and totals; O(n). */
  check(): void {
    this.ring.check()
    this.outgrown?.check()
    assert(this.count <= Math.max(1, this.countMax), 'There are too many ghosts')
  }

  private get count(): number {
    return this.ring.count + (this.outgrown?.count ?? 0)
  }

  private forgetOldest(): void {
    if (this.outgrown !== undefined && this.outgrown.count > 0) this.outgrown.forgetOldest()
    else if (this.ring.count > 0) this.ring.forgetOldest()
  }

  private renew(): void {
    this.move(this.outgrown?.count ?? 0)
    this.outgrown = this.ring
    this.ring = new GhostRing(Math.max(CAPACITY_MIN, 2 ** Math.ceil(Math.log2(2 * this.outgrown.count))))
  }

  private move(countMax: number): void {
    const { outgrown } = this
    if (outgrown === undefined) return
    for (let count = 0; count < countMax && outgrown.count > 0; count++) outgrown.moveNewest(this.ring)
    if (outgrown.count === 0) this.outgrown = undefined
  }
}
