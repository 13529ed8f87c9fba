import { Metadata, status } from '@grpc/grpc-js'
import { Http2Code } from './http2/errors.js'

/** How a call ended. */
export interface CallStatus {
  readonly code: number
  readonly details: string
  readonly metadata: Metadata | null
}

const STATUS_CODE_MAX = 16

export function callStatus(code: number, details = '', metadata: Metadata | null = null): CallStatus {
  return { code, details, metadata }
}

export const STATUS_OK: CallStatus = callStatus(status.OK)

/**
 * The status that an error of a handler stands for: `code`, `details` and `metadata` of the error where it has them, else
 * UNKNOWN with its message.
 *
 * @param trailers used in place of the error's own metadata
 */
export function statusOfError(error: unknown, trailers?: Metadata): CallStatus {
  const fields: { code?: unknown; details?: unknown; message?: unknown; metadata?: unknown } =
    typeof error === 'object' && error !== null ? error : { message: String(error) }
  const known = typeof fields.code === 'number' && Number.isInteger(fields.code) && fields.code >= 0
  const code = known && (fields.code as number) <= STATUS_CODE_MAX ? (fields.code as number) : status.UNKNOWN
  let details = 'Unknown Error'
  if (typeof fields.message === 'string') details = fields.message
  if (known && typeof fields.details === 'string') details = fields.details
  const own = fields.metadata instanceof Metadata ? fields.metadata : null
  return callStatus(code, details, trailers ?? own)
}

/** Clients end the connection over header lists above their limit, often of 8 KiB. */
const MESSAGE_BYTES_MAX = 4096

/** grpc-message: UTF-8, with everything outside printable ASCII, and the percent sign, percent-encoded; cut if long. */
export function encodeStatusMessage(message: string): string {
  if (/^[ -$&-~]*$/.test(message)) return message.slice(0, MESSAGE_BYTES_MAX)
  let encoded = ''
  for (const byte of Buffer.from(message, 'utf8')) {
    if (encoded.length > MESSAGE_BYTES_MAX - 3) break
    const plain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25
    encoded += plain ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
  }
  return encoded
}

/** The text of a grpc-message; what is no valid encoding stays as it is. */
export function decodeStatusMessage(encoded: string): string {
  if (!encoded.includes('%')) return encoded
  const bytes = Buffer.from(encoded, 'latin1')
  const decoded = Buffer.alloc(bytes.length)
  let length = 0
  for (let index = 0; index < bytes.length; index++) {
    const hex = bytes[index] === 0x25 ? encoded.slice(index + 1, index + 3) : ''
    if (/^[0-9a-fA-F]{2}$/.test(hex)) {
      decoded[length++] = Number.parseInt(hex, 16)
      index += 2
    } else {
      decoded[length++] = bytes[index]!
    }
  }
  return decoded.toString('utf8', 0, length)
}

/** The status of a call whose stream was reset with this code (gRPC over HTTP/2, "Errors"). */
export function statusOfReset(code: number): number {
  switch (code) {
    case Http2Code.REFUSED_STREAM:
      return status.UNAVAILABLE
    case Http2Code.CANCEL:
      return status.CANCELLED
    case Http2Code.ENHANCE_YOUR_CALM:
      return status.RESOURCE_EXHAUSTED
    case Http2Code.INADEQUATE_SECURITY:
      return status.PERMISSION_DENIED
    default:
      return status.INTERNAL
  }
}

/** The status of a response without grpc-status (gRPC, doc/http-grpc-status-mapping.md). */
export function statusOfHttp(httpStatus: number): number {
  switch (httpStatus) {
    case 400:
      return status.INTERNAL
    case 401:
      return status.UNAUTHENTICATED
    case 403:
      return status.PERMISSION_DENIED
    case 404:
      return status.UNIMPLEMENTED
    case 429:
    case 502:
    case 503:
    case 504:
      return status.UNAVAILABLE
    default:
      return status.UNKNOWN
  }
}
