import type { OutputBuffer } from '../sockets/output-buffer.js'
import { reserveBulk } from './compose.js'
import type { KeySpace } from './key-space.js'

const CR = 13
const LF = 10
const ZERO = 48
/** Digits of the length of a key on this path: 99,999 is more than a key may have. */
const DIGITS_MAX = 5
/** `*2\r\n$3\r\nGET\r\n$` */
const HEAD_BYTES = 14

/**
 * Hits of GET from bytes to bytes: the request is recognised by its bytes, the key is hashed where it lies, the value goes
 * from shared memory into the output of the connection. Nothing is allocated. Whatever is not that simple is left to
 * the command: misses, "not found", keys of other nodes, requests that are not complete or written in another way.
 */
export class HotGet {
  readonly #keys: KeySpace

  constructor(keys: KeySpace) {
    this.#keys = keys
  }

  /**
   * Serves the request at `bytes[at]`, if it is a GET of a value in memory. For pinned callers.
   *
   * @returns where the request ends; 0 when nothing was served
   */
  serve(bytes: Buffer, at: number, end: number, out: OutputBuffer): number {
    if (end - at < HEAD_BYTES || !isGet(bytes, at)) return 0
    let from = at + HEAD_BYTES
    let length = 0
    for (const digitsEnd = from + DIGITS_MAX; ; from++) {
      const byte = bytes[from]!
      if (byte === CR) break
      if (from >= digitsEnd || from >= end || byte < ZERO || byte > ZERO + 9) return 0
      length = length * 10 + (byte - ZERO)
    }
    const name = from + 2
    const nameEnd = name + length
    if (nameEnd + 2 > end || bytes[from + 1] !== LF || bytes[nameEnd] !== CR || bytes[nameEnd + 1] !== LF)
      return 0
    const key = this.#keys.locate(bytes, name, nameEnd)
    if (key < 0) return 0
    const group = this.#keys.group!
    const valueBytes = group.find(bytes, key, nameEnd, false)
    if (valueBytes < 0) return 0
    const place = reserveBulk(out, valueBytes)
    group.copyFound(out.bytes, place)
    return nameEnd + 2
  }
}

/** `*2 $3 GET $`, its letters in any case. */
function isGet(bytes: Buffer, at: number): boolean {
  return (
    bytes[at] === 42 &&
    bytes[at + 1] === 50 &&
    bytes[at + 2] === CR &&
    bytes[at + 3] === LF &&
    bytes[at + 4] === 36 &&
    bytes[at + 5] === 51 &&
    bytes[at + 6] === CR &&
    bytes[at + 7] === LF &&
    (bytes[at + 8]! | 32) === 103 &&
    (bytes[at + 9]! | 32) === 101 &&
    (bytes[at + 10]! | 32) === 116 &&
    bytes[at + 11] === CR &&
    bytes[at + 12] === LF &&
    bytes[at + 13] === 36
  )
}
