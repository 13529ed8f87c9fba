import type { ByteBudget } from './byte-budget.js'

/** How much a connection may have queued. */
export interface SendQueueLimits {
  /** What every connection may have, whatever others do. */
  readonly freeBytes: number
  /** What it may have at most; above freeBytes it takes from the budget that all share. */
  readonly bytesMax: number
}

/** Counts the body bytes that the streams of a connection hold back until their peer lets them go. */
export class SendQueue {
  /** Called when the queue is crowded no more. */
  onRoom: () => void = () => {}
  /** Called when something has left a queue that is not crowded. */
  onMoved: () => void = () => {}
  readonly #limits: SendQueueLimits
  readonly #budget: ByteBudget
  #bytes = 0
  #chargedBytes = 0
  /** Something left it since the last tick. */
  #moved = false
  #stuckSinceMs = -1

  constructor(limits: SendQueueLimits, budget: ByteBudget) {
    this.#limits = limits
    this.#budget = budget
  }

  /** True while it is time to start nothing that makes it longer. */
  get crowded(): boolean {
    return this.#bytes > this.#limits.freeBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Since when nothing has left although there was much, as ticks saw it; −1 otherwise. */
  get stuckSinceMs(): number {
    return this.#stuckSinceMs
  }

  /** True when so many more may be added. */
  fits(lengthBytes: number): boolean {
    const neededBytes = this.#bytes + lengthBytes - this.#limits.freeBytes
    if (neededBytes <= 0) return true
    if (this.#bytes + lengthBytes > this.#limits.bytesMax) return false
    const moreBytes = neededBytes - this.#chargedBytes
    if (moreBytes <= 0) return true
    if (!this.#budget.take(moreBytes)) return false
    this.#budget.give(moreBytes)
    return true
  }

  add(lengthBytes: number): void {
    this.#bytes += lengthBytes
    const moreBytes = this.#bytes - this.#limits.freeBytes - this.#chargedBytes
    if (moreBytes > 0 && this.#budget.take(moreBytes)) this.#chargedBytes += moreBytes
  }

  remove(lengthBytes: number): void {
    if (lengthBytes === 0) return
    const wasCrowded = this.crowded
    this.#bytes -= lengthBytes
    this.#moved = true
    const lessBytes = this.#chargedBytes - Math.max(0, this.#bytes - this.#limits.freeBytes)
    if (lessBytes > 0) {
      this.#budget.give(lessBytes)
      this.#chargedBytes -= lessBytes
    }
    if (this.crowded) return
    if (wasCrowded) this.onRoom()
    this.onMoved()
  }

  /** Something left that was never in the queue. */
  noteMoved(): void {
    this.#moved = true
  }

  /** @param isBlocked replies wait that are not even in the queue yet */
  tick(nowMs: number, isBlocked: boolean): void {
    if (!(this.crowded || isBlocked) || this.#moved) this.#stuckSinceMs = -1
    else if (this.#stuckSinceMs < 0) this.#stuckSinceMs = nowMs
    this.#moved = false
  }
}
