import { isGrpcContentType } from '../http-answer.js'
import type { DecodedHeaders } from '../http2/hpack-decoder.js'
import { checkTrailers } from '../http2/request-head.js'
import { decodeStatusMessage } from '../status.js'

/** A header block of a response, checked: headers or trailers, or both in one. */
export interface ResponseHead {
  /** Why it cannot be used; the rest is then void. */
  readonly malformed: string | undefined
  /** `:status`; 0 without one, as in trailers. */
  readonly httpStatus: number
  /** True when content-type says gRPC. */
  readonly grpc: boolean
  readonly contentType: string
  /** −1 without one; UNKNOWN for what is no number. */
  readonly grpcStatus: number
  readonly grpcMessage: string
  /** All fields without pseudo-header fields: names and values in turn. */
  readonly fields: readonly string[]
}

const STATUS_UNKNOWN = 2

/** Checks a response's header block (RFC 9113, section 8.3.2) and takes out what a gRPC call needs. Never throws. */
export function parseResponseHead(decoded: DecodedHeaders): ResponseHead {
  const { fields } = decoded
  if (decoded.truncated) return malformedHead(`header list of ${decoded.listBytes} bytes`)
  const hasStatus = fields[0] === ':status'
  const httpStatus = hasStatus ? parseHttpStatus(fields[1]!) : 0
  if (hasStatus && httpStatus === 0) return malformedHead(':status')
  const regular = hasStatus ? fields.slice(2) : fields
  try {
    // Names that begin with a colon are no tokens: pseudo-header fields are refused here as well.
    checkTrailers(0, regular)
  } catch {
    return malformedHead('malformed header field')
  }
  const contentType = findField(regular, 'content-type') ?? ''
  const status = findField(regular, 'grpc-status')
  return {
    malformed: undefined,
    httpStatus,
    grpc: isGrpcContentType(contentType),
    contentType,
    grpcStatus: status === undefined ? -1 : parseGrpcStatus(status),
    grpcMessage: decodeStatusMessage(findField(regular, 'grpc-message') ?? ''),
    fields: regular,
  }
}

function malformedHead(malformed: string): ResponseHead {
  const nothing = { httpStatus: 0, grpc: false, contentType: '', grpcStatus: -1, grpcMessage: '', fields: [] }
  return { malformed, ...nothing }
}

function parseHttpStatus(text: string): number {
  return /^[1-9]\d\d$/.test(text) ? Number(text) : 0
}

function parseGrpcStatus(text: string): number {
  const status = /^\d{1,9}$/.test(text) ? Number(text) : STATUS_UNKNOWN
  return status <= 16 ? status : STATUS_UNKNOWN
}

function findField(fields: readonly string[], name: string): string | undefined {
  for (let index = 0; index < fields.length; index += 2) if (fields[index] === name) return fields[index + 1]
  return undefined
}
