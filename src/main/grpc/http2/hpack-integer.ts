import type { OutputBuffer } from '../../sockets/output-buffer.js'
import { ConnectionError } from './errors.js'

/** Continuation octets that an integer may have: enough for 2^28, far above every limit here. */
const OCTETS_MAX = 4

/** Reads integers with an N-bit prefix (RFC 7541, section 5.1) and remembers where they end. */
export class IntegerReader {
  /** Offset of the byte after the integer read last. */
  next = 0

  /**
   * @param prefixMask 2^N − 1
   * @throws ConnectionError COMPRESSION_ERROR when it is cut off or too long
   */
  read(buffer: Uint8Array, start: number, end: number, prefixMask: number): number {
    let value = buffer[start]! & prefixMask
    let offset = start + 1
    if (value === prefixMask) {
      let shift = 0
      for (;;) {
        if (offset >= end) throw new ConnectionError('COMPRESSION_ERROR', 'truncated integer')
        if (shift > 7 * (OCTETS_MAX - 1)) throw new ConnectionError('COMPRESSION_ERROR', 'integer too long')
        const octet = buffer[offset++]!
        value += (octet & 0x7f) * 2 ** shift
        if (octet < 0x80) break
        shift += 7
      }
    }
    this.next = offset
    return value
  }
}

/** Appends an integer; `pattern` holds the bits above the prefix. */
export function writeInteger(output: OutputBuffer, pattern: number, prefixMask: number, value: number): void {
  if (value < prefixMask) {
    output.appendByte(pattern | value)
    return
  }
  output.appendByte(pattern | prefixMask)
  let rest = value - prefixMask
  while (rest >= 0x80) {
    output.appendByte((rest & 0x7f) | 0x80)
    rest = Math.floor(rest / 128)
  }
  output.appendByte(rest)
}
