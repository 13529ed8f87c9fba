import { type DynamicTable, STATIC_COUNT } from './http2/hpack-table.js'
import { huffmanDecode, huffmanDecodedBytesMax } from './http2/huffman.js'
import type { RequestHead } from './http2/request-head.js'
import { parseTimeout, parseTimeoutBytes, TIMEOUT_BYTES_MAX } from './timeout.js'

const TIMEOUT_NAME = 'grpc-timeout'
/** Encoded bytes of the longest timeout: nine characters, none Huffman-coded in more than a byte. */
const TIMEOUT_ENCODED_MAX = TIMEOUT_BYTES_MAX

/**
 * A header block as its bytes say it: which table entries it names, by numbers that stay the same when the table moves on,
 * and which literals it spells out. Requests of one client to one method differ, as a rule, in their grpc-timeout alone;
 * that field is no part of the shape.
 */
export interface RequestShape {
  /** The request that the block decodes to, without grpc-timeout. */
  readonly head: RequestHead
  /**
   * The fields in order: 1 … 61 is a static entry, above it 61 + the absolute number of a dynamic entry, and −n the n-th
   * literal.
   */
  readonly ids: Int32Array
  /** Whole encoded fields. */
  readonly literals: readonly Uint8Array[]
}

/**
 * The shape of a block, or undefined if it has none that would be met again: it puts fields into the table, or names
 * literals by the table.
 *
 * @param insertCountBefore of the table, before the block was decoded
 */
export function shapeOf(
  buffer: Uint8Array,
  start: number,
  end: number,
  head: RequestHead,
  table: DynamicTable,
  insertCountBefore: number,
): RequestShape | undefined {
  const ids: number[] = []
  const literals: Uint8Array[] = []
  let offset = start
  while (offset < end) {
    const first = buffer[offset]!
    if (first & 0x80) {
      const index = first & 0x7f
      if (index === 0x7f || index === 0) return undefined
      const number = insertCountBefore - (index - STATIC_COUNT - 1)
      const position = table.insertCount - number
      const isTimeout =
        index > STATIC_COUNT && position < table.count && table.nameAt(position) === TIMEOUT_NAME
      if (!isTimeout) ids.push(index > STATIC_COUNT ? STATIC_COUNT + number : index)
      offset++
    } else if (first & 0x40) {
      // Allowed only as what matchShape() takes: the timeout, last.
      const next = endOfLiteral(buffer, offset, end, 0x3f)
      const isTimeout = table.insertCount === insertCountBefore + 1 && table.nameAt(0) === TIMEOUT_NAME
      if (next !== end || !isTimeout) return undefined
      offset = next
    } else {
      if (first & 0x20) return undefined
      const nameIndex = first & 0x0f
      const next = endOfLiteral(buffer, offset, end, 0x0f)
      const dynamicName = nameIndex === 0x0f && buffer[offset + 1]! + 0x0f > STATIC_COUNT
      if (next < 0 || dynamicName) return undefined
      literals.push(Uint8Array.from(buffer.subarray(offset, next)))
      ids.push(-literals.length)
      offset = next
    }
  }
  return { head: withoutTimeout(head), ids: Int32Array.from(ids), literals }
}

/** Where a literal field ends; −1 when one of its lengths takes more than the simplest form. */
function endOfLiteral(buffer: Uint8Array, start: number, end: number, prefixMask: number): number {
  const nameIndex = buffer[start]! & prefixMask
  let offset = start + 1
  if (nameIndex === prefixMask && (buffer[offset++] ?? 0xff) >= 0x80) return -1
  for (let strings = nameIndex === 0 ? 2 : 1; strings > 0; strings--) {
    const lengthBytes = (buffer[offset] ?? 0xff) & 0x7f
    if (lengthBytes === 0x7f) return -1
    offset += 1 + lengthBytes
  }
  return offset <= end ? offset : -1
}

function withoutTimeout(head: RequestHead): RequestHead {
  const { fields } = head
  const kept = fields.filter((_text, index) => fields[index & ~1] !== TIMEOUT_NAME)
  return { ...head, fields: kept }
}

/** Compares blocks with shapes. What a match found out stays in its fields until the next. */
export class ShapeMatcher {
  /** The request's timeout; Infinity without one. */
  timeoutMs = Number.POSITIVE_INFINITY
  private readonly table: DynamicTable
  private readonly scratch = Buffer.alloc(huffmanDecodedBytesMax(TIMEOUT_ENCODED_MAX))
  private timeoutBytes = 0

  constructor(table: DynamicTable) {
    this.table = table
  }

  /** True when the block has the shape. Then, and only then, the table is as if the block had been decoded. */
  match(shape: RequestShape, buffer: Uint8Array, start: number, end: number): boolean {
    const { ids } = shape
    const { table } = this
    const base = STATIC_COUNT + table.insertCount + STATIC_COUNT + 1
    this.timeoutMs = Number.POSITIVE_INFINITY
    let next = 0
    let offset = start
    while (offset < end) {
      const first = buffer[offset]!
      if (first & 0x80) {
        const index = first & 0x7f
        const id = index > STATIC_COUNT ? base - index : index
        // An entry that has been evicted has lost its number: no other entry ever gets it, but the index may be invalid.
        if (id === ids[next] && index - STATIC_COUNT <= table.count) next++
        else if (!this.readIndexedTimeout(index)) return false
        offset++
      } else if (first & 0x40) {
        return next === ids.length && this.insertTimeout(buffer, offset, end)
      } else {
        const literal = shape.literals[-ids[next]! - 1]
        if (literal === undefined || !startsWith(buffer, offset, end, literal)) return false
        offset += literal.length
        next++
      }
    }
    return next === ids.length
  }

  private readIndexedTimeout(index: number): boolean {
    const position = index - STATIC_COUNT - 1
    if (index === 0x7f || position < 0 || position >= this.table.count) return false
    if (this.table.nameAt(position) !== TIMEOUT_NAME) return false
    this.timeoutMs = parseTimeout(this.table.valueAt(position))
    return !Number.isNaN(this.timeoutMs)
  }

  /** The last field, a literal that enters the table: taken if it is a timeout whose name is in the table. */
  private insertTimeout(buffer: Uint8Array, start: number, end: number): boolean {
    const position = (buffer[start]! & 0x3f) - STATIC_COUNT - 1
    // With six bits of prefix, 0x3f stands for 63 and more: the second octet says how much more.
    let offset = start + 1
    let namePosition = position
    if ((buffer[start]! & 0x3f) === 0x3f) {
      const more = buffer[offset++] ?? 0xff
      if (more >= 0x80) return false
      namePosition += more
    }
    if (namePosition < 0 || namePosition >= this.table.count) return false
    if (this.table.nameAt(namePosition) !== TIMEOUT_NAME) return false
    const length = buffer[offset] ?? 0
    const encodedBytes = length & 0x7f
    const from = offset + 1
    if (encodedBytes > TIMEOUT_ENCODED_MAX || from + encodedBytes !== end) return false
    if (!this.readTimeout(buffer, from, end, (length & 0x80) !== 0)) return false
    this.table.insertBytes(TIMEOUT_NAME, this.scratch, 0, this.timeoutBytes)
    return true
  }

  private readTimeout(buffer: Uint8Array, start: number, end: number, huffman: boolean): boolean {
    if (huffman) {
      this.timeoutBytes = huffmanDecode(buffer, start, end, this.scratch, 0)
    } else {
      this.timeoutBytes = end - start
      for (let index = start; index < end; index++) this.scratch[index - start] = buffer[index]!
    }
    if (this.timeoutBytes < 0) return false
    this.timeoutMs = parseTimeoutBytes(this.scratch, 0, this.timeoutBytes)
    return !Number.isNaN(this.timeoutMs)
  }
}

function startsWith(buffer: Uint8Array, start: number, end: number, wanted: Uint8Array): boolean {
  const lengthBytes = wanted.length
  if (end - start < lengthBytes) return false
  for (let index = 0; index < lengthBytes; index++) if (buffer[start + index] !== wanted[index]) return false
  return true
}
