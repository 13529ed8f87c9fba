import type { RespLimits } from './limits.js'

/** What {@link RequestParser.next} says of bytes that end before the request does, and of bytes that are no request. */
export const INCOMPLETE = -1
export const MALFORMED = -2

const CR = 13
const LF = 10
const STAR = 42
const DOLLAR = 36
const MINUS = 45
const ZERO = 48
/** A sign, 20 digits, CR: no number that is taken is longer. */
const NUMBER_BYTES_MAX = 22

/** The bounds that hold for a client at the moment. */
export type RequestLimits = Pick<RespLimits, 'argCountMax' | 'requestBytesMax' | 'inlineBytesMax'>

/**
 * Requests of the Redis protocol from bytes: arrays of bulk strings, and inline commands. No I/O, no clock. What was
 * understood of an incomplete request is kept, so that a request which comes byte by byte is read once, not once a byte.
 */
export class RequestParser {
  /** Arguments of the request that was complete; views of the bytes, or of their own for an inline command. */
  args: Buffer[] = []
  /** After MALFORMED: what is wrong, as Redis words it. */
  fault = ''
  /** Where to go on, relative to the start of the request. */
  #at = 0
  /** Bulk strings to come; −1 before the head of the request. */
  #argsLeft = -1
  /** Length of the bulk string that comes now; −1 before its head. */
  #bulkBytes = -1
  /** Start and end of each argument, relative to the start of the request. */
  #bounds: number[] = []

  /** True in the middle of a request. */
  get isPartial(): boolean {
    return this.#at > 0
  }

  /**
   * Reads the request that begins at `bytes[start]`; nothing that counts lies behind `end`. After INCOMPLETE, the next
   * call must have the same request at its `start`, with more of it.
   *
   * @returns where the request ends, its arguments in `args`; or INCOMPLETE, or MALFORMED
   */
  next(bytes: Buffer, start: number, end: number, limits: RequestLimits): number {
    if (this.#argsLeft < 0) {
      if (start === end) return INCOMPLETE
      if (bytes[start] !== STAR) return this.#inline(bytes, start, end, limits)
      const head = this.#head(bytes, start, end, limits)
      if (head !== 0) return head
    }
    while (this.#argsLeft > 0) {
      const bulk = this.#bulk(bytes, start, end, limits)
      if (bulk !== 0) return bulk
    }
    return this.#complete(bytes, start)
  }

  /** 0 when the number of arguments is known. */
  #head(bytes: Buffer, start: number, end: number, { argCountMax }: RequestLimits): number {
    const count = this.#number(bytes, start + 1, end)
    if (count === undefined) return INCOMPLETE
    if (Number.isNaN(count) || count > argCountMax) return this.#refuse('invalid multibulk length')
    // Nothing and less than nothing: no request, and no reply.
    this.#argsLeft = Math.max(0, count)
    return 0
  }

  /** 0 when one more argument is there. */
  #bulk(bytes: Buffer, start: number, end: number, { requestBytesMax }: RequestLimits): number {
    if (this.#bulkBytes < 0) {
      const at = start + this.#at
      if (at >= end) return INCOMPLETE
      if (bytes[at] !== DOLLAR) return this.#refuse(`expected '$', got '${printable(bytes[at]!)}'`)
      const length = this.#number(bytes, at + 1, end)
      if (length === undefined) return INCOMPLETE
      if (Number.isNaN(length) || length < 0) return this.#refuse('invalid bulk length')
      this.#at = this.#numberEnd - start
      if (this.#at + length > requestBytesMax) return this.#refuse('invalid bulk length')
      this.#bulkBytes = length
    }
    const from = this.#at
    const to = from + this.#bulkBytes
    if (start + to + 2 > end) return INCOMPLETE
    if (bytes[start + to] !== CR || bytes[start + to + 1] !== LF) {
      return this.#refuse('expected CR LF after a bulk string')
    }
    this.#bounds.push(from, to)
    this.#at = to + 2
    this.#bulkBytes = -1
    this.#argsLeft--
    return 0
  }

  #complete(bytes: Buffer, start: number): number {
    const bounds = this.#bounds
    const args: Buffer[] = []
    for (let i = 0; i < bounds.length; i += 2) {
      args.push(bytes.subarray(start + bounds[i]!, start + bounds[i + 1]!))
    }
    this.args = args
    const end = start + this.#at
    this.#reset()
    return end
  }

  #inline(bytes: Buffer, start: number, end: number, { inlineBytesMax }: RequestLimits): number {
    const newline = bytes.subarray(0, end).indexOf(LF, start + this.#at)
    const length = (newline < 0 ? end : newline) - start
    if (length > inlineBytesMax) return this.#refuse('too big inline request')
    if (newline < 0) {
      this.#at = length
      return INCOMPLETE
    }
    const lineEnd = newline > start && bytes[newline - 1] === CR ? newline - 1 : newline
    const args = splitInline(bytes.subarray(start, lineEnd))
    if (args === undefined) return this.#refuse('unbalanced quotes in request')
    this.args = args
    this.#reset()
    return newline + 1
  }

  /** Where the number that was read last ends, its CR LF included. */
  #numberEnd = 0

  /** A decimal number and CR LF; undefined when more bytes are needed, NaN when it is none. */
  #number(bytes: Buffer, from: number, end: number): number | undefined {
    let at = from
    const isNegative = bytes[at] === MINUS && at < end
    if (isNegative) at++
    let value = 0
    for (const digits = at; ; at++) {
      if (at - from > NUMBER_BYTES_MAX) return Number.NaN
      if (at >= end) return undefined
      const byte = bytes[at]!
      if (byte === CR && at > digits) break
      if (byte < ZERO || byte > ZERO + 9) return Number.NaN
      value = value * 10 + (byte - ZERO)
    }
    if (at + 1 >= end) return undefined
    if (bytes[at + 1] !== LF) return Number.NaN
    this.#numberEnd = at + 2
    if (this.#argsLeft < 0) this.#at = 1 + (this.#numberEnd - from)
    return isNegative ? -value : value
  }

  #refuse(what: string): number {
    this.fault = `Protocol error: ${what}`
    this.#reset()
    return MALFORMED
  }

  #reset(): void {
    this.#at = 0
    this.#argsLeft = -1
    this.#bulkBytes = -1
    this.#bounds = []
  }
}

function printable(byte: number): string {
  return byte > 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
}

const ESCAPES: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, b: 8, a: 7 }

/** Words of a line, quoted or not, as Redis and its command line take them; undefined for quotes that do not match. */
function splitInline(line: Buffer): Buffer[] | undefined {
  const args: Buffer[] = []
  const text = line.toString('latin1')
  let at = 0
  for (;;) {
    while (at < text.length && isSpace(text[at]!)) at++
    if (at >= text.length) return args
    const word: number[] = []
    while (at < text.length && !isSpace(text[at]!)) {
      const quote = text[at]!
      if (quote !== '"' && quote !== "'") {
        word.push(text.charCodeAt(at++))
        continue
      }
      at = quote === '"' ? readDoubleQuoted(text, at + 1, word) : readSingleQuoted(text, at + 1, word)
      // A closing quote ends the word.
      if (at < 0 || (at < text.length && !isSpace(text[at]!))) return undefined
    }
    args.push(Buffer.from(word))
  }
}

/** Where the text goes on behind the closing quote; −1 when there is none. */
function readDoubleQuoted(text: string, from: number, word: number[]): number {
  for (let at = from; at < text.length; at++) {
    const char = text[at]!
    if (char === '"') return at + 1
    if (char !== '\\' || at + 1 >= text.length) {
      word.push(text.charCodeAt(at))
      continue
    }
    const hex = /^x([0-9a-f]{2})/i.exec(text.slice(at + 1, at + 4))
    if (hex === null) {
      at++
      word.push(ESCAPES[text[at]!] ?? text.charCodeAt(at))
    } else {
      word.push(Number.parseInt(hex[1]!, 16))
      at += 3
    }
  }
  return -1
}

function readSingleQuoted(text: string, from: number, word: number[]): number {
  for (let at = from; at < text.length; at++) {
    if (text[at] === "'") return at + 1
    if (text[at] === '\\' && text[at + 1] === "'") at++
    word.push(text.charCodeAt(at))
  }
  return -1
}

function isSpace(char: string): boolean {
  return char === ' ' || (char >= '\t' && char <= '\r') || char === '\0'
}
