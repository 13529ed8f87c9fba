import { StreamError } from './errors.js'

/** A request's header block, checked (RFC 9113, sections 8.2 and 8.3). */
export interface RequestHead {
  readonly method: string
  readonly path: string
  /** `:authority`, or `host` in its stead; empty when there was neither. */
  readonly authority: string
  /** −1 when there was none. */
  readonly contentLength: number
  /** Every field as it came, pseudo-header fields included: names and values in turn. */
  readonly fields: readonly string[]
}

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/
/** A character that no value may have, or white space around it. */
const BAD_VALUE = /[^\t -~\u0080-\u00ff]|^[ \t]|[ \t]$/
const CONNECTION_SPECIFIC: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'transfer-encoding',
  'upgrade',
])

/** True when a field may have this value, Latin-1. */
export function isFieldValue(value: string): boolean {
  return !BAD_VALUE.test(value)
}

class HeadParser {
  method: string | undefined
  scheme: string | undefined
  path: string | undefined
  authority: string | undefined
  host: string | undefined
  contentLength = -1
  private readonly streamId: number
  private regularSeen = false

  constructor(streamId: number) {
    this.streamId = streamId
  }

  add(name: string, value: string): void {
    if (!isFieldValue(value)) this.fail(`value of ${name}`)
    if (name.charCodeAt(0) === 0x3a) {
      if (this.regularSeen) this.fail(`${name} after regular fields`)
      this.addPseudo(name, value)
      return
    }
    this.regularSeen = true
    if (!NAME.test(name)) this.fail('field name')
    if (CONNECTION_SPECIFIC.has(name)) this.fail(name)
    if (name === 'te' && value !== 'trailers') this.fail('te')
    if (name === 'host') this.host = value
    if (name === 'content-length') this.addContentLength(value)
  }

  fail(what: string): never {
    throw new StreamError(this.streamId, 'PROTOCOL_ERROR', `malformed request: ${what}`)
  }

  private addPseudo(name: string, value: string): void {
    switch (name) {
      case ':method':
        if (this.method !== undefined) this.fail('second :method')
        this.method = value
        return
      case ':scheme':
        if (this.scheme !== undefined) this.fail('second :scheme')
        this.scheme = value
        return
      case ':path':
        if (this.path !== undefined) this.fail('second :path')
        this.path = value
        return
      case ':authority':
        if (this.authority !== undefined) this.fail('second :authority')
        this.authority = value
        return
      default:
        this.fail('unknown pseudo-header field')
    }
  }

  private addContentLength(value: string): void {
    const length = /^\d{1,15}$/.test(value) ? Number(value) : -1
    if (length < 0 || (this.contentLength >= 0 && this.contentLength !== length)) this.fail('content-length')
    this.contentLength = length
  }
}

/** @throws StreamError PROTOCOL_ERROR for a malformed request */
export function parseRequestHead(streamId: number, fields: readonly string[]): RequestHead {
  const parser = new HeadParser(streamId)
  for (let index = 0; index < fields.length; index += 2) parser.add(fields[index]!, fields[index + 1]!)
  const { method, scheme, path } = parser
  const authority = parser.authority ?? parser.host ?? ''
  if (method === undefined) return parser.fail('no :method')
  // CONNECT has neither scheme nor path (RFC 9113, section 8.5); it is answered like any method that we do not offer.
  if (method === 'CONNECT')
    return { method, path: '', authority, contentLength: parser.contentLength, fields }
  if (scheme === undefined || path === undefined || path === '') {
    return parser.fail('no :scheme or :path')
  }
  return { method, path, authority, contentLength: parser.contentLength, fields }
}

/** @throws StreamError PROTOCOL_ERROR for trailers with pseudo-header fields or malformed ones */
export function checkTrailers(streamId: number, fields: readonly string[]): void {
  for (let index = 0; index < fields.length; index += 2) {
    if (!NAME.test(fields[index]!) || !isFieldValue(fields[index + 1]!)) {
      throw new StreamError(streamId, 'PROTOCOL_ERROR', 'malformed trailers')
    }
  }
}
