import { ConnectionError } from './errors.js'
import { IntegerReader } from './hpack-integer.js'
import {
  DynamicTable,
  ENTRY_OVERHEAD_BYTES,
  STATIC_COUNT,
  staticName,
  staticValue,
  TABLE_BYTES_DEFAULT,
} from './hpack-table.js'
import { huffmanDecodedBytesMax, huffmanDecodeOrThrow } from './huffman.js'

/** A decoded header block. */
export interface DecodedHeaders {
  /** Names and values in turn, as they came: name 0, value 0, name 1, … Latin-1. */
  readonly fields: readonly string[]
  /** Σ (name + value + 32), of the fields left out as well. */
  readonly listBytes: number
  /** True when the list exceeded the limit: `fields` holds what fitted. */
  readonly truncated: boolean
}

/** Lists above this many times their limit end the connection: nobody but an attacker sends them. */
const HARD_LIMIT_FACTOR = 4
const SIZE_UPDATES_MAX = 2

/** Decodes header blocks (RFC 7541). One per connection; every block must pass through it, or its state is lost. */
export class HpackDecoder {
  readonly table: DynamicTable
  private readonly tableBytesMax: number
  private readonly listBytesMax: number
  private readonly integers = new IntegerReader()
  private scratch = Buffer.alloc(0)
  private fields: string[] = []
  private listBytes = 0

  /**
   * @param listBytesMax above it no more fields are kept, but decoding goes on: SETTINGS_MAX_HEADER_LIST_SIZE
   * @param tableBytesMax the SETTINGS_HEADER_TABLE_SIZE that we advertise
   */
  constructor(listBytesMax: number, tableBytesMax = TABLE_BYTES_DEFAULT) {
    this.listBytesMax = listBytesMax
    this.tableBytesMax = tableBytesMax
    this.table = new DynamicTable(tableBytesMax)
  }

  /** @throws ConnectionError COMPRESSION_ERROR; ENHANCE_YOUR_CALM for a list far beyond its limit */
  decode(buffer: Buffer, start: number, end: number): DecodedHeaders {
    this.fields = []
    this.listBytes = 0
    let offset = this.readSizeUpdates(buffer, start, end)
    while (offset < end) offset = this.readField(buffer, offset, end)
    const { fields, listBytes } = this
    this.fields = []
    return { fields, listBytes, truncated: listBytes > this.listBytesMax }
  }

  private readSizeUpdates(buffer: Buffer, start: number, end: number): number {
    let offset = start
    for (let updates = 0; offset < end && (buffer[offset]! & 0xe0) === 0x20; updates++) {
      const sizeBytes = this.integers.read(buffer, offset, end, 0x1f)
      if (updates >= SIZE_UPDATES_MAX || sizeBytes > this.tableBytesMax) {
        throw new ConnectionError('COMPRESSION_ERROR', `dynamic table size update to ${sizeBytes}`)
      }
      this.table.resize(sizeBytes)
      offset = this.integers.next
    }
    return offset
  }

  private readField(buffer: Buffer, start: number, end: number): number {
    const first = buffer[start]!
    if (first & 0x80) {
      const index = this.integers.read(buffer, start, end, 0x7f)
      this.keep(this.nameOf(index), this.valueOf(index))
      return this.integers.next
    }
    if ((first & 0xe0) === 0x20) {
      throw new ConnectionError('COMPRESSION_ERROR', 'dynamic table size update inside a block')
    }
    const indexed = (first & 0x40) !== 0
    const index = this.integers.read(buffer, start, end, indexed ? 0x3f : 0x0f)
    const name = index === 0 ? this.readString(buffer, this.integers.next, end) : this.nameOf(index)
    const value = this.readString(buffer, this.integers.next, end)
    if (indexed) this.table.insert(name, value)
    this.keep(name, value)
    return this.integers.next
  }

  private keep(name: string, value: string): void {
    this.listBytes += name.length + value.length + ENTRY_OVERHEAD_BYTES
    if (this.listBytes <= this.listBytesMax) {
      this.fields.push(name, value)
      return
    }
    if (this.listBytes > this.listBytesMax * HARD_LIMIT_FACTOR) {
      throw new ConnectionError('ENHANCE_YOUR_CALM', `header list above ${this.listBytes} bytes`)
    }
  }

  private nameOf(index: number): string {
    return index > STATIC_COUNT
      ? this.table.nameAt(this.positionOf(index))
      : staticName(this.checkStatic(index))
  }

  private valueOf(index: number): string {
    return index > STATIC_COUNT ? this.table.valueAt(this.positionOf(index)) : staticValue(index)
  }

  private checkStatic(index: number): number {
    if (index === 0) throw new ConnectionError('COMPRESSION_ERROR', 'index 0')
    return index
  }

  private positionOf(index: number): number {
    const position = index - STATIC_COUNT - 1
    if (position >= this.table.count)
      throw new ConnectionError('COMPRESSION_ERROR', `index ${index} is not in the table`)
    return position
  }

  /** Reads a string literal; leaves its end in integers.next. */
  private readString(buffer: Buffer, start: number, end: number): string {
    if (start >= end) throw new ConnectionError('COMPRESSION_ERROR', 'truncated field')
    const huffman = (buffer[start]! & 0x80) !== 0
    const lengthBytes = this.integers.read(buffer, start, end, 0x7f)
    const from = this.integers.next
    const to = from + lengthBytes
    if (to > end) throw new ConnectionError('COMPRESSION_ERROR', 'string longer than its block')
    this.integers.next = to
    if (!huffman) return buffer.toString('latin1', from, to)
    const room = huffmanDecodedBytesMax(lengthBytes)
    if (this.scratch.length < room) this.scratch = Buffer.allocUnsafeSlow(Math.max(room, 256))
    return this.scratch.toString('latin1', 0, huffmanDecodeOrThrow(buffer, from, to, this.scratch, 0))
  }
}
