const encoder = new TextEncoder()

const FIRST_BYTES = 128

/**
 * Writes protobuf messages (encoding specification, "Message Structure"). Runs in browsers, too. A field that has its
 * default value is left out, as proto3 has it, unless the method says otherwise.
 */
export class WireWriter {
  #bytes = new Uint8Array(FIRST_BYTES)
  #at = 0

  /** @param value a whole number from 0 to 2^53 − 1 */
  uint(field: number, value: number): this {
    return value === 0 ? this : this.uintAlways(field, value)
  }

  uintAlways(field: number, value: number): this {
    this.#varint(field << 3)
    this.#varint(value)
    return this
  }

  bool(field: number, value: boolean): this {
    return this.uint(field, value ? 1 : 0)
  }

  double(field: number, value: number): this {
    return value === 0 ? this : this.doubleAlways(field, value)
  }

  doubleAlways(field: number, value: number): this {
    this.#varint((field << 3) | 1)
    this.#reserve(8)
    new DataView(this.#bytes.buffer).setFloat64(this.#at, value, true)
    this.#at += 8
    return this
  }

  text(field: number, value: string): this {
    return value === '' ? this : this.bytesAlways(field, encoder.encode(value))
  }

  bytes(field: number, value: Uint8Array): this {
    return value.length === 0 ? this : this.bytesAlways(field, value)
  }

  /** For elements of repeated fields, which may be empty. */
  bytesAlways(field: number, value: Uint8Array): this {
    this.#varint((field << 3) | 2)
    this.#varint(value.length)
    this.#reserve(value.length)
    this.#bytes.set(value, this.#at)
    this.#at += value.length
    return this
  }

  /** A packed repeated field. */
  doubles(field: number, values: readonly number[]): this {
    if (values.length === 0) return this
    this.#varint((field << 3) | 2)
    this.#varint(values.length * 8)
    this.#reserve(values.length * 8)
    const view = new DataView(this.#bytes.buffer)
    for (const value of values) {
      view.setFloat64(this.#at, value, true)
      this.#at += 8
    }
    return this
  }

  /** A message within the message; written even when it is empty. */
  message(field: number, write: (writer: this) => void): this {
    this.#varint((field << 3) | 2)
    const lengthAt = this.#at
    this.#varint(0)
    write(this)
    const lengthBytes = this.#at - lengthAt - 1
    // A length takes one byte until it is 128: what is longer makes room.
    const moreBytes = varintBytes(lengthBytes) - 1
    this.#reserve(moreBytes)
    this.#bytes.copyWithin(lengthAt + 1 + moreBytes, lengthAt + 1, this.#at)
    this.#at = lengthAt
    this.#varint(lengthBytes)
    this.#at += lengthBytes
    return this
  }

  /** What was written, in memory of its own. The writer is of no use any more. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at)
  }

  #varint(value: number): void {
    this.#reserve(8)
    this.#at = writeVarint(this.#bytes, this.#at, value)
  }

  #reserve(lengthBytes: number): void {
    const needed = this.#at + lengthBytes
    if (needed <= this.#bytes.length) return
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    larger.set(this.#bytes.subarray(0, this.#at))
    this.#bytes = larger
  }
}

/** Bytes that a varint takes: of a whole number from 0 to 2^53 − 1, at most 8. */
export function varintBytes(value: number): number {
  let lengthBytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) lengthBytes++
  return lengthBytes
}

/** Writes a varint to `target` from `at` on. Returns where it ends. */
export function writeVarint(target: Uint8Array, at: number, value: number): number {
  let to = at
  let rest = value
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) target[to++] = (rest % 0x80) | 0x80
  target[to] = rest
  return to + 1
}
