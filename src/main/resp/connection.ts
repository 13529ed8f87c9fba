import { Cancel, type CancelSignal } from '../../shared/cancel.js'
import { CacheError } from '../../shared/errors.js'
import type { DropCause } from '../../shared/node-metrics.js'
import { type BufferPool, OutputBuffer } from '../sockets/output-buffer.js'
import type { Transport } from '../sockets/transport.js'
import { Reply } from './compose.js'
import type { Dispatch } from './dispatch.js'
import { errorReplyOf } from './error-reply.js'
import type { HotGet } from './hot-get.js'
import type { RespLimits } from './limits.js'
import { INCOMPLETE, MALFORMED, type RequestLimits, RequestParser } from './parse.js'
import { Patience } from './patience.js'
import { QueryBuffer } from './query-buffer.js'
import { tooLarge } from './reads.js'
import { ReplyQueue, type Settled } from './reply-queue.js'
import type { RespContext } from './session.js'
import { Session, type SessionHost } from './session.js'

/** What connections share beside what their sessions share. */
export interface ConnectionParts {
  readonly context: RespContext
  readonly pool: BufferPool
  readonly hotGet: HotGet
  readonly dispatch: Dispatch
  readonly strangerLimits: RequestLimits
  /** Around the requests of one socket read. */
  readonly onReadStart: () => void
  readonly onReadEnd: () => void
  /** What the connection holds has grown or shrunk by so many bytes. */
  readonly onHeld: (bytes: number) => void
  /** A connection that was to end has sent all it had to. */
  readonly onQuiet: () => void
  readonly onClosed: (connection: RespConnection) => void
}

export interface Addresses {
  readonly remoteAddress: string
  readonly localAddress: string
}

/**
 * One client: bytes of requests in, bytes of replies out, in order, one write per read. Reads no further while too many
 * requests wait for their values, or too many replies for the client to read them.
 */
export class RespConnection implements SessionHost {
  readonly session: Session
  readonly remoteAddress: string
  readonly localAddress: string
  readonly #parts: ConnectionParts
  readonly #limits: RespLimits
  readonly #transport: Transport
  readonly #parser = new RequestParser()
  readonly #query = new QueryBuffer()
  readonly #replies: ReplyQueue
  readonly #reply: Reply
  readonly #patience: Patience
  /** Takes the replies that the client does not want. */
  readonly #sink: OutputBuffer
  /** What is to be pushed behind the replies to a transaction. */
  readonly #pushes: ((reply: Reply) => void)[] = []
  #cancel: Cancel | undefined
  #barrierCount = 0
  #isReading = false
  /** What is unread is the beginning of a request. */
  #awaitsBytes = false
  #isPaused = false
  #isFlushQueued = false
  /** No more requests: what is under way is answered, then the connection ends. */
  #isEnding = false
  #isEnded = false
  #hasClientEnded = false
  #isClosed = false
  #heldBytes = 0

  constructor(id: number, parts: ConnectionParts, transport: Transport, addresses: Addresses) {
    this.#parts = parts
    this.#limits = parts.context.limits
    this.#transport = transport
    this.remoteAddress = addresses.remoteAddress
    this.localAddress = addresses.localAddress
    this.#replies = new ReplyQueue(parts.pool)
    this.#reply = new Reply(this.#replies.out)
    this.#sink = new OutputBuffer(parts.pool)
    this.session = new Session(id, parts.context, this)
    this.#patience = new Patience(this.#limits, this.session.createdMs)
  }

  get queryBytes(): number {
    return this.#query.length
  }

  get replyBytes(): number {
    return this.#replies.bytes + this.#transport.unsentBytes
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  get signal(): CancelSignal {
    this.#cancel ??= new Cancel()
    return this.#cancel
  }

  /** Requests and replies in memory, as last counted. */
  get heldBytes(): number {
    return this.#heldBytes
  }

  /** All is answered and sent, and no more is read. */
  get isQuiet(): boolean {
    return this.#isClosed || (this.#isEnded && this.#transport.unsentBytes === 0)
  }

  /** Bytes that came. */
  receive(chunk: Buffer): void {
    if (this.#isEnding) return
    if (this.#query.length > 0 || this.#isBlocked()) {
      this.#query.append(chunk)
      this.#awaitsBytes = false
      this.#process()
      return
    }
    const end = this.#read(chunk, 0, chunk.length)
    if (end < chunk.length && !this.#isEnding) this.#query.append(chunk.subarray(end))
    this.#settleDown()
  }

  /** The client will send no more. All that it asked for is answered. */
  onEnded(): void {
    this.#hasClientEnded = true
    this.#process()
  }

  /** Answers what is under way, then ends. */
  finish(): void {
    this.end()
    this.#settleDown()
  }

  /** The socket has sent everything. */
  onDrained(): void {
    this.#patience.onDrained()
    this.#process()
  }

  onTransportClosed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isEnding = true
    this.#replies.clear()
    this.#sink.discard()
    this.#query.clear()
    this.#countHeld()
    this.session.context.tracker.stop(this.session)
    this.#cancel?.abort()
    this.#parts.onClosed(this)
  }

  later(work: Promise<Settled>, isBarrier: boolean): void {
    const { front } = this.#parts.context.metrics
    if (isBarrier) this.#barrierCount++
    const isSilent = this.#reply.out === this.#sink
    const take = isSilent ? undefined : this.#replies.wait(this.session.protocol)
    const onSettled = (settled: Settled) => {
      if (isBarrier) this.#barrierCount--
      if (this.#isClosed || take === undefined) settled.abandon?.()
      else take(settled)
      if (!this.#isClosed) this.#queueFlush()
    }
    work.then(onSettled, (thrown: unknown) => {
      onSettled({
        bytes: 0,
        write(reply) {
          front.countError(CacheError.from(thrown, 'INTERNAL'))
          reply.error(errorReplyOf(thrown))
        },
      })
    })
  }

  runAll(requests: readonly (readonly Buffer[])[]): void {
    const { session } = this
    const isSilent = this.#reply.out === this.#sink
    const heldBytes = () => this.#replies.bytes + this.#sink.length
    const bytesMax = heldBytes() + this.#limits.replyBytesMax
    for (const args of requests) {
      if (!isSilent) this.#reply.out = this.#replies.tail
      if (heldBytes() > bytesMax) this.#reply.error(errorReplyOf(tooLarge(session)))
      else this.#parts.dispatch.run(args, session, this.#reply)
    }
    for (const write of this.#pushes.splice(0)) this.#write(write)
  }

  push(write: (reply: Reply) => void): void {
    // Nothing may stand between the parts of one reply.
    if (this.session.transaction?.isExecuting) this.#pushes.push(write)
    else this.#write(write)
  }

  #write(write: (reply: Reply) => void): void {
    if (this.#isClosed || this.#isEnded) return
    const reply = new Reply(this.#replies.tail)
    reply.protocol = this.session.protocol
    write(reply)
    if (!this.#isReading) this.#queueFlush()
  }

  end(): void {
    this.#isEnding = true
    this.#query.clear()
  }

  /** Closes the connection at once. */
  drop(cause: DropCause, why: string): void {
    if (this.#isClosed) return
    this.#parts.context.onDropped(this.session, cause, why)
    this.destroy()
  }

  /** The same without a word. */
  destroy(): void {
    this.#transport.destroy()
    this.onTransportClosed()
  }

  /** Looks at the times. */
  tick(nowMs: number): void {
    const verdict = this.#patience.verdict(nowMs, {
      session: this.session,
      unsentBytes: this.#transport.unsentBytes,
      isEnded: this.#isEnded,
      isHalf: this.#query.length > 0 && !this.#isPaused,
      waitingCount: this.#replies.waitingCount,
    })
    if (verdict !== undefined) this.drop(...verdict)
  }

  /** Goes on with what was read before. */
  #process(): void {
    if (this.#isReading || this.#isClosed) return
    while (this.#query.length > 0 && !this.#isBlocked() && !this.#isEnding) {
      const { bytes, start, end } = this.#query
      const readTo = this.#read(bytes, start, end)
      this.#query.consumeTo(readTo)
      if (this.#awaitsBytes) break
    }
    this.#settleDown()
  }

  /** Serves the requests in `bytes[start…end)`, under one pin; answers where the first one begins that was not. */
  #read(bytes: Buffer, start: number, end: number): number {
    const { onReadStart, onReadEnd, context } = this.#parts
    this.#isReading = true
    onReadStart()
    try {
      let at = start
      this.session.lastMs = context.clock.nowMs()
      this.#awaitsBytes = false
      while (at < end && !this.#isFull() && !this.#isEnding) {
        const next = this.#serve(bytes, at, end)
        if (next === INCOMPLETE) {
          this.#awaitsBytes = true
          break
        }
        at = next
      }
      return at
    } finally {
      onReadEnd()
      this.#isReading = false
    }
  }

  /** One request; answers where it ends, or INCOMPLETE. */
  #serve(bytes: Buffer, at: number, end: number): number {
    const { session } = this
    const { hotGet, context } = this.#parts
    if (session.isPlain && !this.#parser.isPartial) {
      const next = hotGet.serve(bytes, at, end, this.#replies.tail)
      if (next > 0) {
        context.metrics.readHits++
        return next
      }
    }
    const limits = session.isAuthenticated ? this.#limits : this.#parts.strangerLimits
    const next = this.#parser.next(bytes, at, end, limits)
    if (next === INCOMPLETE) return INCOMPLETE
    if (next === MALFORMED) {
      this.#refuse(this.#parser.fault)
      return end
    }
    if (this.#parser.args.length > 0) this.#run(this.#parser.args)
    return next
  }

  #run(args: readonly Buffer[]): void {
    const { session } = this
    if (session.replyMode === 'skip-next') session.replyMode = 'skip'
    else if (session.replyMode === 'skip') session.replyMode = 'on'
    const isSilentBefore = session.replyMode === 'off' || session.replyMode === 'skip'
    this.#reply.protocol = session.protocol
    this.#reply.out = isSilentBefore ? this.#sink : this.#replies.tail
    this.#parts.dispatch.run(args, session, this.#reply)
    if (isSilentBefore) {
      // The one that turns replies on is answered again.
      if (session.replyMode === 'on') this.#replies.tail.append(this.#sink.view())
      this.#sink.discard()
    }
  }

  /** Answers what is no request, and ends: nobody knows where the next one would begin. */
  #refuse(fault: string): void {
    this.#parts.context.metrics.front.protocolError()
    const reply = new Reply(this.#replies.tail)
    reply.error(`ERR ${fault}`)
    this.end()
  }

  /** True while nothing more is to be read. */
  #isBlocked(): boolean {
    return this.#isFull() || this.#transport.unsentBytes > this.#limits.unsentBytesMax
  }

  /** The same without what the socket holds, which does not change within a read. */
  #isFull(): boolean {
    const { waitingMax, unsentBytesMax } = this.#limits
    const replies = this.#replies
    return this.#barrierCount > 0 || replies.waitingCount >= waitingMax || replies.bytes > unsentBytesMax
  }

  #queueFlush(): void {
    if (this.#isFlushQueued) return
    this.#isFlushQueued = true
    // Whatever else is settled in this turn goes out with the same write.
    process.nextTick(() => {
      this.#isFlushQueued = false
      if (!this.#isClosed) this.#process()
    })
  }

  /** Sends what can be sent, and reads on or does not. */
  #settleDown(): void {
    if (this.#isClosed) return
    const { out } = this.#replies
    if (out.length > 0) {
      const { length } = out
      this.#transport.send(out.take(), length)
    }
    const isRead = this.#query.length === 0 || this.#awaitsBytes
    if (this.#hasClientEnded && isRead) this.end()
    if (this.#isEnding && !this.#isEnded && this.#replies.waitingCount === 0) {
      this.#isEnded = true
      this.session.lastMs = this.#parts.context.clock.nowMs()
      this.#transport.end()
    }
    if (this.isQuiet) this.#parts.onQuiet()
    const isBlocked = this.#isBlocked()
    if (isBlocked !== this.#isPaused) {
      this.#isPaused = isBlocked
      if (isBlocked) this.#transport.pauseReading()
      else this.#transport.resumeReading()
    }
    this.#countHeld()
    // There was more to read than could be answered at once, and now there is room.
    if (!isBlocked && !isRead && !this.#isEnding) this.#queueFlush()
  }

  #countHeld(): void {
    const keptBytes = this.session.transaction?.bytes ?? 0
    const heldBytes = this.#isClosed ? 0 : this.queryBytes + this.replyBytes + keptBytes
    if (heldBytes === this.#heldBytes) return
    const grownBytes = heldBytes - this.#heldBytes
    this.#heldBytes = heldBytes
    this.#parts.onHeld(grownBytes)
    if (heldBytes > this.#limits.connectionBytesMax) this.drop('memory', 'it made the node hold too much')
  }
}
