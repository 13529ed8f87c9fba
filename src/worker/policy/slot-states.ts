const BITS_PER_BYTE = 8

/** A few bits for each slot, side by side in bytes. */
export class SlotStates {
  /** What one slot costs. */
  readonly bytesPerSlot: number
  private readonly bytes: Uint8Array
  /** Bits of a slot number that say where in its byte it lies. */
  private readonly placeBits: number
  private readonly bits: number
  private readonly mask: number

  constructor(slotCountMax: number, bits: 1 | 2 | 4) {
    this.bytesPerSlot = bits / BITS_PER_BYTE
    this.bytes = new Uint8Array(Math.ceil(slotCountMax * this.bytesPerSlot))
    this.placeBits = Math.log2(BITS_PER_BYTE / bits)
    this.bits = bits
    this.mask = 2 ** bits - 1
  }

  get(slot: number): number {
    return (this.bytes[slot >>> this.placeBits]! >>> this.shiftOf(slot)) & this.mask
  }

  set(slot: number, state: number): void {
    const at = slot >>> this.placeBits
    const shift = this.shiftOf(slot)
    this.bytes[at] = (this.bytes[at]! & ~(this.mask << shift)) | (state << shift)
  }

  private shiftOf(slot: number): number {
    return (slot & ((1 << this.placeBits) - 1)) * this.bits
  }
}
