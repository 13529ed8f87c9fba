import type { OutputBuffer } from '../../sockets/output-buffer.js'
import type { SendWindow } from './flow-control.js'
import { beginFrame, Flag, FRAME_BYTES_DEFAULT, FrameType } from './frame.js'

/** A stream that has a body to send, as far as the scheduler is concerned. */
export interface SendingStream {
  readonly id: number
  readonly closed: boolean
  readonly sendWindow: SendWindow
  /** Body bytes queued and not yet written. */
  readonly queuedBytes: number
  /** True when the last DATA frame ends the stream. */
  readonly endsWithData: boolean
  /** In the scheduler's list. */
  scheduled: boolean
  /** Moves queued bytes into `target`. */
  takeQueued(lengthBytes: number, target: Buffer, offset: number): void
  /** What ends the stream once its queue is written, if DATA does not. */
  takeTrailers(): readonly string[] | undefined
  /** A piece was written. */
  notifyDrain(): void
}

/** What the scheduler does not do itself. */
export interface StreamEnder {
  writeHeaders(stream: SendingStream, fields: readonly string[], endStream: boolean): void
  /** The stream's last DATA frame has been written. */
  ended(stream: SendingStream): void
}

/**
 * Writes the DATA of all streams of a connection in turn, one frame each, within the stream's window, the connection's
 * window and the room in the output: no stream blocks another for longer than a frame.
 */
export class SendScheduler {
  /** The connection's window. */
  readonly window: SendWindow
  /** Largest DATA payload: the peer's SETTINGS_MAX_FRAME_SIZE, but no more than lets others have their turn. */
  private readonly frameBytesMax = FRAME_BYTES_DEFAULT
  private readonly ender: StreamEnder
  private ready: SendingStream[] = []
  private spare: SendingStream[] = []

  constructor(ender: StreamEnder, window: SendWindow) {
    this.ender = ender
    this.window = window
  }

  /** True when nothing waits, so that a reply may overtake nobody. */
  get idle(): boolean {
    return this.ready.length === 0
  }

  /** Queues a stream for its turn, unless it waits for its window. */
  schedule(stream: SendingStream): void {
    if (stream.scheduled || stream.closed) return
    if (stream.queuedBytes > 0 && stream.sendWindow.available <= 0) return
    stream.scheduled = true
    this.ready.push(stream)
  }

  /** Writes until windows are spent or the output holds `outputBytesMax`. Answers whether it wrote anything. */
  pump(output: OutputBuffer, outputBytesMax: number): void {
    while (this.ready.length > 0 && output.length < outputBytesMax) {
      const round = this.ready
      this.ready = this.spare
      let written = 0
      for (; written < round.length; written++) {
        const stream = round[written]!
        if (output.length >= outputBytesMax) break
        if (stream.queuedBytes > 0 && this.window.available <= 0) break
        stream.scheduled = false
        if (!stream.closed) this.writeTurn(stream, output)
      }
      // Who had no turn keeps its place before those who had one.
      const blocked = written < round.length
      if (blocked) this.ready = round.slice(written).concat(this.ready)
      round.length = 0
      this.spare = round
      if (blocked) return
    }
  }

  private writeTurn(stream: SendingStream, output: OutputBuffer): void {
    const lengthBytes = Math.min(
      stream.queuedBytes,
      stream.sendWindow.available,
      this.window.available,
      this.frameBytesMax,
    )
    const last = lengthBytes === stream.queuedBytes
    if (lengthBytes < 0 || (lengthBytes === 0 && !last)) return
    const ends = last && stream.endsWithData
    if (lengthBytes > 0 || ends) {
      const offset = beginFrame(output, lengthBytes, FrameType.DATA, ends ? Flag.END_STREAM : 0, stream.id)
      stream.takeQueued(lengthBytes, output.bytes, offset)
      stream.sendWindow.spend(lengthBytes)
      this.window.spend(lengthBytes)
    }
    if (ends) {
      this.ender.ended(stream)
    } else if (last) {
      const trailers = stream.takeTrailers()
      if (trailers !== undefined) this.ender.writeHeaders(stream, trailers, true)
    } else {
      this.schedule(stream)
    }
    stream.notifyDrain()
  }
}
