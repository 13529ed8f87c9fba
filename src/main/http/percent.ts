import { CacheError } from '../../shared/errors.js'

const PERCENT = 0x25
const SPACE = 0x20

/**
 * The bytes that a part of a URL stands for (RFC 3986 §2.1): any bytes, for a key need not be text.
 *
 * @param plusIsSpace as forms have it, and Go's url.QueryEscape
 * @throws CacheError INVALID_ARGUMENT for a percent sign without two hex digits behind it, and for what is no ASCII
 */
export function percentDecode(text: string, plusIsSpace = false): Uint8Array {
  const encoded = plusIsSpace ? text.replaceAll('+', '%20') : text
  const bytes = new Uint8Array(encoded.length)
  const length = percentDecodeInto(encoded, 0, encoded.length, bytes)
  if (length < 0) throw new CacheError('INVALID_ARGUMENT', 'The URL is not properly percent-encoded')
  return bytes.subarray(0, length)
}

/**
 * As percentDecode() for text[start…end), into memory of the caller that has room for as many bytes.
 *
 * @returns how many bytes those are; −1 for what cannot be decoded
 */
export function percentDecodeInto(text: string, start: number, end: number, bytes: Uint8Array): number {
  let length = 0
  for (let i = start; i < end; i++) {
    let code = text.charCodeAt(i)
    if (code === PERCENT) {
      const high = hexDigit(text.charCodeAt(i + 1))
      const low = hexDigit(text.charCodeAt(i + 2))
      if (i + 2 >= end || high < 0 || low < 0) return -1
      code = (high << 4) | low
      i += 2
    } else if (code <= SPACE || code >= 0x7f) return -1
    bytes[length++] = code
  }
  return length
}

/** Text that a part of a URL stands for. @throws CacheError INVALID_ARGUMENT also when it is no UTF-8 */
export function percentDecodeText(text: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(percentDecode(text))
  } catch (thrown) {
    if (thrown instanceof CacheError) throw thrown
    throw new CacheError('INVALID_ARGUMENT', 'The path is no UTF-8 where a name is expected')
  }
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}
