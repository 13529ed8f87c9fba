/** Error codes of RST_STREAM and GOAWAY (RFC 9113, section 7). */
export const Http2Code = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  CONNECT_ERROR: 0xa,
  ENHANCE_YOUR_CALM: 0xb,
  INADEQUATE_SECURITY: 0xc,
  HTTP_1_1_REQUIRED: 0xd,
} as const

export type Http2CodeName = keyof typeof Http2Code

/** The peer broke the connection's rules: GOAWAY with the code, then the socket closes. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError'
  readonly code: number

  constructor(code: Http2CodeName, message: string) {
    super(message)
    this.code = Http2Code[code]
  }
}

/** The peer does again and again what costs us more than it: it is told so, but not let go at once. */
export class FloodError extends ConnectionError {
  constructor(message: string) {
    super('ENHANCE_YOUR_CALM', message)
  }
}

/** The peer broke the rules of one stream: RST_STREAM with the code; other streams go on. */
export class StreamError extends Error {
  override readonly name = 'StreamError'
  readonly streamId: number
  readonly code: number

  constructor(streamId: number, code: Http2CodeName, message: string) {
    super(message)
    this.streamId = streamId
    this.code = Http2Code[code]
  }
}
