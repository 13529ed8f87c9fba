import type { OutputBuffer } from '../../sockets/output-buffer.js'
import { Http2Code } from './errors.js'

/** Frame types (RFC 9113, section 6). */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const

export const Flag = {
  /** SETTINGS and PING. */
  ACK: 0x1,
  /** DATA and HEADERS. */
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const

export const FRAME_HEADER_BYTES = 9
/** The payload that every peer takes, and the largest that we take. */
export const FRAME_BYTES_DEFAULT = 16_384
export const STREAM_ID_MAX = 0x7fff_ffff
/** What a client sends first (RFC 9113, section 3.4). */
export const CLIENT_PREFACE = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'latin1')

const PING_BYTES = 8

export function readUint24(buffer: Uint8Array, offset: number): number {
  return (buffer[offset]! << 16) | (buffer[offset + 1]! << 8) | buffer[offset + 2]!
}

export function readUint31(buffer: Uint8Array, offset: number): number {
  return readUint32(buffer, offset) & 0x7fff_ffff
}

export function readUint32(buffer: Uint8Array, offset: number): number {
  return (
    ((buffer[offset]! << 24) |
      (buffer[offset + 1]! << 16) |
      (buffer[offset + 2]! << 8) |
      buffer[offset + 3]!) >>>
    0
  )
}

export function writeUint32(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 24
  buffer[offset + 1] = value >>> 16
  buffer[offset + 2] = value >>> 8
  buffer[offset + 3] = value
}

/** Nine bytes at `offset`: length, type, flags, stream. */
export function writeFrameHeader(
  buffer: Uint8Array,
  offset: number,
  lengthBytes: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  buffer[offset] = lengthBytes >>> 16
  buffer[offset + 1] = lengthBytes >>> 8
  buffer[offset + 2] = lengthBytes
  buffer[offset + 3] = type
  buffer[offset + 4] = flags
  writeUint32(buffer, offset + 5, streamId)
}

/** Appends a frame header and room for its payload; answers the offset of the payload. */
export function beginFrame(
  output: OutputBuffer,
  lengthBytes: number,
  type: number,
  flags: number,
  streamId: number,
): number {
  const offset = output.reserve(FRAME_HEADER_BYTES + lengthBytes)
  writeFrameHeader(output.bytes, offset, lengthBytes, type, flags, streamId)
  return offset + FRAME_HEADER_BYTES
}

export function writeSettingsAck(output: OutputBuffer): void {
  beginFrame(output, 0, FrameType.SETTINGS, Flag.ACK, 0)
}

/** `payload` holds the eight opaque bytes at `start`. */
export function writePing(output: OutputBuffer, flags: number, payload: Uint8Array, start: number): void {
  const offset = beginFrame(output, PING_BYTES, FrameType.PING, flags, 0)
  for (let index = 0; index < PING_BYTES; index++) output.bytes[offset + index] = payload[start + index]!
}

export function writeRstStream(output: OutputBuffer, streamId: number, code: number): void {
  const offset = beginFrame(output, 4, FrameType.RST_STREAM, 0, streamId)
  writeUint32(output.bytes, offset, code)
}

export function writeWindowUpdate(output: OutputBuffer, streamId: number, increment: number): void {
  const offset = beginFrame(output, 4, FrameType.WINDOW_UPDATE, 0, streamId)
  writeUint32(output.bytes, offset, increment)
}

/** `debug` is for people; it is cut to 256 bytes. */
export function writeGoaway(output: OutputBuffer, lastStreamId: number, code: number, debug: string): void {
  const text = Buffer.from(debug, 'utf8').subarray(0, 256)
  const offset = beginFrame(output, 8 + text.length, FrameType.GOAWAY, 0, 0)
  writeUint32(output.bytes, offset, lastStreamId)
  writeUint32(output.bytes, offset + 4, code)
  text.copy(output.bytes, offset + 8)
}

/** The name of an error code, for messages. */
export function http2CodeName(code: number): string {
  for (const [name, value] of Object.entries(Http2Code)) if (value === code) return name
  return `0x${code.toString(16)}`
}
