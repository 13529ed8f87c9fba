/**
 * Many small records on their way to another thread, in one piece: as objects, each would cost both threads some
 * microseconds, and a buffer of its own for every field of bytes.
 *
 *     [count of numbers][number] … as doubles │ bytes, one field behind the other; their lengths are among the numbers
 */
export type Pack = ArrayBuffer

const NUMBER_BYTES = Float64Array.BYTES_PER_ELEMENT

/** Writes a pack, field by field. */
export class PackWriter {
  readonly pack: Pack
  readonly #numbers: Float64Array
  readonly #bytes: Uint8Array
  #numberAt = 1
  #byteAt = 0

  /**
   * @param numberCount numbers to come, one for every field of bytes included
   * @param byteCount bytes of all fields of bytes
   */
  constructor(numberCount: number, byteCount: number) {
    this.pack = new ArrayBuffer(NUMBER_BYTES * (1 + numberCount) + byteCount)
    this.#numbers = new Float64Array(this.pack, 0, 1 + numberCount)
    this.#bytes = new Uint8Array(this.pack, NUMBER_BYTES * (1 + numberCount))
    this.#numbers[0] = numberCount
  }

  number(value: number): void {
    this.#numbers[this.#numberAt++] = value
  }

  bytes(field: Uint8Array): void {
    this.number(field.length)
    this.#bytes.set(field, this.#byteAt)
    this.#byteAt += field.length
  }
}

/** Reads what a {@link PackWriter} wrote, in the same order. */
export class PackReader {
  readonly #numbers: Float64Array
  readonly #bytes: Uint8Array
  #numberAt = 1
  #byteAt = 0

  constructor(pack: Pack) {
    const numberCount = new Float64Array(pack, 0, 1)[0]!
    this.#numbers = new Float64Array(pack, 0, 1 + numberCount)
    this.#bytes = new Uint8Array(pack, NUMBER_BYTES * (1 + numberCount))
  }

  get isAtEnd(): boolean {
    return this.#numberAt === this.#numbers.length
  }

  number(): number {
    return this.#numbers[this.#numberAt++]!
  }

  /** A copy: whoever keeps a field does not keep the pack. */
  bytes(): Uint8Array {
    const start = this.#byteAt
    this.#byteAt += this.number()
    return this.#bytes.slice(start, this.#byteAt)
  }
}

/** The items, in their order, with every run of those that can be packed in one pack. */
export function packRuns<Item, Packable extends Item>(
  items: readonly Item[],
  isPackable: (item: Item) => item is Packable,
  pack: (run: readonly Packable[]) => Pack,
): (Item | Pack)[] {
  const packed: (Item | Pack)[] = []
  let run: Packable[] = []
  const endRun = (): void => {
    if (run.length > 0) packed.push(pack(run))
    run = []
  }
  for (const item of items) {
    if (isPackable(item)) {
      run.push(item)
    } else {
      endRun()
      packed.push(item)
    }
  }
  endRun()
  return packed
}
