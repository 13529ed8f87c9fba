import { type DynamicTable, STATIC_COUNT } from './http2/hpack-table.js'
import { huffmanDecode, huffmanDecodedBytesMax, huffmanEncode, huffmanEncodedBytes } from './http2/huffman.js'
import type { RequestHead } from './http2/request-head.js'
import { parseTimeout, parseTimeoutBytes, TIMEOUT_BYTES_MAX } from './timeout.js'

const TIMEOUT_NAME = 'grpc-timeout'
/** The name as a string literal, Huffman-coded and plain. */
const TIMEOUT_SPELLINGS: readonly Uint8Array[] = [spell(TIMEOUT_NAME, true), spell(TIMEOUT_NAME, false)]
/** Encoded bytes of the longest timeout: nine characters, none Huffman-coded in more than a byte. */
const TIMEOUT_ENCODED_MAX = TIMEOUT_BYTES_MAX

/**
 * A header block as its bytes say it: which table entries it names, by numbers that stay the same when the table moves on,
 * and which literals it spells out. Requests of one client to one method differ, as a rule, in their grpc-timeout alone;
 * that field, wherever it stands, is no part of the shape.
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
      if (nameIndex !== 0 || timeoutNameBytes(buffer, offset + 1, next) === 0) {
        literals.push(Uint8Array.from(buffer.subarray(offset, next)))
        ids.push(-literals.length)
      }
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

/** Bytes that the name grpc-timeout takes at `start`, spelt in either form; 0 when something else stands there. */
function timeoutNameBytes(buffer: Uint8Array, start: number, end: number): number {
  for (const spelling of TIMEOUT_SPELLINGS)
    if (startsWith(buffer, start, end, spelling)) return spelling.length
  return 0
}

function spell(name: string, huffman: boolean): Uint8Array {
  const source = Buffer.from(name, 'latin1')
  const encoded = Buffer.alloc(huffman ? huffmanEncodedBytes(source) : source.length)
  if (huffman) huffmanEncode(source, encoded, 0)
  else source.copy(encoded)
  return Buffer.concat([Buffer.from([(huffman ? 0x80 : 0) | encoded.length]), encoded])
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
        if (literal !== undefined && startsWith(buffer, offset, end, literal)) {
          offset += literal.length
          next++
        } else {
          offset = this.readLiteralTimeout(buffer, offset, end, 0x0f)
          if (offset < 0) return false
        }
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

  /** The last field, a literal that enters the table: taken if it is a timeout. */
  private insertTimeout(buffer: Uint8Array, start: number, end: number): boolean {
    if (this.readLiteralTimeout(buffer, start, end, 0x3f) !== end) return false
    this.table.insertBytes(TIMEOUT_NAME, this.scratch, 0, this.timeoutBytes)
    return true
  }

  /** Reads a literal field, if it is a timeout; answers where it ends, or −1. */
  private readLiteralTimeout(buffer: Uint8Array, start: number, end: number, prefixMask: number): number {
    const valueAt = this.endOfTimeoutName(buffer, start, end, prefixMask)
    if (valueAt < 0 || valueAt >= end) return -1
    const length = buffer[valueAt]!
    const from = valueAt + 1
    const to = from + (length & 0x7f)
    if (to > end || to - from > TIMEOUT_ENCODED_MAX) return -1
    return this.readTimeout(buffer, from, to, (length & 0x80) !== 0) ? to : -1
  }

  /** Where the name of a literal field ends, if it is that of a timeout, by the table or spelt out; else −1. */
  private endOfTimeoutName(buffer: Uint8Array, start: number, end: number, prefixMask: number): number {
    let index = buffer[start]! & prefixMask
    let offset = start + 1
    if (index === 0) {
      const nameBytes = timeoutNameBytes(buffer, offset, end)
      return nameBytes === 0 ? -1 : offset + nameBytes
    }
    if (index === prefixMask) {
      const more = buffer[offset++] ?? 0xff
      if (more >= 0x80) return -1
      index += more
    }
    const position = index - STATIC_COUNT - 1
    if (position < 0 || position >= this.table.count) return -1
    return this.table.nameAt(position) === TIMEOUT_NAME ? offset : -1
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
