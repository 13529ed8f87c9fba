/** One range of bytes, both ends in it. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** True when the client has this representation: If-None-Match, by weak comparison (RFC 9110 §13.1.2). */
export function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  if (ifNoneMatch.trim() === '*') return true
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}

/**
 * The range that a client asks for (RFC 9110 §14.2): undefined for the whole, which also answers what is not understood and
 * more than one range; 'none' when there is nothing of it in so many bytes.
 *
 * @param ifRange an entity tag that must be the present one, or the whole is answered
 */
export function rangeOf(
  range: string | undefined,
  ifRange: string | undefined,
  etag: string,
  lengthBytes: number,
): ByteRange | 'none' | undefined {
  const [, from = '', to = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/i.exec(range?.trim() ?? '') ?? []
  if (from === '' && to === '') return undefined
  if (ifRange !== undefined && ifRange !== etag) return undefined
  if (from === '') {
    const suffixBytes = Math.min(Number(to), lengthBytes)
    return suffixBytes === 0 ? 'none' : { first: lengthBytes - suffixBytes, last: lengthBytes - 1 }
  }
  const first = Number(from)
  const last = to === '' ? lengthBytes - 1 : Math.min(Number(to), lengthBytes - 1)
  if (to !== '' && Number(to) < first) return undefined
  return first >= lengthBytes ? 'none' : { first, last }
}
