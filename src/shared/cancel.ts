/** What there is to know of a cancellation: the part of AbortSignal that the cache uses, so that one of those will do. */
export interface CancelSignal {
  readonly aborted: boolean
  readonly reason?: unknown
  addEventListener(type: 'abort', listener: () => void): void
  removeEventListener(type: 'abort', listener: () => void): void
}

/**
 * A cancellation within the cache. An AbortController costs over ten microseconds to make and to collect, and every
 * load needs a few cancellations that hardly ever happen; this one costs an object. `signal` makes a real AbortSignal
 * of it for user code that asks.
 */
export class Cancel implements CancelSignal {
  #aborted = false
  #reason: unknown
  /** Most have one listener: an array would cost more than all the rest. */
  #listener: (() => void) | undefined
  #others: readonly (() => void)[] | undefined
  #controller: AbortController | undefined

  get aborted(): boolean {
    return this.#aborted
  }

  get reason(): unknown {
    return this.#reason
  }

  /** An AbortSignal that is aborted with this. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController()
      if (this.#aborted) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  addEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === undefined) this.#listener = listener
    else this.#others = [...(this.#others ?? []), listener]
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    if (this.#listener === listener) this.#listener = undefined
    else this.#others = this.#others?.filter((other) => other !== listener)
  }

  /** Tells everybody, once. */
  abort(reason?: unknown): void {
    if (this.#aborted) return
    this.#aborted = true
    this.#reason = reason
    const [listener, others] = [this.#listener, this.#others]
    this.#listener = undefined
    this.#others = undefined
    listener?.()
    for (const other of others ?? []) other()
    this.#controller?.abort(reason)
  }
}
