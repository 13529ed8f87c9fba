import type { ByteBudget } from './byte-budget.js'
import { bodyTooLarge } from './dispatcher.js'
import { HttpProblem } from './problem.js'

const FIRST_BYTES = 1024

/** The body of one request, while it comes in: in one buffer that grows, so that many small parts cost no more than few. */
export class Body {
  readonly #bytesMax: number
  readonly #budget: ByteBudget
  #buffer = Buffer.alloc(0)
  #bytes = 0

  constructor(bytesMax: number, budget: ByteBudget) {
    this.#bytesMax = bytesMax
    this.#budget = budget
  }

  /**
   * Copies one more part.
   *
   * @throws HttpProblem 413 when it is too much for one request, 503 when it is too much for all together
   */
  push(part: Uint8Array): void {
    const bytes = this.#bytes + part.length
    if (bytes > this.#bytesMax) throw bodyTooLarge(this.#bytesMax)
    if (bytes > this.#buffer.length) this.#grow(bytes)
    this.#buffer.set(part, this.#bytes)
    this.#bytes = bytes
  }

  get bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#bytes)
  }

  /** Gives its room back. May be repeated. */
  release(): void {
    this.#budget.giveBack(this.#buffer.length)
    this.#buffer = Buffer.alloc(0)
    this.#bytes = 0
  }

  #grow(bytes: number): void {
    const length = Math.max(bytes, Math.min(this.#bytesMax, Math.max(FIRST_BYTES, 2 * this.#buffer.length)))
    if (!this.#budget.take(length - this.#buffer.length)) {
      throw new HttpProblem(503, 'Too many bodies are under way', { closes: true })
    }
    const buffer = Buffer.alloc(length)
    buffer.set(this.#buffer.subarray(0, this.#bytes))
    this.#buffer = buffer
  }
}
