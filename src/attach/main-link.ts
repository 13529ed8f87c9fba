import type { MessagePort } from 'node:worker_threads'
import type { CallOptions } from '../main/call.js'
import type { AttachedCall, AttachedReply, AttachedRequest } from '../shared/attach-messages.js'
import { CacheError } from '../shared/errors.js'
import { TIMER_MS_MAX } from '../shared/limits.js'
import { TransientMap } from '../shared/transient-map.js'
import { TurnBatch } from '../shared/turn-batch.js'

/** Calls to the main thread that may be under way; more are refused. */
const PENDING_MAX = 200_000

interface Pending {
  resolve(result: unknown): void
  reject(error: CacheError): void
}

/** News from the main thread: everything that is no answer. */
export type News = Exclude<AttachedReply, { kind: 'done' | 'failed' }>

export interface MainLinkEvents {
  onNews(news: News): void
  /** The main thread is gone, or close() was called. Once. */
  onClose(): void
}

/**
 * The way from an attached thread to the main thread of its node: calls out, answers and news in. Calls of one turn of
 * the event loop go in one message. Keeps the thread alive while calls are under way, and no longer.
 */
export class MainLink {
  readonly #port: MessagePort
  readonly #events: MainLinkEvents
  readonly #batch: TurnBatch<AttachedRequest>
  readonly #pending = new TransientMap<number, Pending>()
  #nextId = 1
  #closedBy: CacheError | undefined

  constructor(port: MessagePort, events: MainLinkEvents) {
    this.#port = port
    this.#events = events
    this.#batch = new TurnBatch((requests) => port.postMessage(requests))
    port.on('message', (replies: readonly AttachedReply[]) => {
      for (const reply of replies) this.#take(reply)
    })
    port.on('close', () => this.close(new CacheError('UNAVAILABLE', 'The node of this cache is gone')))
    port.unref()
  }

  /** Throws what ended the link, if anything did. */
  assertOpen(): void {
    if (this.#closedBy) throw this.#closedBy
  }

  /** Rejects with CacheError. `deadlineMs` and `signal` free the caller even when the main thread is blocked. */
  async call<Result>(call: AttachedCall, options: CallOptions = {}): Promise<Result> {
    this.assertOpen()
    if (options.signal?.aborted) throw callerGone()
    if (this.#pending.size >= PENDING_MAX) {
      throw new CacheError('RESOURCE_EXHAUSTED', `${PENDING_MAX} calls to the main thread are under way`)
    }
    if (this.#pending.size === 0) this.#port.ref()
    const id = this.#nextId++
    this.#batch.push({ kind: 'call', id, call })
    return new Promise<unknown>((resolve, reject) =>
      this.#wait(id, { resolve, reject }, options),
    ) as Promise<Result>
  }

  /** Tells whether somebody in this thread wants to hear of the keys of a group. */
  watch(group: string, isWatched: boolean): void {
    if (!this.#closedBy) this.#batch.push({ kind: 'watch', group, isWatched })
  }

  /** Tells that a message about keys was taken. */
  confirmHeard(): void {
    this.#batch.push({ kind: 'heard', count: 1 })
  }

  /** Tells that this thread reads a group in its new memory alone. */
  confirmMove(id: number): void {
    this.#batch.push({ kind: 'moved', id })
  }

  /** Ends the link: what is under way rejects with `reason`, and whatever comes later. The first reason stays. */
  close(reason: CacheError): void {
    if (this.#closedBy) return
    this.#closedBy = reason
    const lost = this.#pending.values()
    this.#pending.clear()
    for (const { reject } of lost) reject(reason)
    this.#events.onClose()
    this.#port.close()
  }

  #wait(
    id: number,
    { resolve, reject }: Pending,
    { deadlineMs = Number.POSITIVE_INFINITY, signal }: CallOptions,
  ): void {
    const leave = (error: CacheError): void => {
      this.#batch.push({ kind: 'cancel', id })
      this.#settle(id)?.reject(error)
    }
    const cancel = (): void => leave(callerGone())
    const expire = (): void => leave(new CacheError('DEADLINE_EXCEEDED', `No answer within ${deadlineMs} ms`))
    const timer = deadlineMs <= TIMER_MS_MAX ? setTimeout(expire, deadlineMs) : undefined
    const done = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', cancel)
    }
    signal?.addEventListener('abort', cancel)
    this.#pending.set(id, {
      resolve(result) {
        done()
        resolve(result)
      },
      reject(error) {
        done()
        reject(error)
      },
    })
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    if (this.#pending.delete(id) && this.#pending.size === 0) this.#port.unref()
    return pending
  }

  #take(reply: AttachedReply): void {
    // Who went away gets an answer now and then: it is too late for it.
    if (reply.kind === 'done') this.#settle(reply.id)?.resolve(reply.result)
    else if (reply.kind === 'failed') {
      this.#settle(reply.id)?.reject(new CacheError(reply.failure.code, reply.failure.message))
    } else if (!this.#closedBy) this.#events.onNews(reply)
  }
}

function callerGone(): CacheError {
  return new CacheError('CANCELLED', 'The caller went away')
}
