import { type BufferPool, OutputBuffer } from '../../sockets/output-buffer.js'
import type { Defer, Transport } from '../../sockets/transport.js'
import { SendWindow } from './flow-control.js'
import type { HpackEncoder } from './hpack-encoder.js'
import type { ConnectionLimits } from './limits.js'
import type { ProvenWindow } from './proven-window.js'
import { SendScheduler, type StreamEnder } from './send-scheduler.js'
import { WINDOW_BYTES_DEFAULT } from './settings.js'
import type { TimeShare } from './time-share.js'

/** Output is handed to the transport in pieces of about this size. */
const PIECE_BYTES = 65_536

/** What the output needs from outside. */
export interface OutputContext {
  readonly limits: Pick<ConnectionLimits, 'unsentBytesMax'>
  readonly pool: BufferPool
  readonly defer: Defer
  nowMs(): number
}

/** What holds the output of one connection among many back. */
export interface Pace {
  readonly time: TimeShare
  readonly window: ProvenWindow
}

/**
 * The writing half of a connection: one buffer that everything is appended to, written once per read or, after work
 * that ended elsewhere, once per turn of the event loop.
 */
export class ConnectionOutput {
  readonly buffer: OutputBuffer
  readonly scheduler: SendScheduler
  readonly encoder: HpackEncoder
  /** True while the peer does not take what we send: nothing more is read from it, and no DATA written. */
  congested = false
  /** When it became so, on the connection's clock. */
  congestedAtMs = 0
  private readonly transport: Transport
  private readonly pace: Pace | undefined
  private readonly context: OutputContext
  private batching = false
  private flushPlanned = false
  private waitsForSlice = false
  private closed = false

  /** @param pace absent where the other side is trusted: then everything goes as fast as its windows allow */
  constructor(
    ender: StreamEnder,
    encoder: HpackEncoder,
    transport: Transport,
    context: OutputContext,
    pace?: Pace,
  ) {
    this.scheduler = new SendScheduler(ender, pace?.window ?? new SendWindow(WINDOW_BYTES_DEFAULT))
    this.encoder = encoder
    this.buffer = new OutputBuffer(context.pool)
    this.transport = transport
    this.pace = pace
    this.context = context
  }

  /** What the kernel has not taken. */
  get unsentBytes(): number {
    return this.transport.unsentBytes
  }

  /** True while not a byte of DATA could leave, whatever its stream's window. */
  get blocked(): boolean {
    return this.congested || this.scheduler.window.available <= 0
  }

  /** Until endBatch(), plan() does nothing: everything goes out at once there. */
  beginBatch(): void {
    this.batching = true
  }

  endBatch(): void {
    this.batching = false
    this.flush()
  }

  /** Something was appended or scheduled. */
  plan(): void {
    if (this.batching || this.flushPlanned || this.closed) return
    this.flushPlanned = true
    this.context.defer(this.runPlanned)
  }

  /** Within a batch: hands over what is there when it became much, and says whether to go on. */
  relieve(): boolean {
    if (this.buffer.length >= PIECE_BYTES) {
      this.flush()
      this.pace?.time.lookSoon()
    }
    return !this.congested
  }

  /** The transport has nothing unsent. */
  onDrained(): void {
    this.congested = false
    if (!this.batching) this.flush()
  }

  /** Hands over what there is, for a slice of time; at least a piece. */
  flush(): void {
    if (this.closed) return
    do {
      if (!this.congested) this.scheduler.pump(this.buffer, PIECE_BYTES)
      if (this.buffer.length === 0) return
      this.pace?.window.mark(this.buffer)
      const lengthBytes = this.buffer.length
      this.transport.send(this.buffer.take(), lengthBytes)
      if (this.transport.unsentBytes > this.context.limits.unsentBytesMax && !this.congested) {
        this.congested = true
        this.congestedAtMs = this.context.nowMs()
        this.transport.pauseReading()
      }
      if (!this.scheduler.idle && this.pace?.time.over()) this.flushLater(this.pace.time)
    } while (!this.congested && !this.waitsForSlice && !this.scheduler.idle)
  }

  private flushLater(time: TimeShare): void {
    if (this.waitsForSlice || this.congested) return
    this.waitsForSlice = true
    time.later(() => {
      this.waitsForSlice = false
      time.begin()
      this.flush()
    })
  }

  /** Nothing is written any more. */
  close(): void {
    this.closed = true
    this.buffer.take()
  }

  private readonly runPlanned = (): void => {
    this.flushPlanned = false
    this.flush()
  }
}
