import {
  type ByteBudget,
  type FramingFault,
  heldBytesOf,
  MessageReader,
  type MessageSink,
} from '../framing.js'
import { ReceiveWindow } from '../http2/flow-control.js'

/** Bytes that all calls of a client may buffer together. */
export class ReceiveBudget implements ByteBudget {
  private leftBytes: number

  constructor(lengthBytes: number) {
    this.leftBytes = lengthBytes
  }

  take(lengthBytes: number): boolean {
    if (lengthBytes > this.leftBytes) return false
    this.leftBytes -= lengthBytes
    return true
  }

  give(lengthBytes: number): void {
    this.leftBytes += lengthBytes
  }
}

/** What is wrong with an answer. */
export type DownloadFault = FramingFault | 'compressed' | 'second'

/** An answer that did not come in one DATA frame: joined here, and metered by the window of its stream. */
export class Download implements MessageSink {
  readonly window: ReceiveWindow
  message: Buffer | undefined
  fault: DownloadFault | undefined
  /** Of the message that is at fault. */
  faultBytes = 0
  private readonly reader: MessageReader
  private readonly budget: ByteBudget

  constructor(budget: ByteBudget, receiveBytesMax: number, windowBytes: number) {
    this.budget = budget
    this.reader = new MessageReader(this, budget, receiveBytesMax)
    this.window = new ReceiveWindow(windowBytes)
  }

  /** True when a message has begun and not ended. */
  get midMessage(): boolean {
    return this.reader.midMessage
  }

  read(buffer: Buffer, start: number, end: number): void {
    this.reader.read(buffer, start, end)
  }

  close(): void {
    this.reader.discard()
  }

  onMessage(message: Buffer, compressed: boolean): void {
    // From here on it is the caller's.
    this.budget.give(heldBytesOf(message))
    if (compressed) this.fault ??= 'compressed'
    else if (this.message !== undefined) this.fault ??= 'second'
    this.message ??= message
  }

  onFault(fault: FramingFault, lengthBytes: number): void {
    this.fault ??= fault
    this.faultBytes = lengthBytes
  }
}
