import { Metadata } from '@grpc/grpc-js'

/** Fields of the protocol, which are not the application's. */
const RESERVED: ReadonlySet<string> = new Set([
  'te',
  'content-type',
  'content-length',
  'grpc-encoding',
  'grpc-accept-encoding',
  'grpc-status',
  'grpc-message',
  'grpc-message-type',
  'grpc-timeout',
  'host',
])
const BINARY_SUFFIX = '-bin'

/** The application's part of a header list. What is no legal metadata is left out: it must not fail the call. */
export function metadataOfFields(fields: readonly string[]): Metadata {
  const metadata = new Metadata()
  for (let index = 0; index < fields.length; index += 2) {
    const name = fields[index]!
    if (name.charCodeAt(0) === 0x3a || RESERVED.has(name)) continue
    addField(metadata, name, fields[index + 1]!)
  }
  return metadata
}

/** Appends metadata to a header list; reserved names are left out. */
export function appendMetadata(fields: string[], metadata: Metadata | null): void {
  if (metadata === null) return
  const headers = metadata.toHttp2Headers()
  for (const name of Object.keys(headers)) {
    if (RESERVED.has(name) || name.charCodeAt(0) === 0x3a) continue
    const values = headers[name]
    for (const value of Array.isArray(values) ? values : [String(values)]) {
      // Base64 goes unpadded; both forms are read.
      fields.push(name, name.endsWith(BINARY_SUFFIX) ? value.replace(/=+$/, '') : value)
    }
  }
}

function addField(metadata: Metadata, name: string, value: string): void {
  try {
    if (!name.endsWith(BINARY_SUFFIX)) {
      metadata.add(name, value)
      return
    }
    for (const part of value.split(',')) metadata.add(name, Buffer.from(part, 'base64'))
  } catch {
    // The Metadata class checks names and values; there is nobody to tell.
  }
}
