import { assert } from '../assert.js'
import { THREAD_COUNT_MAX } from '../limits.js'

/** Hits that a thread remembers until they are drained; older ones are lost, which costs recency and nothing else. */
export const RING_WORDS = 256

/** A ring and, in a line of its own before it, the number of hits ever logged. */
const STRIDE_WORDS = 16 + RING_WORDS

/**
 * What readers leave behind for the policy of one store: the slots that they hit, a ring per reader thread.
 *
 *     thread t:   [count][– 15 words –][slot][slot] … 256 slots
 *
 * Readers never touch policy state and never wait: they write their own ring and overwrite the oldest hit. The owner
 * drains all rings before it evicts, the threads' hints mixed as if each had left its own at even intervals: one ring
 * after the other would put the order of a long run of hits at the mercy of which thread served what. A hint may name a
 * slot that was freed or reused since: policies bear that.
 */
export class AccessLog {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #drained: Int32Array
  /** Threads that have left hints since the last drain, and how many. */
  readonly #threads = new Int32Array(THREAD_COUNT_MAX)
  readonly #fresh = new Int32Array(THREAD_COUNT_MAX)

  constructor(memory: SharedArrayBuffer = AccessLog.allocate()) {
    this.memory = memory
    this.#words = new Int32Array(memory)
    this.#drained = new Int32Array(THREAD_COUNT_MAX)
  }

  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(THREAD_COUNT_MAX * STRIDE_WORDS * 4)
  }

  /** Called by reader threads. Plain writes: a hint that the owner sees late or not at all is no error. */
  record(thread: number, slot: number): void {
    const at = thread * STRIDE_WORDS
    const count = this.#words[at]!
    this.#words[at + 16 + (count & (RING_WORDS - 1))] = slot
    this.#words[at] = (count + 1) | 0
  }

  /**
   * Called by the owner: hands the oldest hints to `onHit`, those of each thread in their order, at most `countMax` of the
   * thread that has the most and of the others a like share of theirs. The rest waits for the next time, or is overwritten.
   */
  drain(threadCount: number, countMax: number, onHit: (slot: number) => void): void {
    let active = 0
    let most = 0
    for (let thread = 0; thread < threadCount; thread++) {
      const count = Atomics.load(this.#words, thread * STRIDE_WORDS)
      const fresh = Math.min((count - this.#drained[thread]!) >>> 0, RING_WORDS)
      if (fresh === 0) continue
      this.#drained[thread] = count - fresh
      this.#threads[active] = thread
      this.#fresh[active++] = fresh
      most = Math.max(most, fresh)
    }
    const steps = Math.min(most, countMax)
    for (let step = 1; step <= steps; step++) {
      for (let i = 0; i < active; i++) {
        const fresh = this.#fresh[i]!
        // The hints of this thread that are due by now, of those with the most hints one at every step.
        if (Math.floor((step * fresh) / most) === Math.floor(((step - 1) * fresh) / most)) continue
        const thread = this.#threads[i]!
        const number = this.#drained[thread]!++
        onHit(this.#words[thread * STRIDE_WORDS + 16 + (number & (RING_WORDS - 1))]!)
      }
    }
  }
}

assert((RING_WORDS & (RING_WORDS - 1)) === 0, 'A ring index is a mask')
