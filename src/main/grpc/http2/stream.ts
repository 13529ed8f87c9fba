import { ReceiveWindow, SendWindow } from './flow-control.js'
import type { SendQueue } from './send-queue.js'

/** Who uses a stream. Nothing is called after onReset(). */
export interface StreamListener {
  /** A piece of the body: buffer[start, end), valid only during the call. Say when it is consumed: stream.consume(). */
  onData(buffer: Buffer, start: number, end: number): void
  /** The peer has sent everything. */
  onEnd(): void
  /** The stream is gone: reset by the peer or, after an error of the peer's, by us; or the connection was lost. */
  onReset(code: number): void
  /** What sendData() queued has been written, or all but a little. */
  onDrain(): void
}

/** What a stream asks of its connection. */
export interface StreamOwner {
  readonly sendQueue: SendQueue
  writeHeaders(stream: Http2Stream, fields: readonly string[], endStream: boolean): void
  /** The stream has DATA, or an end, to be written as soon as windows and socket allow. */
  schedule(stream: Http2Stream): void
  reset(stream: Http2Stream, code: number): void
  consumed(stream: Http2Stream, lengthBytes: number): void
}

/** Below it a stream's queue takes more: onDrain() is called. */
export const QUEUE_BYTES_LOW = 65_536

/**
 * One stream of either side. States (RFC 9113, section 5.1), by who may still send:
 *
 *     open ── receivedEnd ──► half-closed (remote) ── sentEnd ──► closed
 *       └──── sentEnd ──────► half-closed (local) ─ receivedEnd ─► closed
 *     any ── reset, connection lost ──► closed
 */
export class Http2Stream {
  readonly id: number
  readonly sendWindow: SendWindow
  readonly receiveWindow: ReceiveWindow
  listener: StreamListener | undefined
  receivedEnd = false
  sentEnd = false
  closed = false
  /** Bytes of body that content-length still promises; −1 without one. */
  bodyBytesLeft = -1
  /** Ticks of the connection's clock: when it was opened, and when something last came in. */
  openedAtMs = 0
  receivedAtMs = 0

  /** In the scheduler's list. */
  scheduled = false
  /** Body bytes queued and not yet written. */
  queuedBytes = 0

  private readonly owner: StreamOwner
  private queue: Buffer[] = []
  private queueHead = 0
  private headOffset = 0
  private trailers: readonly string[] | undefined
  private endQueued = false
  private drainWanted = false

  constructor(id: number, owner: StreamOwner, sendWindowBytes: number, receiveWindowBytes: number) {
    this.id = id
    this.owner = owner
    this.sendWindow = new SendWindow(sendWindowBytes)
    this.receiveWindow = new ReceiveWindow(receiveWindowBytes)
  }

  /** True when the end of what we send was asked for, written or not. */
  get ending(): boolean {
    return this.endQueued || this.sentEnd || this.closed
  }

  /** Names and values in turn. Goes out at once. */
  sendHeaders(fields: readonly string[], endStream = false): void {
    if (this.ending) return
    this.owner.writeHeaders(this, fields, endStream)
  }

  /** Queues a piece of the body; the buffer must not change any more. */
  sendData(chunk: Buffer, endStream = false): void {
    if (this.ending) return
    if (chunk.length > 0) {
      this.queue.push(chunk)
      this.queuedBytes += chunk.length
      this.owner.sendQueue.add(chunk.length)
    }
    this.endQueued = endStream
    if (this.queuedBytes > QUEUE_BYTES_LOW) this.drainWanted = true
    if (chunk.length > 0 || endStream) this.owner.schedule(this)
  }

  /** Ends the stream once everything queued is written. */
  sendTrailers(fields: readonly string[]): void {
    if (this.ending) return
    if (this.queuedBytes === 0) {
      this.owner.writeHeaders(this, fields, true)
      return
    }
    this.trailers = fields
    this.endQueued = true
    this.owner.schedule(this)
  }

  reset(code: number): void {
    if (!this.closed) this.owner.reset(this, code)
  }

  /** The listener is done with so many bytes: the peer may send as many more. */
  consume(lengthBytes: number): void {
    if (!this.closed && !this.receivedEnd) this.owner.consumed(this, lengthBytes)
  }

  /** For the scheduler: moves queued bytes into `target`. */
  takeQueued(lengthBytes: number, target: Buffer, offset: number): void {
    let written = offset
    const end = offset + lengthBytes
    while (written < end) {
      const chunk = this.queue[this.queueHead]!
      const taken = Math.min(chunk.length - this.headOffset, end - written)
      chunk.copy(target, written, this.headOffset, this.headOffset + taken)
      written += taken
      this.headOffset += taken
      if (this.headOffset === chunk.length) this.dropHead()
    }
    this.queuedBytes -= lengthBytes
    this.owner.sendQueue.remove(lengthBytes)
  }

  /** For the scheduler: true when the next DATA frame, once the queue is empty, ends the stream. */
  get endsWithData(): boolean {
    return this.endQueued && this.trailers === undefined
  }

  /** For the scheduler, after the queue was written: the trailers that end the stream. */
  takeTrailers(): readonly string[] | undefined {
    const trailers = this.trailers
    this.trailers = undefined
    return trailers
  }

  /** For the scheduler: tells the listener that it may queue more. */
  notifyDrain(): void {
    if (!this.drainWanted || this.queuedBytes > QUEUE_BYTES_LOW) return
    this.drainWanted = false
    this.listener?.onDrain()
  }

  /** For the connection: forgets what was queued. */
  discardQueue(): void {
    this.queue = []
    this.queueHead = 0
    this.headOffset = 0
    this.owner.sendQueue.remove(this.queuedBytes)
    this.queuedBytes = 0
    this.trailers = undefined
  }

  private dropHead(): void {
    this.queueHead++
    this.headOffset = 0
    if (this.queueHead < this.queue.length && this.queueHead < 64) return
    this.queue.splice(0, this.queueHead)
    this.queueHead = 0
  }
}
