import { PREFIX_BYTES, writePrefix } from '../framing.js'
import { SendWindow } from '../http2/flow-control.js'
import type { SendingStream } from '../http2/send-scheduler.js'

/** A request message that has to wait for windows: the scheduler sends it piece by piece. */
export class Upload implements SendingStream {
  readonly id: number
  readonly sendWindow: SendWindow
  readonly endsWithData = true
  /** All of it is written, or nothing more is wanted. */
  closed = false
  scheduled = false
  queuedBytes: number
  private message: Uint8Array
  /** Of the prefix and the message behind it. */
  private sentBytes = 0

  constructor(streamId: number, windowBytes: number, message: Uint8Array) {
    this.id = streamId
    this.sendWindow = new SendWindow(windowBytes)
    this.message = message
    this.queuedBytes = PREFIX_BYTES + message.length
  }

  takeQueued(lengthBytes: number, target: Buffer, offset: number): void {
    let written = offset
    const end = offset + lengthBytes
    if (this.sentBytes < PREFIX_BYTES) {
      const prefix = Buffer.alloc(PREFIX_BYTES)
      writePrefix(prefix, 0, false, this.message.length)
      written += prefix.copy(
        target,
        written,
        this.sentBytes,
        Math.min(PREFIX_BYTES, this.sentBytes + lengthBytes),
      )
    }
    const from = this.sentBytes + (written - offset) - PREFIX_BYTES
    if (written < end) target.set(this.message.subarray(from, from + end - written), written)
    this.sentBytes += lengthBytes
    this.queuedBytes -= lengthBytes
    // The frame with the last of it ends the stream: no window may call for another.
    if (this.queuedBytes === 0) this.close()
  }

  takeTrailers(): undefined {}

  notifyDrain(): void {}

  /** Nothing more of it is sent. */
  close(): void {
    this.closed = true
    this.message = new Uint8Array(0)
  }
}
