import { BlockMemo } from './block-memo.js'
import { type DynamicTable, INLINE_VALUE_BYTES_MAX } from './http2/hpack-table.js'
import { huffmanDecode, huffmanDecodedBytesMax } from './http2/huffman.js'
import { isFieldValue } from './http2/request-head.js'
import { TableDraft } from './http2/table-draft.js'
import { type RequestShape, type ShapeChange, ShapeField, TIMEOUT_NAME } from './request-shape.js'
import { parseTimeout, parseTimeoutBytes } from './timeout.js'

/** Longest string literal whose length fits its first byte: longer ones are read the ordinary way. */
const LITERAL_BYTES_MAX = 0x7e

/**
 * Compares header blocks with shapes. What a match found out stays in its fields until the next. Nothing is allocated for
 * a block that has the values of its shape.
 */
export class ShapeMatcher {
  /** The request's timeout; Infinity without one. */
  timeoutMs = Number.POSITIVE_INFINITY
  /** Where the request differs from the shape; undefined for nowhere. */
  changes: ShapeChange[] | undefined
  readonly #draft: TableDraft
  readonly #memo: BlockMemo
  readonly #timeout = new ShapeField(TIMEOUT_NAME, '')
  readonly #scratch = Buffer.alloc(huffmanDecodedBytesMax(LITERAL_BYTES_MAX))
  /** Where in the block the next byte lies. */
  #offset = 0
  /** Of the literal field that is being read: whether it enters the table, and the entry that names it, or 0. */
  #inserting = false
  #nameId = 0

  constructor(table: DynamicTable) {
    this.#draft = new TableDraft(table)
    this.#memo = new BlockMemo(table)
  }

  /** True when the block has the shape. Then, and only then, the table is as if the block had been decoded. */
  match(shape: RequestShape, buffer: Buffer, start: number, end: number): boolean {
    const { fields } = shape
    this.#draft.begin()
    this.timeoutMs = Number.POSITIVE_INFINITY
    this.changes = undefined
    this.#offset = start
    let next = 0
    while (this.#offset < end) {
      const field = next < fields.length ? fields[next] : undefined
      const taken =
        buffer[this.#offset]! & 0x80
          ? this.#readIndexed(field, next, buffer, end)
          : this.#readLiteral(field, next, buffer, end)
      if (taken < 0) return false
      next += taken
    }
    if (next !== fields.length) return false
    this.#draft.commit()
    const isPlain = this.timeoutMs === Number.POSITIVE_INFINITY && this.changes === undefined
    if (isPlain && this.#draft.isEmpty) this.#memo.keep(buffer, start, end)
    else this.#memo.drop()
    return true
  }

  /** True when the block is the one that match() took last, without timeout and changes, and means the same still. */
  matchAgain(buffer: Buffer, start: number, end: number): boolean {
    if (!this.#memo.isAgain(buffer, start, end)) return false
    this.timeoutMs = Number.POSITIVE_INFINITY
    this.changes = undefined
    return true
  }

  /** Answers 1 for the field that was expected, 0 for the timeout, −1 for anything else. So does #readLiteral(). */
  #readIndexed(field: ShapeField | undefined, position: number, buffer: Buffer, end: number): number {
    const index = this.#readIndex(buffer, end, 0x7f)
    const id = index < 0 ? 0 : this.#draft.idOf(index)
    if (id === 0) return -1
    if (field !== undefined) {
      if (id === field.id) return 1
      if (this.#draft.nameOf(id) === field.name)
        return this.#takeEntry(field, position, id, this.#draft.valueOf(id))
    }
    if (this.#draft.nameOf(id) !== TIMEOUT_NAME) return -1
    return this.#takeTimeout(parseTimeout(this.#draft.valueOf(id)))
  }

  #takeEntry(field: ShapeField, position: number, id: number, value: string): number {
    if (value !== field.value) return this.#change(field, position, value)
    field.id = id
    return 1
  }

  #readLiteral(field: ShapeField | undefined, position: number, buffer: Buffer, end: number): number {
    const first = buffer[this.#offset]!
    this.#inserting = (first & 0x40) !== 0
    // A size update is left to the decoder.
    if (!this.#inserting && (first & 0x20) !== 0) return -1
    const index = this.#readIndex(buffer, end, this.#inserting ? 0x3f : 0x0f)
    if (index < 0) return -1
    this.#nameId = this.#draft.idOf(index)
    if (this.#nameId === 0 && index !== 0) return -1
    if (field !== undefined && this.#readName(field, buffer, end))
      return this.#readValue(field, position, buffer, end)
    if (!this.#readName(this.#timeout, buffer, end)) return -1
    return this.#readTimeout(buffer, end)
  }

  /** An index in one byte or two, which is what tables of the default size take; else −1. */
  #readIndex(buffer: Buffer, end: number, prefixMask: number): number {
    const index = buffer[this.#offset++]! & prefixMask
    if (index < prefixMask) return index
    if (this.#offset >= end) return -1
    const more = buffer[this.#offset++]!
    return more < 0x80 ? index + more : -1
  }

  /** True when the literal has this name; the offset is behind it then. */
  #readName(field: ShapeField, buffer: Buffer, end: number): boolean {
    if (this.#nameId !== 0) return this.#draft.nameOf(this.#nameId) === field.name
    const next = field.endOfName(buffer, this.#offset, end)
    if (next >= 0) this.#offset = next
    return next >= 0
  }

  #readValue(field: ShapeField, position: number, buffer: Buffer, end: number): number {
    if (this.#offset >= end) return -1
    const next = field.endOfValue(buffer, this.#offset, end)
    if (next >= 0) {
      this.#offset = next
      return this.#inserting && !this.#draft.insert(field.name, field.value) ? -1 : 1
    }
    if (!field.varies) return -1
    const lengthBytes = this.#readString(buffer, end)
    if (lengthBytes < 0) return -1
    const value = this.#scratch.toString('latin1', 0, lengthBytes)
    if (this.#inserting && !this.#draft.insert(field.name, value)) return -1
    return this.#change(field, position, value)
  }

  #change(field: ShapeField, index: number, value: string): number {
    if (!field.varies || !isFieldValue(value) || field.isOrdinary(field.name, value)) return -1
    this.changes ??= []
    this.changes.push({ index, value })
    return 1
  }

  #readTimeout(buffer: Buffer, end: number): number {
    const lengthBytes = this.#readString(buffer, end)
    if (lengthBytes < 0 || lengthBytes > INLINE_VALUE_BYTES_MAX) return -1
    if (this.#inserting && !this.#draft.insertBytes(TIMEOUT_NAME, this.#scratch, lengthBytes)) return -1
    return this.#takeTimeout(parseTimeoutBytes(this.#scratch, 0, lengthBytes))
  }

  /** Only one that is well-formed, has not passed already, and is the first. */
  #takeTimeout(timeoutMs: number): number {
    if (!(timeoutMs > 0) || this.timeoutMs !== Number.POSITIVE_INFINITY) return -1
    this.timeoutMs = timeoutMs
    return 0
  }

  /** Reads a string literal into the scratch; answers its length, or −1. */
  #readString(buffer: Buffer, end: number): number {
    if (this.#offset >= end) return -1
    const first = buffer[this.#offset]!
    const from = this.#offset + 1
    const to = from + (first & 0x7f)
    if (to > end || to - from > LITERAL_BYTES_MAX) return -1
    this.#offset = to
    if (first & 0x80) return huffmanDecode(buffer, from, to, this.#scratch, 0)
    for (let index = from; index < to; index++) this.#scratch[index - from] = buffer[index]!
    return to - from
  }
}
