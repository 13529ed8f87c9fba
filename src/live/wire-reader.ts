const VARINT_BYTES_MAX = 10

type Utf8 = InstanceType<typeof TextDecoder>

/**
 * Reads one protobuf message. Runs in browsers, too. Every method throws RangeError on bytes that are no such message,
 * and reads never leave the message.
 */
export class WireReader {
  readonly #bytes: Uint8Array
  readonly #decoder: Utf8
  #at = 0
  #layout = 0

  constructor(bytes: Uint8Array, decoder: Utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })) {
    this.#bytes = bytes
    this.#decoder = decoder
  }

  /** Number of the next field; 0 at the end of the message. */
  field(): number {
    if (this.#at === this.#bytes.length) return 0
    const tag = this.#varint()
    this.#layout = tag % 8
    const field = Math.floor(tag / 8)
    if (field < 1 || field >= 2 ** 29) throw new RangeError('Field number out of range')
    return field
  }

  /** A whole number; what is over 2^53 loses its low bits. */
  uint(): number {
    this.#expect(0)
    return this.#varint()
  }

  /** As protobuf has it, the low 32 bits of the number. */
  uint32(): number {
    return this.uint() % 2 ** 32
  }

  bool(): boolean {
    return this.uint() !== 0
  }

  double(): number {
    this.#expect(1)
    return this.#double(this.#take(8))
  }

  /** A view of the message's own bytes. */
  bytes(): Uint8Array {
    this.#expect(2)
    const lengthBytes = this.#varint()
    const start = this.#take(lengthBytes)
    return this.#bytes.subarray(start, start + lengthBytes)
  }

  text(): string {
    try {
      return this.#decoder.decode(this.bytes())
    } catch (thrown) {
      throw thrown instanceof RangeError ? thrown : new RangeError('Text that is not UTF-8')
    }
  }

  message(): WireReader {
    return new WireReader(this.bytes(), this.#decoder)
  }

  /** Appends the doubles of a repeated field, packed or not. */
  doubles(to: number[]): void {
    if (this.#layout === 1) {
      to.push(this.double())
      return
    }
    this.#expect(2)
    const lengthBytes = this.#varint()
    const start = this.#take(lengthBytes)
    if (lengthBytes % 8 !== 0) throw new RangeError('Doubles of a broken length')
    for (let at = start; at < this.#at; at += 8) to.push(this.#double(at))
  }

  /** Passes over the value of a field that is not known. */
  skip(): void {
    if (this.#layout === 0) this.#varint()
    else if (this.#layout === 1) this.#take(8)
    else if (this.#layout === 2) this.#take(this.#varint())
    else if (this.#layout === 5) this.#take(4)
    else throw new RangeError(`A field of layout ${this.#layout}`)
  }

  #expect(layout: number): void {
    if (this.#layout !== layout) throw new RangeError(`A field of layout ${this.#layout}, not ${layout}`)
  }

  #double(at: number): number {
    return new DataView(this.#bytes.buffer, this.#bytes.byteOffset).getFloat64(at, true)
  }

  #varint(): number {
    let value = 0
    let unit = 1
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = this.#bytes[this.#at]
      if (byte === undefined) throw new RangeError('The message ends within a number')
      this.#at++
      value += (byte & 0x7f) * unit
      unit *= 128
      if (byte < 0x80) return value
    }
    throw new RangeError('A number of more than ten bytes')
  }

  /** Where the next `lengthBytes` bytes begin. */
  #take(lengthBytes: number): number {
    const start = this.#at
    if (lengthBytes > this.#bytes.length - start) throw new RangeError('The message ends within a field')
    this.#at = start + lengthBytes
    return start
  }
}
