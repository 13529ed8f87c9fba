import { compress, type Encoding } from './compression.js'
import { PREFIX_BYTES, prefixOf, writePrefix } from './framing.js'
import type { Http2Stream } from './http2/stream.js'

/** Below it a prefix and its message are joined. */
const JOIN_BYTES_MAX = 4096

interface Waiting {
  readonly message: Buffer
  readonly compressed: boolean
}

/** The messages of one direction of a call on their way to its stream: compressed if agreed, prefixed, in order. */
export class Outbox {
  encoding: Encoding = 'identity'
  private readonly stream: Http2Stream
  private waiting: Waiting[] = []
  private deflating = false
  private onEmpty: (() => void) | undefined

  constructor(stream: Http2Stream) {
    this.stream = stream
  }

  /** True when whoever sends should wait for the stream's onDrain(). */
  get full(): boolean {
    return this.deflating || this.stream.queuedBytes > JOIN_BYTES_MAX * 16
  }

  /** @param compressed false to send it as it is, whatever was agreed */
  send(message: Buffer, compressed = true): void {
    const wanted = compressed && this.encoding !== 'identity'
    if (!wanted && !this.deflating) {
      this.write(message, false)
      return
    }
    this.waiting.push({ message, compressed: wanted })
    this.next()
  }

  /** Calls back once everything is with the stream. */
  whenEmpty(run: () => void): void {
    if (this.deflating) this.onEmpty = run
    else run()
  }

  private next(): void {
    if (this.deflating) return
    const head = this.waiting.shift()
    if (head === undefined) {
      this.onEmpty?.()
      this.onEmpty = undefined
      if (!this.stream.closed) this.stream.listener?.onDrain()
      return
    }
    if (!head.compressed || this.encoding === 'identity') {
      this.write(head.message, false)
      this.next()
      return
    }
    this.deflating = true
    compress(this.encoding, head.message, (error, deflated) => {
      this.deflating = false
      this.write(error === null ? deflated : head.message, error === null)
      this.next()
    })
  }

  private write(message: Buffer, compressed: boolean): void {
    if (message.length > JOIN_BYTES_MAX) {
      this.stream.sendData(prefixOf(compressed, message.length))
      this.stream.sendData(message)
      return
    }
    const framed = Buffer.allocUnsafe(PREFIX_BYTES + message.length)
    writePrefix(framed, 0, compressed, message.length)
    message.copy(framed, PREFIX_BYTES)
    this.stream.sendData(framed)
  }
}
