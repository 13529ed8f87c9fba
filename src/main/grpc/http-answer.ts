import { status } from '@grpc/grpc-js'
import { Http2Code } from './http2/errors.js'
import type { RequestHead } from './http2/request-head.js'
import type { Http2Stream, StreamListener } from './http2/stream.js'
import { encodeStatusMessage } from './status.js'

/**
 * Answers a request that is no gRPC, in words that an HTTP client understands, once the request has ended: its body is
 * dropped.
 */
export class HttpAnswer implements StreamListener {
  private readonly stream: Http2Stream
  private readonly fields: readonly string[]
  private readonly text: string

  constructor(
    stream: Http2Stream,
    httpStatus: number,
    grpcStatus: number,
    text: string,
    extra: readonly string[] = [],
  ) {
    this.stream = stream
    this.text = `${text}\n`
    this.fields = [
      ':status',
      String(httpStatus),
      'content-type',
      'text/plain',
      'grpc-status',
      String(grpcStatus),
      'grpc-message',
      encodeStatusMessage(text),
      ...extra,
    ]
    stream.listener = this
  }

  onData(_buffer: Buffer, start: number, end: number): void {
    this.stream.consume(end - start)
  }

  onEnd(): void {
    this.stream.sendHeaders(this.fields)
    this.stream.sendData(Buffer.from(this.text, 'latin1'), true)
  }

  onReset(): void {}

  onDrain(): void {}
}

const GRPC_CONTENT_TYPE = /^application\/grpc(?:[+;].*)?$/i

/** True for application/grpc, alone or with a codec or parameters behind it. */
export function isGrpcContentType(contentType: string | undefined): boolean {
  return contentType !== undefined && GRPC_CONTENT_TYPE.test(contentType)
}

const PROTOBUF_CONTENT_TYPE = /^application\/grpc(?:\+proto)?(?:;.*)?$/i

/** True when messages are protobuf: another codec's would be read as what they are not. */
export function isProtobufContentType(contentType: string | undefined): boolean {
  return contentType !== undefined && PROTOBUF_CONTENT_TYPE.test(contentType)
}

/** Answers what is no gRPC request; false when it is one. */
export function answerIfNotGrpc(
  stream: Http2Stream,
  head: RequestHead,
  contentType: string | undefined,
): boolean {
  if (head.method !== 'POST') {
    new HttpAnswer(stream, 405, status.INTERNAL, `method ${head.method} is not allowed`, ['allow', 'POST'])
    return true
  }
  if (!isProtobufContentType(contentType)) {
    new HttpAnswer(stream, 415, status.UNKNOWN, 'content-type is not application/grpc, alone or with +proto')
    return true
  }
  return false
}

/** Ends a request that has stopped in the middle. */
export function abandonRequest(stream: Http2Stream): void {
  stream.listener?.onReset(Http2Code.CANCEL)
  stream.listener = undefined
  stream.reset(Http2Code.CANCEL)
}
