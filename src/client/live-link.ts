import { decodeReply, type LiveAnswer } from '../live/live-reply.js'
import { encodeRequest, type LiveCall } from '../live/live-request.js'
import { CacheError } from '../shared/errors.js'
import type { LiveSocket } from './live-socket.js'

/** Requests sent and not answered; a node takes 1024. More wait here. */
const IN_FLIGHT_MAX = 1000

/** Requests that wait to be sent; more fail with RESOURCE_EXHAUSTED. */
const WAITING_MAX = 10_000

/** Pause before the first try to connect again, in ms; twice as much each time, up to the maximum. */
const BACKOFF_MS = 250
const BACKOFF_MS_MAX = 15_000

/** A connection that brought nothing for so long is asked, and given up when it brings nothing for the second time. */
const SILENCE_MS = 15_000

const ID_MAX = 2 ** 32 - 1

/**
 * `connecting` → `open` → (connection lost) `waiting` → `connecting` …; `closed` for good, by close().
 */
export type LinkState = 'connecting' | 'open' | 'waiting' | 'closed'

/** What the link needs of its surroundings. */
export interface LinkParts {
  readonly newSocket: () => LiveSocket
  /** Calls `fire` in `ms`, unless what it returns was called. */
  readonly after: (ms: number, fire: () => void) => () => void
  /** 0…1 */
  readonly random: () => number
  readonly onState: (state: LinkState) => void
}

interface Request {
  readonly call: LiveCall
  readonly deadlineMs: number
  resolve(answer: LiveAnswer): void
  reject(error: CacheError): void
}

/** What a subscriber is told. */
export interface Subscriber {
  readonly call: LiveCall
  /** The subscription stands, for the first time or again. */
  onWatching(): void
  /** Messages may be missed from now on, until it stands again. */
  onLost(): void
  onPush(answer: LiveAnswer): void
  /** The node refuses it. It has ended. */
  onError(error: CacheError): void
}

/**
 * One connection that is made again when it breaks. Requests under way then fail with UNAVAILABLE, those not yet sent
 * wait, subscriptions are asked for again.
 */
export class LiveLink {
  readonly #parts: LinkParts
  readonly #requests = new Map<number, Request>()
  readonly #subscribers = new Set<Subscriber>()
  readonly #subscriberOf = new Map<number, Subscriber>()
  #waiting: Request[] = []
  #state: LinkState = 'waiting'
  #socket: LiveSocket | undefined
  #lastId = 0
  #failures = 0
  #isSilent = false
  #stopTimer: () => void = () => {}

  constructor(parts: LinkParts) {
    this.#parts = parts
  }

  get state(): LinkState {
    return this.#state
  }

  /** Makes the connection. Called once. */
  start(): void {
    this.#connect()
  }

  /** Rejects with CacheError; aborting `signal` cancels the call on the node, too. */
  call(call: LiveCall, deadlineMs: number, signal?: AbortSignal): Promise<LiveAnswer> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'closed') return reject(closedError())
      if (signal?.aborted) return reject(cancelledError())
      if (this.#waiting.length >= WAITING_MAX) {
        return reject(new CacheError('RESOURCE_EXHAUSTED', `${WAITING_MAX} requests wait to be sent`))
      }
      const settle = () => {
        stopTimer()
        signal?.removeEventListener('abort', onAbort)
      }
      const request: Request = {
        call,
        deadlineMs,
        resolve: (answer) => {
          settle()
          resolve(answer)
        },
        reject: (error) => {
          settle()
          reject(error)
        },
      }
      const onAbort = () => this.#give(request, cancelledError())
      const late = () =>
        this.#give(request, new CacheError('DEADLINE_EXCEEDED', `No answer within ${deadlineMs} ms`))
      const stopTimer = this.#parts.after(deadlineMs, late)
      signal?.addEventListener('abort', onAbort)
      this.#waiting.push(request)
      this.#sendWaiting()
    })
  }

  /** @returns what ends the subscription */
  subscribe(subscriber: Subscriber): () => void {
    this.#subscribers.add(subscriber)
    if (this.#state === 'open') this.#ask(subscriber)
    return () => {
      if (!this.#subscribers.delete(subscriber)) return
      for (const [id, known] of this.#subscriberOf) {
        if (known !== subscriber) continue
        this.#subscriberOf.delete(id)
        this.#send(id, 0, { kind: 'cancel' })
      }
    }
  }

  /** Requests under way, and later ones, reject with FAILED_PRECONDITION. */
  close(): void {
    if (this.#state === 'closed') return
    const socket = this.#socket
    this.#socket = undefined
    this.#stopTimer()
    this.#setState('closed')
    this.#subscribers.clear()
    this.#subscriberOf.clear()
    this.#failAll([...this.#requests.values(), ...this.#waiting], closedError())
    this.#waiting = []
    socket?.close(1000, 'The client is done')
  }

  #connect(): void {
    this.#setState('connecting')
    let socket: LiveSocket
    try {
      socket = this.#parts.newSocket()
    } catch (thrown) {
      // A URL that is none: it will not get better.
      this.close()
      throw new CacheError('INVALID_ARGUMENT', CacheError.from(thrown).message, { cause: thrown })
    }
    this.#socket = socket
    socket.binaryType = 'arraybuffer'
    const ifCurrent =
      <Event>(then: (event: Event) => void) =>
      (event: Event) => {
        if (this.#socket === socket) then(event)
      }
    socket.onopen = ifCurrent(() => this.#opened())
    socket.onmessage = ifCurrent(({ data }: { data: unknown }) => this.#receive(data))
    socket.onclose = ifCurrent(() => this.#lost())
    // An error is always followed by a close; but `ws` throws it when nobody hears of it.
    socket.onerror = ifCurrent(() => {})
    this.#watchSilence()
  }

  #opened(): void {
    this.#setState('open')
    for (const subscriber of [...this.#subscribers]) this.#ask(subscriber)
    this.#sendWaiting()
  }

  #lost(): void {
    this.#socket = undefined
    this.#stopTimer()
    const wasOpen = this.#state === 'open'
    this.#setState('waiting')
    this.#subscriberOf.clear()
    this.#failAll(
      [...this.#requests.values()],
      new CacheError('UNAVAILABLE', 'The connection to the node broke'),
    )
    if (wasOpen) for (const subscriber of [...this.#subscribers]) subscriber.onLost()
    const limitMs = Math.min(BACKOFF_MS * 2 ** this.#failures++, BACKOFF_MS_MAX)
    // Jitter: the clients of a node that restarts must not all come at once.
    this.#stopTimer = this.#parts.after(limitMs * (0.5 + this.#parts.random() / 2), () => this.#connect())
  }

  /** A connection can be dead without a sign, for hours: see that something comes. */
  #watchSilence(): void {
    this.#stopTimer()
    this.#isSilent = true
    let isAsked = this.#state !== 'open'
    const look = () => {
      if (!this.#isSilent) isAsked = false
      else if (isAsked) {
        const socket = this.#socket
        this.#lost()
        return socket?.close()
      } else {
        isAsked = true
        this.#send(this.#nextId(), 0, { kind: 'ping' })
      }
      this.#isSilent = true
      this.#stopTimer = this.#parts.after(SILENCE_MS, look)
    }
    this.#stopTimer = this.#parts.after(SILENCE_MS, look)
  }

  #receive(data: unknown): void {
    this.#isSilent = false
    this.#failures = 0
    if (!(data instanceof ArrayBuffer)) return
    let id: number
    let answer: LiveAnswer | undefined
    try {
      ;({ id, answer } = decodeReply(new Uint8Array(data)))
    } catch {
      // Whoever answers does not speak this protocol: what was asked stays unanswered until its deadline.
      return
    }
    if (answer === undefined)
      answer = { kind: 'failed', error: new CacheError('UNIMPLEMENTED', 'Unknown answer') }
    const subscriber = this.#subscriberOf.get(id)
    if (subscriber !== undefined) {
      this.#push(id, subscriber, answer)
      return
    }
    const request = this.#requests.get(id)
    if (request === undefined) return
    this.#requests.delete(id)
    if (answer.kind === 'failed') request.reject(answer.error)
    else request.resolve(answer)
    this.#sendWaiting()
  }

  #push(id: number, subscriber: Subscriber, answer: LiveAnswer): void {
    if (answer.kind === 'watching') {
      subscriber.onWatching()
      return
    }
    if (answer.kind !== 'failed') {
      subscriber.onPush(answer)
      return
    }
    this.#subscriberOf.delete(id)
    this.#subscribers.delete(subscriber)
    subscriber.onError(answer.error)
  }

  #ask(subscriber: Subscriber): void {
    const id = this.#nextId()
    this.#subscriberOf.set(id, subscriber)
    this.#send(id, 0, subscriber.call)
  }

  #sendWaiting(): void {
    while (this.#state === 'open' && this.#waiting.length > 0 && this.#requests.size < IN_FLIGHT_MAX) {
      const request = this.#waiting.shift()!
      const id = this.#nextId()
      this.#requests.set(id, request)
      this.#send(id, request.deadlineMs, request.call)
    }
  }

  /** Gives a request up, wherever it is. */
  #give(request: Request, error: CacheError): void {
    this.#waiting = this.#waiting.filter((other) => other !== request)
    for (const [id, other] of this.#requests) {
      if (other !== request) continue
      this.#requests.delete(id)
      this.#send(id, 0, { kind: 'cancel' })
    }
    request.reject(error)
    this.#sendWaiting()
  }

  #failAll(requests: readonly Request[], error: CacheError): void {
    this.#requests.clear()
    for (const request of requests) request.reject(error)
  }

  #send(id: number, deadlineMs: number, call: LiveCall): void {
    if (this.#state === 'open') this.#socket?.send(encodeRequest(id, deadlineMs, call))
  }

  /** Ids are used in turn, so that one that was cancelled is not taken again soon. */
  #nextId(): number {
    do this.#lastId = this.#lastId === ID_MAX ? 1 : this.#lastId + 1
    while (this.#requests.has(this.#lastId) || this.#subscriberOf.has(this.#lastId))
    return this.#lastId
  }

  #setState(state: LinkState): void {
    this.#state = state
    this.#parts.onState(state)
  }
}

function closedError(): CacheError {
  return new CacheError('FAILED_PRECONDITION', 'The client is closed')
}

function cancelledError(): CacheError {
  return new CacheError('CANCELLED', 'The caller cancelled it')
}
