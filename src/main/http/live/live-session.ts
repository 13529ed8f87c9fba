import { encodeReply, type LiveAnswer } from '../../../live/live-reply.js'
import { decodeRequest, type LiveCall, type LiveRequest } from '../../../live/live-request.js'
import { varintBytes, writeVarint } from '../../../live/wire-writer.js'
import { Cancel } from '../../../shared/cancel.js'
import { CacheError } from '../../../shared/errors.js'
import type { FrontMetrics } from '../../../shared/front-metrics.js'
import { type DropCause, RequestOutcome } from '../../../shared/node-metrics.js'
import type { HotFrame } from './hot-frame.js'
import type { LiveCalls } from './live-calls.js'
import {
  CloseCode,
  CUT_OFF_BYTES,
  DEADLINE_MS,
  DEADLINE_MS_MAX,
  IN_FLIGHT_MAX,
  PAUSE_BYTES,
  REFUSE_BYTES,
  REQUEST_BYTES_MAX,
  SLOW_MS,
  SUBSCRIPTIONS_MAX,
} from './live-limits.js'
import type { LiveSocket } from './live-parts.js'

/** What can be ended by its id: a request or a subscription. */
interface UnderWay {
  end(): void
}

/** A request, and the bytes of its message, which it keeps in memory. */
interface SizedRequest extends LiveRequest {
  readonly sizeBytes: number
  /** When its message came, by `performance.now()`. */
  readonly startedMs: number
}

/** What all connections of a hub share. */
export interface LiveSessionParts {
  readonly calls: LiveCalls
  /** undefined where values are not served. */
  readonly hot: HotFrame | undefined
  readonly metrics: FrontMetrics | undefined
}

/**
 * One connection of a client. States: open → closed. Everything that it keeps is bounded: requests under way, those that
 * wait while the client reads too slowly, subscriptions, and the bytes that wait to be read.
 */
export class LiveSession {
  readonly #socket: LiveSocket
  readonly #calls: LiveCalls
  readonly #hot: HotFrame | undefined
  readonly #metrics: FrontMetrics | undefined
  readonly #requests = new Map<number, UnderWay>()
  readonly #subscriptions = new Map<number, UnderWay>()
  /** Requests that were not begun, in order: the client has to read first. */
  #waiting: SizedRequest[] = []
  /** Of the requests under way and those that wait. */
  #requestBytes = 0
  /** Since when too many bytes have been waiting; undefined when they do not. */
  #slowSinceMs: number | undefined
  #isClosed = false
  readonly #isFree = (id: number) => !this.#requests.has(id) && !this.#subscriptions.has(id)

  constructor(socket: LiveSocket, { calls, hot, metrics }: LiveSessionParts) {
    this.#socket = socket
    this.#calls = calls
    this.#hot = hot
    this.#metrics = metrics
  }

  /** Takes a message. The bytes may be used again by the caller afterwards. */
  receive(bytes: Uint8Array, isBinary: boolean): void {
    if (this.#isClosed) return
    this.#metrics?.received(bytes.length)
    if (!isBinary) {
      this.#metrics?.protocolError()
      this.close(CloseCode.UNSUPPORTED_DATA, 'Messages are binary')
      return
    }
    if (this.#hot !== undefined && this.#socket.bufferedAmount <= PAUSE_BYTES && this.#waiting.length === 0) {
      const startedMs = this.#metrics?.sampleStart() ?? -1
      const reply = this.#hot.answer(bytes, this.#isFree)
      if (reply !== undefined) {
        this.#socket.send(reply)
        this.#metrics?.sent(reply.length)
        this.#metrics?.recordSampled(RequestOutcome.hit, startedMs)
        return
      }
    }
    this.#take(bytes)
  }

  /** Bytes were taken from the socket: what waited for that goes on. */
  drained(): void {
    if (this.#socket.bufferedAmount > PAUSE_BYTES) return
    this.#slowSinceMs = undefined
    const waiting = this.#waiting
    this.#waiting = []
    // What still cannot be begun waits again, in the same order.
    for (const request of waiting) if (!this.#isClosed) this.#beginOrWait(request)
  }

  /** Looks after the connection; called about every second. */
  tick(nowMs: number): void {
    if (this.#isClosed) return
    this.drained()
    if (this.#socket.bufferedAmount > PAUSE_BYTES) this.#slowSinceMs ??= nowMs
    if (this.#slowSinceMs !== undefined && nowMs - this.#slowSinceMs >= SLOW_MS) {
      this.drop('slow', 'The client reads too slowly')
      return
    }
  }

  /** Ends the connection of a client that takes too much. */
  drop(cause: DropCause, reason: string): void {
    if (!this.#isClosed) this.#metrics?.connectionDropped(cause)
    this.close(CloseCode.TRY_AGAIN_LATER, reason)
  }

  /** Ends the connection. */
  close(code: number, reason: string): void {
    if (this.#isClosed) return
    this.closed()
    this.#socket.close(code, reason)
  }

  /** The connection has ended: nothing is sent any more, and what is under way is cancelled. */
  closed(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#metrics?.count(RequestOutcome.cancelled, this.#waiting.length)
    this.#waiting = []
    for (const underWay of [...this.#requests.values(), ...this.#subscriptions.values()]) underWay.end()
    this.#requests.clear()
    this.#subscriptions.clear()
  }

  /** Bytes that wait to be read by the client. */
  get bufferedBytes(): number {
    return this.#isClosed ? 0 : this.#socket.bufferedAmount
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  #take(bytes: Uint8Array): void {
    let request: LiveRequest
    try {
      // Of its own: keys are views, and the bytes are the caller's again afterwards.
      request = decodeRequest(new Uint8Array(bytes))
    } catch (thrown) {
      if (!(thrown instanceof RangeError)) throw thrown
      this.#protocolError(`No LiveRequest: ${thrown.message}`)
      return
    }
    const { id, call } = request
    if (id === 0) {
      this.#protocolError('A request needs an id')
      return
    }
    if (call?.kind === 'cancel') {
      this.#cancel(id)
      return
    }
    if (!this.#isFree(id) || this.#waiting.some((waiting) => waiting.id === id)) {
      this.#protocolError(`The id ${id} is taken by a request under way`)
      return
    }
    if (this.#requests.size + this.#waiting.length >= IN_FLIGHT_MAX) {
      const message = `There are ${IN_FLIGHT_MAX} requests under way`
      this.#turnDown(id, new CacheError('RESOURCE_EXHAUSTED', message))
      return
    }
    if (this.#requestBytes + bytes.length > REQUEST_BYTES_MAX) {
      const message = `Requests of more than ${REQUEST_BYTES_MAX} bytes are under way`
      this.#turnDown(id, new CacheError('RESOURCE_EXHAUSTED', message))
      return
    }
    this.#requestBytes += bytes.length
    this.#beginOrWait({ ...request, sizeBytes: bytes.length, startedMs: performance.now() })
  }

  #beginOrWait(request: SizedRequest): void {
    if (this.#socket.bufferedAmount > PAUSE_BYTES) this.#waiting.push(request)
    else this.#begin(request)
  }

  #begin(request: SizedRequest): void {
    const { id, call, sizeBytes } = request
    // What is carried out gives its bytes back when it ends, all else keeps none.
    this.#requestBytes -= sizeBytes
    if (call === undefined) {
      this.#turnDown(id, new CacheError('UNIMPLEMENTED', 'This node does not know that kind of request'))
    } else if (call.kind === 'watchKeys' || call.kind === 'watchStats') this.#subscribe(id, call)
    else if (call.kind === 'ping') {
      this.#metrics?.count(RequestOutcome.done)
      this.#send(id, { kind: 'done' })
    } else {
      this.#requestBytes += sizeBytes
      void this.#carryOut(request, call).finally(() => {
        this.#requestBytes -= sizeBytes
      })
    }
  }

  async #carryOut({ id, deadlineMs, startedMs }: SizedRequest, call: LiveCall): Promise<void> {
    const cancel = new Cancel()
    const underWay = { end: () => cancel.abort() }
    this.#requests.set(id, underWay)
    let answer: LiveAnswer
    try {
      const limitMs = deadlineMs === 0 ? DEADLINE_MS : Math.min(deadlineMs, DEADLINE_MS_MAX)
      answer = await this.#calls.answer(call, { deadlineMs: limitMs, signal: cancel })
    } catch (thrown) {
      answer = { kind: 'failed', error: presentable(thrown) }
    }
    // Gone from the table: it was cancelled, and answered, or the connection has ended.
    if (this.#requests.get(id) !== underWay) {
      this.#metrics?.record(RequestOutcome.cancelled, usSince(startedMs))
      return
    }
    this.#requests.delete(id)
    this.#answer(id, answer, startedMs)
  }

  #subscribe(id: number, call: Extract<LiveCall, { kind: 'watchKeys' | 'watchStats' }>): void {
    if (this.#subscriptions.size >= SUBSCRIPTIONS_MAX) {
      const message = `A connection has at most ${SUBSCRIPTIONS_MAX} subscriptions`
      this.#turnDown(id, new CacheError('RESOURCE_EXHAUSTED', message))
      return
    }
    try {
      const end =
        call.kind === 'watchKeys'
          ? this.#calls.watchKeys(call, (keys) => this.#pushKeys(id, keys))
          : this.#calls.watchStats(call, {
              isReady: () => this.#socket.bufferedAmount <= PAUSE_BYTES,
              take: (answer) => this.#sendBytes(withId(id, answer)),
              fail: (error) => this.#endSubscription(id, error),
            })
      this.#subscriptions.set(id, { end })
    } catch (thrown) {
      this.#turnDown(id, presentable(thrown))
      return
    }
    this.#metrics?.count(RequestOutcome.done)
    this.#send(id, { kind: 'watching' })
  }

  #cancel(id: number): void {
    const cancelled = new CacheError('CANCELLED', 'The client cancelled it')
    if (this.#subscriptions.has(id)) {
      this.#endSubscription(id, cancelled)
      return
    }
    const waiting = this.#waiting.findIndex((request) => request.id === id)
    if (waiting >= 0) {
      this.#requestBytes -= this.#waiting.splice(waiting, 1)[0]!.sizeBytes
      this.#metrics?.count(RequestOutcome.cancelled)
    }
    const underWay = this.#requests.get(id)
    this.#requests.delete(id)
    underWay?.end()
    // An id of nothing: its answer is on its way already.
    if (waiting >= 0 || underWay !== undefined) this.#fail(id, cancelled)
  }

  #endSubscription(id: number, error: CacheError): void {
    const subscription = this.#subscriptions.get(id)
    this.#subscriptions.delete(id)
    subscription?.end()
    this.#fail(id, error)
  }

  /** A change may not be lost: who does not read fast enough is told "all", which is short and says more. */
  #pushKeys(id: number, keys: readonly Uint8Array[] | 'all'): void {
    const told = this.#socket.bufferedAmount > REFUSE_BYTES ? 'all' : keys
    this.#send(id, { kind: 'keysChanged', keys: told })
  }

  #answer(id: number, answer: LiveAnswer, startedMs: number): void {
    const isTold = this.#socket.bufferedAmount <= REFUSE_BYTES
    const told: LiveAnswer = isTold
      ? answer
      : { kind: 'failed', error: new CacheError('RESOURCE_EXHAUSTED', 'The client reads too slowly') }
    this.#count(told, startedMs)
    this.#send(id, told)
  }

  #count(answer: LiveAnswer, startedMs: number): void {
    const metrics = this.#metrics
    if (metrics === undefined) return
    // A LiveValue names who answered only when that was another node.
    if (answer.kind === 'values') metrics.recordMany(answer.results, '', startedMs)
    else if (answer.kind === 'value') metrics.recordAnswer(answer.value, '', usSince(startedMs))
    else if (answer.kind === 'failed') metrics.recordError(answer.error, usSince(startedMs))
    else metrics.record(RequestOutcome.done, usSince(startedMs))
  }

  /** A request that is not begun. */
  #turnDown(id: number, error: CacheError): void {
    this.#metrics?.countError(error)
    this.#fail(id, error)
  }

  #protocolError(reason: string): void {
    this.#metrics?.protocolError()
    this.close(CloseCode.PROTOCOL_ERROR, reason)
  }

  #fail(id: number, error: CacheError): void {
    this.#send(id, { kind: 'failed', error })
  }

  #send(id: number, answer: LiveAnswer): void {
    if (!this.#isClosed) this.#sendBytes(encodeReply(id, answer))
  }

  #sendBytes(bytes: Uint8Array): void {
    if (this.#isClosed) return
    if (this.#socket.bufferedAmount > CUT_OFF_BYTES) {
      this.drop('slow', 'The client reads too slowly')
      return
    }
    this.#socket.send(bytes)
    this.#metrics?.sent(bytes.length)
  }
}

/** An answer that many share, as the reply with this id. */
function withId(id: number, answer: Uint8Array): Uint8Array {
  const idBytes = 1 + varintBytes(id)
  const reply = new Uint8Array(idBytes + answer.length)
  reply[0] = 0x08
  writeVarint(reply, 1, id)
  reply.set(answer, idBytes)
  return reply
}

/** What a stranger may see of an error: faults of our own are not explained to them. */
function presentable(thrown: unknown): CacheError {
  return thrown instanceof CacheError ? thrown : new CacheError('INTERNAL', 'A fault of the node')
}

function usSince(startedMs: number): number {
  return (performance.now() - startedMs) * 1000
}
