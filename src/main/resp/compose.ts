import type { OutputBuffer } from '../sockets/output-buffer.js'

/** Version of the protocol that a client speaks. */
export type Protocol = 2 | 3

const CR = 13
const LF = 10
const ZERO = 48

/** First bytes of replies. */
const SIMPLE = 43
const ERROR = 45
const INTEGER = 58
const BULK = 36
const ARRAY = 42
const MAP = 37
const SET = 126
const PUSH = 62

const NULL_3 = Buffer.from('_\r\n')
const NULL_BULK_2 = Buffer.from('$-1\r\n')
const NULL_ARRAY_2 = Buffer.from('*-1\r\n')

/** Text of errors to a stranger is cut to this length. */
const ERROR_LENGTH_MAX = 500

/**
 * Replies as bytes, appended to a buffer. Types that RESP2 lacks go out as what Redis puts in their place: a map as an
 * array of twice its length, null as a null bulk string, a boolean as 1 or 0, a double as a bulk string.
 */
export class Reply {
  /** Where replies go; whoever owns the connection exchanges it. */
  out: OutputBuffer
  protocol: Protocol = 2

  constructor(out: OutputBuffer) {
    this.out = out
  }

  ok(): void {
    this.simple('OK')
  }

  simple(text: string): void {
    this.#line(SIMPLE, text)
  }

  /** @param text begins with the code: `ERR …` */
  error(text: string): void {
    this.#line(ERROR, text.slice(0, ERROR_LENGTH_MAX))
  }

  integer(value: number): void {
    if (value < 0) this.#line(INTEGER, String(value))
    else this.#head(INTEGER, value)
  }

  bulk(bytes: Uint8Array): void {
    const at = this.bulkOf(bytes.length)
    this.out.bytes.set(bytes, at)
  }

  /** A bulk string of so many bytes that the caller fills in. Returns where in `out.bytes` they begin. */
  bulkOf(lengthBytes: number): number {
    return reserveBulk(this.out, lengthBytes)
  }

  text(text: string): void {
    const at = this.bulkOf(Buffer.byteLength(text))
    this.out.bytes.write(text, at)
  }

  /** Text for people; in RESP3 it says that it is. */
  verbatim(text: string): void {
    if (this.protocol === 2) {
      this.text(text)
      return
    }
    const length = Buffer.byteLength(text) + 4
    this.raw(Buffer.from(`=${length}\r\ntxt:${text}\r\n`))
  }

  null(): void {
    this.out.append(this.protocol === 2 ? NULL_BULK_2 : NULL_3)
  }

  nullArray(): void {
    this.out.append(this.protocol === 2 ? NULL_ARRAY_2 : NULL_3)
  }

  boolean(value: boolean): void {
    if (this.protocol === 2) this.integer(value ? 1 : 0)
    else this.raw(Buffer.from(value ? '#t\r\n' : '#f\r\n'))
  }

  double(value: number): void {
    if (this.protocol === 2) this.text(String(value))
    else this.#line(44, Number.isFinite(value) ? String(value) : value > 0 ? 'inf' : '-inf')
  }

  /** Head of an array; so many replies follow. */
  array(count: number): void {
    this.#head(ARRAY, count)
  }

  /** Head of a map; key and value of each entry follow. */
  map(count: number): void {
    if (this.protocol === 2) this.#head(ARRAY, count * 2)
    else this.#head(MAP, count)
  }

  set(count: number): void {
    this.#head(this.protocol === 2 ? ARRAY : SET, count)
  }

  /** Head of what the client did not ask for; an array for clients that know no better. */
  push(count: number): void {
    this.#head(this.protocol === 2 ? ARRAY : PUSH, count)
  }

  /** Bytes that are replies already. */
  raw(bytes: Uint8Array): void {
    this.out.append(bytes)
  }

  #head(type: number, value: number): void {
    const digits = digitsOf(value)
    const at = this.out.reserve(digits + 3)
    this.out.bytes[at] = type
    writeDecimal(this.out.bytes, at + 1, digits, value)
    writeEnd(this.out.bytes, at + 1 + digits)
  }

  /** What is said must not contain a line end. */
  #line(type: number, text: string): void {
    const line = Buffer.from(text.replace(/[\r\n]+/g, ' '))
    const at = this.out.reserve(line.length + 3)
    this.out.bytes[at] = type
    this.out.bytes.set(line, at + 1)
    writeEnd(this.out.bytes, at + 1 + line.length)
  }
}

/** Head and end of a bulk string; answers where in `out.bytes` its bytes go. */
export function reserveBulk(out: OutputBuffer, lengthBytes: number): number {
  const digits = digitsOf(lengthBytes)
  const at = out.reserve(lengthBytes + digits + 5)
  const { bytes } = out
  bytes[at] = BULK
  writeDecimal(bytes, at + 1, digits, lengthBytes)
  writeEnd(bytes, at + 1 + digits)
  const start = at + digits + 3
  writeEnd(bytes, start + lengthBytes)
  return start
}

function digitsOf(value: number): number {
  let digits = 1
  for (let bound = 10; value >= bound; bound *= 10) digits++
  return digits
}

function writeDecimal(bytes: Buffer, at: number, digits: number, value: number): void {
  let rest = value
  for (let i = at + digits - 1; i >= at; i--) {
    const next = Math.floor(rest / 10)
    bytes[i] = ZERO + (rest - next * 10)
    rest = next
  }
}

function writeEnd(bytes: Buffer, at: number): void {
  bytes[at] = CR
  bytes[at + 1] = LF
}
