import { decodeReply, type LiveReply } from '../../src/live/live-reply.js'
import type { LiveSocket } from '../../src/main/http/live/live-parts.js'

/** A socket that keeps what is sent, and whose client reads when it is told to. */
export class FakeLiveSocket implements LiveSocket {
  readonly replies: LiveReply[] = []
  /** Bytes of all replies. */
  sentBytes = 0
  /** Bytes that the client has not read. */
  bufferedAmount = 0
  /** While true, what is sent stays in the buffer. */
  isStuck = false
  closed: { code: number; reason: string } | undefined
  #waiters: { id: number; resolve: (reply: LiveReply) => void }[] = []

  send(bytes: Uint8Array): void {
    if (this.closed) throw new Error('Sent after close')
    this.sentBytes += bytes.length
    if (this.isStuck) this.bufferedAmount += bytes.length
    const reply = decodeReply(bytes)
    this.replies.push(reply)
    const waiter = this.#waiters.find(({ id }) => id === reply.id)
    this.#waiters = this.#waiters.filter((other) => other !== waiter)
    waiter?.resolve(reply)
  }

  close(code: number, reason: string): void {
    this.closed = { code, reason }
  }

  /** The next reply with this id that is not there yet. */
  next(id: number): Promise<LiveReply> {
    return new Promise((resolve) => this.#waiters.push({ id, resolve }))
  }
}
