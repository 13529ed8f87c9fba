import {
  type DynamicTable,
  ENTRY_OVERHEAD_BYTES,
  INLINE_VALUE_BYTES_MAX,
  STATIC_COUNT,
  staticName,
  staticValue,
} from './hpack-table.js'

/** Insertions of one block: more than any client makes. */
const INSERTIONS_MAX = 16

/**
 * What a header block does to the table while it is only looked at: fields are found by index as if the insertions of the
 * block had been made, evictions included, but the table changes with commit() alone. Entries go by ids that never
 * change: 1 … 61 is a static entry, above it 61 + the absolute number of a dynamic one.
 */
export class TableDraft {
  readonly #table: DynamicTable
  readonly #names: string[] = new Array(INSERTIONS_MAX).fill('')
  /** Undefined for the value that exists as bytes only. */
  readonly #values: (string | undefined)[] = new Array(INSERTIONS_MAX).fill(undefined)
  readonly #inline = new Uint8Array(INLINE_VALUE_BYTES_MAX)
  #inlineBytes = 0
  #count = 0
  #addedBytes = 0
  #evicted = 0
  #evictedBytes = 0

  constructor(table: DynamicTable) {
    this.#table = table
  }

  /** Forgets what was drafted. */
  begin(): void {
    this.#count = 0
    this.#addedBytes = 0
    this.#evicted = 0
    this.#evictedBytes = 0
  }

  /** True when nothing is to be inserted. */
  get isEmpty(): boolean {
    return this.#count === 0
  }

  /** The entry at an index; 0 when there is none, and for those that the block itself has inserted. */
  idOf(index: number): number {
    if (index <= STATIC_COUNT) return index
    const table = this.#table
    const position = index - STATIC_COUNT - 1 - this.#count
    if (position < 0 || position >= table.count - this.#evicted) return 0
    return STATIC_COUNT + table.insertCount - position
  }

  nameOf(id: number): string {
    return id <= STATIC_COUNT ? staticName(id) : this.#table.nameAt(this.#positionOf(id))
  }

  valueOf(id: number): string {
    return id <= STATIC_COUNT ? staticValue(id) : this.#table.valueAt(this.#positionOf(id))
  }

  /** False when the draft cannot hold it. */
  insert(name: string, value: string): boolean {
    return this.#add(name, value, value.length)
  }

  /** Inserts a value as bytes, source[0, lengthBytes), at most INLINE_VALUE_BYTES_MAX and one in a block. */
  insertBytes(name: string, source: Uint8Array, lengthBytes: number): boolean {
    if (!this.#add(name, undefined, lengthBytes)) return false
    this.#inlineBytes = lengthBytes
    for (let index = 0; index < lengthBytes; index++) this.#inline[index] = source[index]!
    return true
  }

  /** Makes the insertions. */
  commit(): void {
    for (let index = 0; index < this.#count; index++) {
      const value = this.#values[index]
      if (value === undefined)
        this.#table.insertBytes(this.#names[index]!, this.#inline, 0, this.#inlineBytes)
      else this.#table.insert(this.#names[index]!, value)
    }
  }

  #positionOf(id: number): number {
    return STATIC_COUNT + this.#table.insertCount - id
  }

  #add(name: string, value: string | undefined, valueBytes: number): boolean {
    if (this.#count === INSERTIONS_MAX) return false
    const table = this.#table
    const roomBytes =
      table.sizeBytesMax - (name.length + valueBytes + ENTRY_OVERHEAD_BYTES) - this.#addedBytes
    while (this.#evicted < table.count && table.sizeBytes - this.#evictedBytes > roomBytes) {
      this.#evictedBytes += table.entryBytesAt(table.count - 1 - this.#evicted)
      this.#evicted++
    }
    if (roomBytes < 0) return false
    this.#addedBytes = table.sizeBytesMax - roomBytes
    this.#names[this.#count] = name
    this.#values[this.#count] = value
    this.#count++
    return true
  }
}
