/** One read of the system: more waits in the kernel. */
export const READ_BYTES = 65_536

/** Where all connections of a server read to, one after the other: what is not used at once must be copied. */
export class ReadBuffer {
  readonly bytes = Buffer.allocUnsafeSlow(READ_BYTES)
  #view = this.bytes

  /** What was read. The reads of a client are often of one length: then there is no object to make. */
  view(lengthBytes: number): Buffer {
    if (this.#view.length !== lengthBytes) this.#view = this.bytes.subarray(0, lengthBytes)
    return this.#view
  }
}
