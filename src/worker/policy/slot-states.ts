const BITS_PER_BYTE = 8

/** A few bits for each slot, side by side in bytes. */
export class SlotStates {
  /** What one slot costs. */
  readonly bytesPerSlot: number
  private readonly bytes: Uint8Array
  /** Log of the bits of a slot, base 2: the sums below are of integers alone. */
  private readonly log: number
  private readonly mask: number

  constructor(slotCountMax: number, bits: 1 | 2 | 4) {
    this.bytesPerSlot = bits / BITS_PER_BYTE
    this.bytes = new Uint8Array(Math.ceil(slotCountMax * this.bytesPerSlot))
    this.log = bits >>> 1
    this.mask = (1 << bits) - 1
  }

  get(slot: number): number {
    const bit = slot << this.log
    return (this.bytes[bit >>> 3]! >>> (bit & 7)) & this.mask
  }

  set(slot: number, state: number): void {
    const bit = slot << this.log
    const at = bit >>> 3
    this.bytes[at] = (this.bytes[at]! & ~(this.mask << (bit & 7))) | (state << (bit & 7))
  }
}
