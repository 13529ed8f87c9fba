import { writeInteger } from '../../src/main/grpc/http2/hpack-integer.js'
import {
  DynamicTable,
  STATIC_BY_FIELD,
  STATIC_BY_NAME,
  STATIC_COUNT,
} from '../../src/main/grpc/http2/hpack-table.js'
import { huffmanEncode, huffmanEncodedBytes } from '../../src/main/grpc/http2/huffman.js'
import { BufferPool, OutputBuffer } from '../../src/main/sockets/output-buffer.js'
import type { Prng } from './prng.js'

/**
 * Encodes header blocks as other clients do: every field enters the table and drives the oldest out, as with grpc-go; or,
 * given a source of randomness, each field in any of the allowed forms.
 */
export class ClientEncoder {
  readonly #prng: Prng | undefined
  readonly table: DynamicTable

  constructor(tableBytes: number, prng?: Prng) {
    this.#prng = prng
    this.table = new DynamicTable(tableBytes)
  }

  block(fields: readonly string[]): Buffer {
    const output = new OutputBuffer(new BufferPool())
    for (let index = 0; index < fields.length; index += 2) {
      this.#field(fields[index]!, fields[index + 1]!, output)
    }
    return Buffer.from(output.view())
  }

  #field(name: string, value: string, output: OutputBuffer): void {
    const whole = this.#indexOf(name, value)
    if (whole > 0 && this.#draw(10, 1) > 0) {
      writeInteger(output, 0x80, 0x7f, whole)
      return
    }
    const form = this.#draw(4, 0)
    const nameIndex = this.#draw(3, 1) > 0 ? this.#indexOf(name) : 0
    if (form < 2) writeInteger(output, 0x40, 0x3f, nameIndex)
    else writeInteger(output, form === 2 ? 0x10 : 0x00, 0x0f, nameIndex)
    if (nameIndex === 0) this.#string(name, output)
    this.#string(value, output)
    if (form < 2) this.table.insert(name, value)
  }

  /** Of the field, or of any with the name; 0 when there is none. */
  #indexOf(name: string, value?: string): number {
    const fixed = value === undefined ? STATIC_BY_NAME.get(name) : STATIC_BY_FIELD.get(`${name}\0${value}`)
    const found = fixed === undefined ? [] : [fixed]
    for (let position = 0; position < this.table.count; position++) {
      if (this.table.nameAt(position) !== name) continue
      if (value !== undefined && this.table.valueAt(position) !== value) continue
      found.push(STATIC_COUNT + 1 + position)
    }
    return found.length === 0 ? 0 : found[this.#draw(found.length, 0)]!
  }

  #string(text: string, output: OutputBuffer): void {
    const source = Buffer.from(text, 'latin1')
    if (this.#draw(2, 1) === 0) {
      writeInteger(output, 0x00, 0x7f, source.length)
      output.append(source)
      return
    }
    const coded = Buffer.alloc(huffmanEncodedBytes(source))
    huffmanEncode(source, coded, 0)
    writeInteger(output, 0x80, 0x7f, coded.length)
    output.append(coded)
  }

  /** A number below `bound`, or what it is without randomness. */
  #draw(bound: number, otherwise: number): number {
    return this.#prng?.below(bound) ?? otherwise
  }
}
