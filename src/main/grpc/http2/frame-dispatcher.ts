import { ConnectionError } from './errors.js'
import { Flag, FrameType, readUint31, readUint32 } from './frame.js'
import { HeaderBlock } from './header-block.js'

/** Frames that are well-formed in themselves; whether they are allowed in the state of their stream is not checked. */
export interface FrameHandler {
  /** @param padding octets of the payload beside buffer[start, end), its length octet included: they count for flow control */
  onData(
    streamId: number,
    endStream: boolean,
    buffer: Buffer,
    start: number,
    end: number,
    padding: number,
  ): void
  /** A whole header block, joined from its fragments. */
  onHeaders(streamId: number, endStream: boolean, buffer: Buffer, start: number, end: number): void
  /** @param lengthBytes of the payload: any but 5 is an error of the stream */
  onPriority(streamId: number, lengthBytes: number, dependency: number): void
  onRstStream(streamId: number, code: number): void
  /** The payload, unchecked. */
  onSettings(buffer: Buffer, start: number, end: number): void
  /** The eight opaque bytes begin at `start`. */
  onPing(buffer: Buffer, start: number): void
  onPingAck(buffer: Buffer, start: number): void
  onGoaway(lastStreamId: number, code: number, debug: Buffer): void
  /** @param streamId 0 for the connection. @param increment may be 0, which is an error of either */
  onWindowUpdate(streamId: number, increment: number): void
  /** A frame of an unknown type, or an acknowledgement: nothing follows from it. */
  onIdleFrame(): void
  nowMs(): number
}

/**
 * Checks what RFC 9113, section 6 says of each frame by itself (lengths, stream 0 or not, padding, order of
 * CONTINUATION) and hands its contents over. Either side of a connection uses it: nobody may push.
 */
export class FrameDispatcher {
  private readonly handler: FrameHandler
  private readonly block: HeaderBlock
  private settingsSeen = false

  /** @param blockBytesMax of a header block, encoded */
  constructor(handler: FrameHandler, blockBytesMax: number) {
    this.handler = handler
    this.block = new HeaderBlock(blockBytesMax)
  }

  /** When the header block began that has not ended, or −1. */
  get headerStartedAtMs(): number {
    return this.block.open ? this.block.startedAtMs : -1
  }

  /** @throws ConnectionError */
  dispatch(type: number, flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    if (this.block.open && type !== FrameType.CONTINUATION) {
      throw new ConnectionError('PROTOCOL_ERROR', 'frame inside a header block')
    }
    if (!this.settingsSeen) {
      if (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0) {
        throw new ConnectionError('PROTOCOL_ERROR', 'the first frame is not SETTINGS')
      }
      this.settingsSeen = true
    }
    switch (type) {
      case FrameType.DATA:
        this.onData(flags, streamId, buffer, start, end)
        return
      case FrameType.HEADERS:
        this.onHeaders(flags, streamId, buffer, start, end)
        return
      case FrameType.WINDOW_UPDATE:
        requireLength(end - start, 4, 'WINDOW_UPDATE')
        this.handler.onWindowUpdate(streamId, readUint31(buffer, start))
        return
      default:
        this.dispatchRare(type, flags, streamId, buffer, start, end)
    }
  }

  private dispatchRare(
    type: number,
    flags: number,
    streamId: number,
    buffer: Buffer,
    start: number,
    end: number,
  ): void {
    switch (type) {
      case FrameType.PING:
        requireConnection(streamId)
        requireLength(end - start, 8, 'PING')
        if (flags & Flag.ACK) this.handler.onPingAck(buffer, start)
        else this.handler.onPing(buffer, start)
        return
      case FrameType.RST_STREAM:
        requireStream(streamId)
        requireLength(end - start, 4, 'RST_STREAM')
        this.handler.onRstStream(streamId, readUint32(buffer, start))
        return
      case FrameType.SETTINGS:
        this.onSettings(flags, streamId, buffer, start, end)
        return
      case FrameType.CONTINUATION:
        this.block.continue(streamId, buffer, start, end)
        if (flags & Flag.END_HEADERS) this.finishBlock()
        return
      case FrameType.PRIORITY:
        requireStream(streamId)
        this.handler.onPriority(streamId, end - start, end - start >= 4 ? readUint31(buffer, start) : 0)
        return
      case FrameType.GOAWAY:
        this.onGoaway(streamId, buffer, start, end)
        return
      case FrameType.PUSH_PROMISE:
        throw new ConnectionError('PROTOCOL_ERROR', 'PUSH_PROMISE, which nobody may send here')
      default:
        this.handler.onIdleFrame()
    }
  }

  private onData(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    requireStream(streamId)
    const endStream = (flags & Flag.END_STREAM) !== 0
    if ((flags & Flag.PADDED) === 0) {
      this.handler.onData(streamId, endStream, buffer, start, end, 0)
      return
    }
    const padding = readPadding(buffer, start, end)
    this.handler.onData(streamId, endStream, buffer, start + 1, end - padding, padding + 1)
  }

  private onHeaders(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    requireStream(streamId)
    let from = start
    let to = end
    if (flags & Flag.PADDED) {
      to -= readPadding(buffer, start, end)
      from++
    }
    if (flags & Flag.PRIORITY) {
      if (to - from < 5) throw new ConnectionError('FRAME_SIZE_ERROR', 'HEADERS too short for its priority')
      if (readUint31(buffer, from) === streamId) {
        throw new ConnectionError('PROTOCOL_ERROR', `stream ${streamId} depends on itself`)
      }
      from += 5
    }
    const endStream = (flags & Flag.END_STREAM) !== 0
    if (flags & Flag.END_HEADERS) {
      this.handler.onHeaders(streamId, endStream, buffer, from, to)
      return
    }
    this.block.begin(streamId, endStream, this.handler.nowMs())
    this.block.add(buffer, from, to)
  }

  private finishBlock(): void {
    const { streamId, endStream } = this.block
    const block = this.block.finish()
    this.handler.onHeaders(streamId, endStream, block, 0, block.length)
  }

  private onSettings(flags: number, streamId: number, buffer: Buffer, start: number, end: number): void {
    requireConnection(streamId)
    if ((flags & Flag.ACK) === 0) {
      this.handler.onSettings(buffer, start, end)
      return
    }
    if (end > start) throw new ConnectionError('FRAME_SIZE_ERROR', 'SETTINGS acknowledgement with a payload')
    this.handler.onIdleFrame()
  }

  private onGoaway(streamId: number, buffer: Buffer, start: number, end: number): void {
    requireConnection(streamId)
    if (end - start < 8) throw new ConnectionError('FRAME_SIZE_ERROR', 'GOAWAY too short')
    this.handler.onGoaway(
      readUint31(buffer, start),
      readUint32(buffer, start + 4),
      buffer.subarray(start + 8, end),
    )
  }
}

function requireStream(streamId: number): void {
  if (streamId === 0) throw new ConnectionError('PROTOCOL_ERROR', 'frame of a stream on stream 0')
}

function requireConnection(streamId: number): void {
  if (streamId !== 0)
    throw new ConnectionError('PROTOCOL_ERROR', `frame of the connection on stream ${streamId}`)
}

function requireLength(lengthBytes: number, wantedBytes: number, what: string): void {
  if (lengthBytes !== wantedBytes)
    throw new ConnectionError('FRAME_SIZE_ERROR', `${what} of ${lengthBytes} bytes`)
}

/** The pad length of a padded frame, checked against its payload. */
function readPadding(buffer: Buffer, start: number, end: number): number {
  const padding = end > start ? buffer[start]! : 0
  if (padding >= end - start) throw new ConnectionError('PROTOCOL_ERROR', 'padding longer than its frame')
  return padding
}
