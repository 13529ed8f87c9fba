import type { ClientUnaryCall } from '@grpc/grpc-js'
import type { CancelSignal } from '../../shared/cancel.js'
import { Code } from '../../shared/errors.js'

/** How a call ends. */
export interface Ending {
  /** A gRPC status. */
  readonly status: number
  readonly message: string
}

/** A call on its way, and all that may cut it short. */
export class OutboundCall {
  /** Why we cut it short, once we did. */
  reason: Ending | undefined
  readonly #signal: CancelSignal | undefined
  readonly #ended: () => void
  #call: ClientUnaryCall | undefined
  #connectTimer: NodeJS.Timeout | undefined

  constructor(signal: CancelSignal | undefined, ended: () => void) {
    this.#signal = signal
    this.#ended = ended
  }

  start(call: ClientUnaryCall): void {
    this.#call = call
    this.#signal?.addEventListener('abort', this.#onAbort)
  }

  giveUpAfter(timeoutMs: number, reasonOf: () => Ending | undefined): void {
    this.#connectTimer = setTimeout(() => {
      const reason = reasonOf()
      if (reason !== undefined) this.cancel(reason)
    }, timeoutMs)
  }

  cancel(reason: Ending): void {
    this.reason = reason
    this.#call?.cancel()
  }

  end(): void {
    clearTimeout(this.#connectTimer)
    this.#signal?.removeEventListener('abort', this.#onAbort)
    this.#ended()
  }

  readonly #onAbort = (): void => this.cancel({ status: Code.CANCELLED, message: 'caller went away' })
}
