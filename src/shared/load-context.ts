import type { Cancel } from './cancel.js'
import type { GetterContext } from './getter.js'

/** What a getter is told of one load. Its AbortSignal is made when the getter looks at it. */
export class LoadContext implements GetterContext {
  readonly group: string
  readonly keyBytes: Uint8Array
  readonly deadlineMs: number
  readonly #cancel: Cancel

  constructor(group: string, keyBytes: Uint8Array, cancel: Cancel, deadlineMs: number) {
    this.group = group
    this.keyBytes = keyBytes
    this.deadlineMs = deadlineMs
    this.#cancel = cancel
  }

  get signal(): AbortSignal {
    return this.#cancel.signal
  }
}
