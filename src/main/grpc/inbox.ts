import { status } from '@grpc/grpc-js'
import { decompress, type Encoding } from './compression.js'
import { type FramingFault, heldBytesOf, MessageReader, type MessageSink, tooLarge } from './framing.js'
import type { ByteBudget } from './http2/byte-budget.js'

/** Who takes the messages of a call. */
export interface InboxSink {
  /** False: no more until the inbox's resume(). */
  onMessage(message: Buffer): boolean
  /** All messages were taken, and no more will come. */
  onMessagesEnd(): void
  /** The body is unusable: the call ends with this status. */
  onInvalid(code: number, details: string): void
  /** So many bytes of the body need not be held any more: the peer may send as many. */
  onConsumed(lengthBytes: number): void
}

interface Received {
  readonly message: Buffer
  readonly compressed: boolean
}

/**
 * The messages of one direction of a call on their way from its stream to its handler: cut out of the body, inflated
 * off the event loop, handed over in order and only as fast as they are taken. While messages wait, the stream's flow
 * control holds the sender back.
 */
export class Inbox implements MessageSink {
  encoding: Encoding = 'identity'
  private readonly sink: InboxSink
  private readonly budget: ByteBudget
  private readonly messageBytesMax: number
  private readonly reader: MessageReader
  private waiting: Received[] = []
  private waitingHead = 0
  private heldBytes = 0
  private paused = false
  private inflating = false
  private ended = false
  private closed = false

  constructor(sink: InboxSink, budget: ByteBudget, messageBytesMax: number) {
    this.sink = sink
    this.budget = budget
    this.messageBytesMax = messageBytesMax
    this.reader = new MessageReader(this, budget, messageBytesMax)
  }

  onData(buffer: Buffer, start: number, end: number): void {
    if (this.closed) return
    this.reader.read(buffer, start, end)
    this.heldBytes += end - start
    this.returnCredit()
  }

  onEnd(): void {
    if (this.closed) return
    if (this.reader.midMessage) {
      this.invalid(status.INTERNAL, 'the body ends inside a message')
      return
    }
    this.ended = true
    this.deliver()
  }

  /** The handler takes messages again. */
  resume(): void {
    this.paused = false
    this.deliver()
  }

  /** The call is over: gives back everything held. */
  close(): void {
    if (this.closed) return
    this.closed = true
    this.reader.discard()
    for (const { message } of this.waiting.slice(this.waitingHead)) this.budget.give(heldBytesOf(message))
    this.waiting = []
    this.waitingHead = 0
  }

  onMessage(message: Buffer, compressed: boolean): void {
    if (compressed && this.encoding === 'identity') {
      this.budget.give(heldBytesOf(message))
      this.invalid(status.INTERNAL, 'compressed message without grpc-encoding')
      return
    }
    this.waiting.push({ message, compressed })
    this.deliver()
  }

  onFault(fault: FramingFault, lengthBytes: number): void {
    if (fault === 'flag') {
      this.invalid(status.INTERNAL, 'invalid compressed flag')
    } else if (fault === 'too-large') {
      this.invalid(status.RESOURCE_EXHAUSTED, tooLarge(lengthBytes, this.messageBytesMax))
    } else {
      this.invalid(status.RESOURCE_EXHAUSTED, 'no room for the message: too much is being received')
    }
  }

  private deliver(): void {
    while (!this.paused && !this.inflating && !this.closed) {
      const next = this.takeWaiting()
      if (next === undefined) {
        this.deliverEnd()
        return
      }
      this.budget.give(heldBytesOf(next.message))
      if (next.compressed) this.inflate(next.message)
      else this.paused = !this.sink.onMessage(next.message)
    }
    this.returnCredit()
  }

  /** Not Array.shift(), which moves all the others each time. */
  private takeWaiting(): Received | undefined {
    const next = this.waiting[this.waitingHead]
    if (next === undefined || ++this.waitingHead < this.waiting.length) return next
    this.waiting = []
    this.waitingHead = 0
    return next
  }

  private deliverEnd(): void {
    this.returnCredit()
    if (!this.ended) return
    this.closed = true
    this.sink.onMessagesEnd()
  }

  private inflate(message: Buffer): void {
    this.inflating = true
    decompress(
      this.encoding === 'gzip' ? 'gzip' : 'deflate',
      message,
      this.messageBytesMax,
      (error, inflated) => {
        this.inflating = false
        if (this.closed) return
        if (error === null) {
          this.paused = !this.sink.onMessage(inflated)
          this.deliver()
        } else if (error.code === 'ERR_BUFFER_TOO_LARGE') {
          this.invalid(
            status.RESOURCE_EXHAUSTED,
            `inflated message larger than max (${this.messageBytesMax})`,
          )
        } else {
          this.invalid(status.INTERNAL, 'message cannot be inflated')
        }
      },
    )
  }

  /** An unfinished message needs its credit, or it would never be whole; what waits for the handler holds it. */
  private returnCredit(): void {
    if (this.waiting.length > 0 || this.inflating || this.closed || this.heldBytes === 0) return
    const lengthBytes = this.heldBytes
    this.heldBytes = 0
    this.sink.onConsumed(lengthBytes)
  }

  private invalid(code: number, details: string): void {
    this.close()
    this.sink.onInvalid(code, details)
  }
}
