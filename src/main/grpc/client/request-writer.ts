import { PREFIX_BYTES, writePrefix } from '../framing.js'
import type { ConnectionOutput } from '../http2/connection-output.js'
import { beginFrame, Flag, FRAME_HEADER_BYTES, FrameType, writeFrameHeader } from '../http2/frame.js'
import { writeInteger } from '../http2/hpack-integer.js'
import { ENTRY_OVERHEAD_BYTES } from '../http2/hpack-table.js'
import { formatTimeout } from '../timeout.js'

/** What the calls of a client have in common. */
export interface RequestCommons {
  readonly scheme: string
  readonly authority: string
  readonly userAgent: string
}

const TIMEOUT_NAME = 'grpc-timeout'
/** A literal field that enters no table, with its name spelled out: only the value is missing. */
const TIMEOUT_FIELD = Buffer.concat([
  Buffer.from([0x00, TIMEOUT_NAME.length]),
  Buffer.from(TIMEOUT_NAME, 'latin1'),
])
const TIMEOUT_LIST_BYTES = TIMEOUT_NAME.length + 9 + ENTRY_OVERHEAD_BYTES
/** Timeouts up to here are written as whole milliseconds. */
const PLAIN_TIMEOUT_MS_MAX = 99_999_999

/** The header block of one method's calls, encoded. */
interface Template {
  readonly fields: readonly string[]
  /** Σ (name + value + 32), with a grpc-timeout. */
  readonly listBytes: number
  /** Good while the encoder is of this version. */
  version: number
  block: Uint8Array
}

/**
 * Writes requests. The fields of a method are the same for all its calls: they enter the server's table with the first and
 * are one octet each from then on. grpc-timeout differs from call to call: it never enters the table, so that nothing is
 * ever pushed out.
 */
export class RequestWriter {
  private readonly commons: RequestCommons
  private readonly output: ConnectionOutput
  private readonly templates = new Map<string, Template>()

  constructor(commons: RequestCommons, output: ConnectionOutput) {
    this.commons = commons
    this.output = output
  }

  /** What the header list of a call comes to at most: to be compared with the server's limit. */
  listBytesOf(path: string, fields: readonly string[]): number {
    const { listBytes } = this.templateOf(path)
    return fields.reduce((sum, text) => sum + text.length + ENTRY_OVERHEAD_BYTES / 2, listBytes)
  }

  /** Appends HEADERS. @param timeoutMs Infinity for none @param fields of this call alone: they enter no table */
  writeHead(path: string, timeoutMs: number, streamId: number, fields: readonly string[]): void {
    const template = this.templateOf(path)
    const { buffer, encoder } = this.output
    const frame = buffer.reserve(FRAME_HEADER_BYTES)
    if (template.version === encoder.version && !encoder.mustAnnounceSize) {
      buffer.append(template.block)
    } else {
      encoder.write(template.fields, buffer)
      template.block = encoder.template(template.fields)
      template.version = encoder.version
    }
    if (timeoutMs !== Number.POSITIVE_INFINITY) this.writeTimeout(timeoutMs)
    for (let index = 0; index < fields.length; index += 2) this.writeField(fields[index]!, fields[index + 1]!)
    const lengthBytes = buffer.length - frame - FRAME_HEADER_BYTES
    writeFrameHeader(buffer.bytes, frame, lengthBytes, FrameType.HEADERS, Flag.END_HEADERS, streamId)
  }

  /** Appends the whole message in one DATA frame, which ends the request. */
  writeMessage(message: Uint8Array, streamId: number): void {
    const { buffer } = this.output
    const lengthBytes = message.length
    const offset = beginFrame(buffer, PREFIX_BYTES + lengthBytes, FrameType.DATA, Flag.END_STREAM, streamId)
    writePrefix(buffer.bytes, offset, false, lengthBytes)
    buffer.bytes.set(message, offset + PREFIX_BYTES)
  }

  private templateOf(path: string): Template {
    const known = this.templates.get(path)
    if (known !== undefined) return known
    const { scheme, authority, userAgent } = this.commons
    const fields = [
      ...[':method', 'POST', ':scheme', scheme, ':path', path, ':authority', authority],
      ...['te', 'trailers', 'content-type', 'application/grpc', 'user-agent', userAgent],
    ]
    const listBytes = fields.reduce(
      (sum, text) => sum + text.length,
      (fields.length / 2) * ENTRY_OVERHEAD_BYTES,
    )
    const template: Template = {
      fields,
      listBytes: listBytes + TIMEOUT_LIST_BYTES,
      version: -1,
      block: new Uint8Array(0),
    }
    this.templates.set(path, template)
    return template
  }

  private writeField(name: string, value: string): void {
    const { buffer } = this.output
    buffer.appendByte(0x00)
    for (const text of [name, value]) {
      writeInteger(buffer, 0x00, 0x7f, text.length)
      buffer.append(Buffer.from(text, 'latin1'))
    }
  }

  private writeTimeout(timeoutMs: number): void {
    const { buffer } = this.output
    buffer.append(TIMEOUT_FIELD)
    if (timeoutMs > PLAIN_TIMEOUT_MS_MAX) {
      const text = formatTimeout(timeoutMs)
      buffer.appendByte(text.length)
      buffer.append(Buffer.from(text, 'latin1'))
      return
    }
    const wholeMs = Math.max(0, Math.ceil(timeoutMs))
    let digits = 1
    for (let limit = 10; limit <= wholeMs; limit *= 10) digits++
    buffer.appendByte(digits + 1)
    const offset = buffer.reserve(digits + 1)
    let rest = wholeMs
    for (let index = offset + digits - 1; index >= offset; index--) {
      buffer.bytes[index] = 0x30 + (rest % 10)
      rest = Math.floor(rest / 10)
    }
    buffer.bytes[offset + digits] = 0x6d
  }
}
