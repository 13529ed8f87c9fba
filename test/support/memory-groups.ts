import type { Answer, CallOptions } from '../../src/main/call.js'
import type { PollAnswer, PolledNode, PollRequest } from '../../src/main/invalidation-poll.js'
import type { ServedGroup, ServedGroups, ServeOptions } from '../../src/main/served-group.js'
import type { CancelSignal } from '../../src/shared/cancel.js'
import { CacheError, Code, type CodeName } from '../../src/shared/errors.js'

/** A call that waits in a {@link MemoryGroup} and sees what its caller does. */
export interface WaitingCall {
  readonly options: ServeOptions
  readonly signal: CancelSignal
  /** Resolves once the caller has gone away. */
  readonly cancelled: Promise<void>
  finish(value: Uint8Array): void
}

/** A group in memory, with some keys that behave in their own way. */
export class MemoryGroup implements ServedGroup {
  readonly values = new Map<string, Uint8Array>()
  /** Options of every call, in order. */
  readonly options: ServeOptions[] = []
  /** How many keys each call for many had. */
  readonly batches: number[] = []
  readonly #waiting: WaitingCall[] = []
  readonly #waiters: ((call: WaitingCall) => void)[] = []

  set(key: Uint8Array | string, value: Uint8Array | string): void {
    this.values.set(Buffer.from(key).toString('hex'), Buffer.from(value))
  }

  has(key: Uint8Array | string): boolean {
    return this.values.has(Buffer.from(key).toString('hex'))
  }

  /**
   * `wait` waits for {@link nextWaiting}, `throw CODE` rejects with that code and `throw` with an error that is no
   * CacheError; other keys are looked up.
   */
  async fetch(key: Uint8Array, options: ServeOptions): Promise<Answer> {
    this.options.push(options)
    const text = Buffer.from(key).toString()
    if (text === 'wait') return answer(await this.#wait(options))
    if (text === 'throw') throw new Error('secret')
    if (text.startsWith('throw ')) throw failure(text.slice('throw '.length))
    const value = this.values.get(Buffer.from(key).toString('hex'))
    if (value === undefined) throw new CacheError('NOT_FOUND', 'key not found')
    return answer(value)
  }

  async fetchMany(keys: readonly Uint8Array[], options: ServeOptions): Promise<(Answer | CacheError)[]> {
    this.batches.push(keys.length)
    const settled = await Promise.allSettled(keys.map((key) => this.fetch(key, options)))
    return settled.map((result) =>
      result.status === 'fulfilled' ? result.value : CacheError.from(result.reason),
    )
  }

  async remove(key: Uint8Array, options: ServeOptions): Promise<void> {
    this.options.push(options)
    this.values.delete(Buffer.from(key).toString('hex'))
  }

  /** The next call for the key `wait`, once it is there. */
  nextWaiting(): Promise<WaitingCall> {
    const call = this.#waiting.shift()
    if (call !== undefined) return Promise.resolve(call)
    return new Promise((resolve) => this.#waiters.push(resolve))
  }

  #wait(options: ServeOptions): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      const signal = options.signal
      if (signal === undefined) throw new Error('The call has no signal')
      const cancelled = new Promise<void>((gone) => {
        signal.addEventListener('abort', () => {
          gone()
          reject(new CacheError('CANCELLED', 'caller went away'))
        })
      })
      const call = { options, signal, cancelled, finish: resolve }
      const waiter = this.#waiters.shift()
      if (waiter === undefined) this.#waiting.push(call)
      else waiter(call)
    })
  }
}

export class MemoryGroups implements ServedGroups, PolledNode {
  readonly scores = new MemoryGroup()
  /** What peers polled for. */
  readonly polls: { readonly request: PollRequest; readonly options: CallOptions }[] = []

  find(name: string): MemoryGroup | undefined {
    return name === 'scores' ? this.scores : undefined
  }

  /** Tells of the key `Tom` of every group, with the sequence after the one that was asked for. */
  async poll(request: PollRequest, options: CallOptions): Promise<PollAnswer> {
    this.polls.push({ request, options })
    const { session, sequence, groups } = request
    return {
      session,
      sequence: sequence + 1,
      isReset: false,
      covered: groups.map(({ name }) => name),
      events: groups.map(({ name }) => ({ group: name, keys: [Buffer.from('Tom')] })),
    }
  }
}

function answer(value: Uint8Array): Answer {
  return { value, outcome: 'hit', answeredBy: '127.0.0.1:8001', ttlLeftMs: 1500.7 }
}

function failure(what: string): CacheError {
  const code = what as CodeName
  if (!(code in Code)) throw new Error(`No such code: ${code}`)
  return new CacheError(code, `told about ${code} \ud800 ✓`, { cause: new Error('secret') })
}
