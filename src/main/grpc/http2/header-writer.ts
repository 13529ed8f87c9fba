import type { OutputBuffer } from '../../sockets/output-buffer.js'
import {
  beginFrame,
  Flag,
  FRAME_BYTES_DEFAULT,
  FRAME_HEADER_BYTES,
  FrameType,
  writeFrameHeader,
} from './frame.js'
import type { HpackEncoder } from './hpack-encoder.js'

/** Appends a header list as HEADERS, and CONTINUATION where one frame does not hold it. */
export function writeHeaders(
  output: OutputBuffer,
  encoder: HpackEncoder,
  streamId: number,
  fields: readonly string[],
  endStream: boolean,
): void {
  const frame = output.reserve(FRAME_HEADER_BYTES)
  encoder.write(fields, output)
  const lengthBytes = output.length - frame - FRAME_HEADER_BYTES
  const flags = endStream ? Flag.END_STREAM : 0
  if (lengthBytes <= FRAME_BYTES_DEFAULT) {
    writeFrameHeader(output.bytes, frame, lengthBytes, FrameType.HEADERS, flags | Flag.END_HEADERS, streamId)
    return
  }
  const block = Buffer.from(output.bytes.subarray(frame + FRAME_HEADER_BYTES, output.length))
  output.length = frame
  for (let offset = 0; offset < block.length; offset += FRAME_BYTES_DEFAULT) {
    const piece = block.subarray(offset, offset + FRAME_BYTES_DEFAULT)
    const last = offset + piece.length === block.length ? Flag.END_HEADERS : 0
    const type = offset === 0 ? FrameType.HEADERS : FrameType.CONTINUATION
    const payload = beginFrame(output, piece.length, type, (offset === 0 ? flags : 0) | last, streamId)
    piece.copy(output.bytes, payload)
  }
}
