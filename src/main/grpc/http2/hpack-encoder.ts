import { BufferPool, OutputBuffer } from '../../sockets/output-buffer.js'
import { writeInteger } from './hpack-integer.js'
import {
  DynamicTable,
  ENTRY_OVERHEAD_BYTES,
  STATIC_BY_FIELD,
  STATIC_BY_NAME,
  STATIC_COUNT,
  TABLE_BYTES_DEFAULT,
} from './hpack-table.js'
import { huffmanEncode, huffmanEncodedBytes } from './huffman.js'

/** Fields that intermediaries must not put into tables (RFC 7541, section 7.1.3). */
const SENSITIVE_NAMES: ReadonlySet<string> = new Set([
  'authorization',
  'proxy-authorization',
  'cookie',
  'set-cookie',
])

/**
 * Encodes header blocks (RFC 7541). Only fields that `indexable` names enter the dynamic table, and only while there is
 * room: nothing is ever evicted, so an encoded block stays valid until {@link version} changes.
 */
export class HpackEncoder {
  /** Changes whenever the encoding of some field does: after an insertion, and with the table's size. */
  version = 0
  private readonly indexable: (name: string, value: string) => boolean
  private readonly table = new DynamicTable(TABLE_BYTES_DEFAULT)
  /** Absolute numbers of what is in the table, by name and value joined by a NUL. */
  private readonly numbers = new Map<string, number>()
  private sizeUpdatePending = false
  /** False for good once the peer shrank our table: from then on only literals. */
  private indexing = true

  constructor(indexable: (name: string, value: string) => boolean) {
    this.indexable = indexable
  }

  /** True when the next block must go through write(): it begins with a size update. */
  get mustAnnounceSize(): boolean {
    return this.sizeUpdatePending
  }

  /** SETTINGS_HEADER_TABLE_SIZE of the peer. We never use more than the default; for less we stop using the table. */
  setPeerTableBytes(sizeBytes: number): void {
    if (!this.indexing || sizeBytes >= TABLE_BYTES_DEFAULT) return
    this.indexing = false
    this.sizeUpdatePending = true
    this.numbers.clear()
    this.table.resize(0)
    this.version++
  }

  /** Appends the block of these fields: names and values in turn. */
  write(fields: readonly string[], output: OutputBuffer): void {
    if (this.sizeUpdatePending) {
      this.sizeUpdatePending = false
      this.version++
      writeInteger(output, 0x20, 0x1f, 0)
    }
    for (let index = 0; index < fields.length; index += 2)
      this.writeField(fields[index]!, fields[index + 1]!, output)
  }

  /**
   * The block of these fields as it would be encoded from now on, without changing the table. Good until the version
   * changes.
   */
  template(fields: readonly string[]): Uint8Array {
    const output = new OutputBuffer(new BufferPool(256))
    for (let index = 0; index < fields.length; index += 2) {
      const name = fields[index]!
      const value = fields[index + 1]!
      if (!this.writeIndexed(`${name}\0${value}`, output))
        this.writeLiteral(0x00, 0x0f, name, value, false, output)
    }
    return Uint8Array.from(output.view())
  }

  private writeField(name: string, value: string, output: OutputBuffer): void {
    const field = `${name}\0${value}`
    if (this.writeIndexed(field, output)) return
    if (SENSITIVE_NAMES.has(name)) {
      this.writeLiteral(0x10, 0x0f, name, value, false, output)
    } else if (this.hasRoomFor(name, value) && this.indexable(name, value)) {
      this.writeLiteral(0x40, 0x3f, name, value, true, output)
      this.table.insert(name, value)
      this.numbers.set(field, this.table.insertCount)
      this.version++
    } else {
      this.writeLiteral(0x00, 0x0f, name, value, false, output)
    }
  }

  private hasRoomFor(name: string, value: string): boolean {
    const entryBytes = name.length + value.length + ENTRY_OVERHEAD_BYTES
    return this.indexing && this.table.sizeBytes + entryBytes <= this.table.sizeBytesMax
  }

  private writeIndexed(field: string, output: OutputBuffer): boolean {
    const index = STATIC_BY_FIELD.get(field) ?? this.dynamicIndex(this.numbers.get(field))
    if (index === undefined) return false
    writeInteger(output, 0x80, 0x7f, index)
    return true
  }

  private dynamicIndex(number: number | undefined): number | undefined {
    return number === undefined ? undefined : STATIC_COUNT + 1 + this.table.insertCount - number
  }

  private writeLiteral(
    pattern: number,
    prefixMask: number,
    name: string,
    value: string,
    huffman: boolean,
    output: OutputBuffer,
  ): void {
    const nameIndex = STATIC_BY_NAME.get(name) ?? 0
    writeInteger(output, pattern, prefixMask, nameIndex)
    if (nameIndex === 0) writeString(name, huffman, output)
    writeString(value, huffman, output)
  }
}

/** Huffman coding pays for what is sent once and stays in the table; for the rest it costs more than it saves. */
function writeString(text: string, huffman: boolean, output: OutputBuffer): void {
  const lengthBytes = text.length
  if (huffman) {
    const source = Buffer.from(text, 'latin1')
    const encodedBytes = huffmanEncodedBytes(source)
    if (encodedBytes < lengthBytes) {
      writeInteger(output, 0x80, 0x7f, encodedBytes)
      const offset = output.reserve(encodedBytes)
      huffmanEncode(source, output.bytes, offset)
      return
    }
  }
  writeInteger(output, 0x00, 0x7f, lengthBytes)
  const offset = output.reserve(lengthBytes)
  output.bytes.write(text, offset, 'latin1')
}
