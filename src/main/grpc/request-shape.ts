import { BufferPool, OutputBuffer } from '../sockets/output-buffer.js'
import { writeInteger } from './http2/hpack-integer.js'
import { huffmanEncode, huffmanEncodedBytes } from './http2/huffman.js'
import type { RequestHead } from './http2/request-head.js'

export const TIMEOUT_NAME = 'grpc-timeout'
/** Fields by which a request is understood; the values of all others are the caller's own affair. */
const PROTOCOL_NAMES: ReadonlySet<string> = new Set([
  'content-type',
  'content-length',
  'grpc-encoding',
  'host',
  'te',
])

/** Whether a header field is one that only the ordinary handler of a method understands. */
export type IsOrdinary = (name: string, value: string) => boolean

const NEVER: IsOrdinary = () => false

/** The two ways to write a string literal: Huffman-coded and plain, lengths included. */
type Spellings = readonly [Uint8Array, Uint8Array]

/** A field as all requests of a shape have it. */
export class ShapeField {
  readonly name: string
  readonly value: string
  /** True when requests of the shape may have another value here: metadata such as `traceparent`. */
  readonly varies: boolean
  /** Whether a value that varies makes a request one for the ordinary handler. */
  readonly isOrdinary: IsOrdinary
  /** Where it was last found in the HPACK tables, by the ids of TableDraft; −1 at first. */
  id = -1
  #nameSpellings: Spellings | undefined
  #valueSpellings: Spellings | undefined

  constructor(name: string, value: string, isOrdinary: IsOrdinary = NEVER) {
    this.isOrdinary = isOrdinary
    this.name = name
    this.value = value
    this.varies = !name.startsWith(':') && !PROTOCOL_NAMES.has(name)
  }

  /** Where the name's literal ends that begins at `start`; −1 when something else stands there. */
  endOfName(buffer: Uint8Array, start: number, end: number): number {
    this.#nameSpellings ??= spell(this.name)
    return endOf(this.#nameSpellings, buffer, start, end)
  }

  /** The same of the value. */
  endOfValue(buffer: Uint8Array, start: number, end: number): number {
    this.#valueSpellings ??= spell(this.value)
    return endOf(this.#valueSpellings, buffer, start, end)
  }
}

/** The value that a request has in place of one that its shape has. */
export interface ShapeChange {
  /** Of the field. */
  readonly index: number
  readonly value: string
}

/**
 * What the requests of one client to one method have in common: their fields in order. Only grpc-timeout is no part of
 * it, wherever it stands, nor are the values of fields that vary. How a field is encoded does not matter.
 */
export class RequestShape {
  readonly head: RequestHead
  readonly fields: readonly ShapeField[]

  constructor(head: RequestHead, isOrdinary: IsOrdinary = NEVER) {
    const { fields } = head
    const kept = fields.filter((_text, index) => fields[index & ~1] !== TIMEOUT_NAME)
    this.head = { ...head, fields: kept }
    this.fields = kept.flatMap((name, index) =>
      index % 2 === 0 ? [new ShapeField(name, kept[index + 1]!, isOrdinary)] : [],
    )
  }

  /** The head of a request of this shape. */
  headOf(changes: readonly ShapeChange[] | undefined, ...more: readonly string[]): RequestHead {
    const fields = [...this.head.fields]
    for (const { index, value } of changes ?? []) fields[2 * index + 1] = value
    return { ...this.head, fields: [...fields, ...more] }
  }
}

function spell(text: string): Spellings {
  const source = Buffer.from(text, 'latin1')
  const coded = Buffer.alloc(huffmanEncodedBytes(source))
  huffmanEncode(source, coded, 0)
  return [literal(0x80, coded), literal(0x00, source)]
}

function literal(pattern: number, bytes: Uint8Array): Uint8Array {
  const output = new OutputBuffer(new BufferPool(bytes.length + 8))
  writeInteger(output, pattern, 0x7f, bytes.length)
  output.append(bytes)
  return output.view()
}

function endOf(spellings: Spellings, buffer: Uint8Array, start: number, end: number): number {
  const wanted = spellings[(buffer[start]! & 0x80) === 0 ? 1 : 0]
  const lengthBytes = wanted.length
  if (end - start < lengthBytes) return -1
  for (let index = 0; index < lengthBytes; index++) if (buffer[start + index] !== wanted[index]) return -1
  return start + lengthBytes
}
