import { assert } from '../assert.js'
import { THREAD_COUNT_MAX } from '../limits.js'

/** A line of its own for every word that one thread writes and others read: 64 bytes, in Int32 words. */
const LINE_WORDS = 16

const UNPINNED = 0

/** Words of the first line. */
const EPOCH = 0
const THREADS = 1
const NEVER_NOTIFIED = 2

/**
 * Epoch-based reclamation (Fraser, "Practical lock-freedom", 2004, §5.2.3) for all stores of a node.
 *
 *     word 0           the epoch: odd, so that it is never 0 when it wraps around
 *     word 1           number of threads admitted: pins beyond it need not be looked at
 *     word 2           stays 0: owners sleep on it
 *     word 16 (t + 1)  the pin of thread t: 0, or the epoch that it read when it began to read
 *
 * A reader pins before it looks into a store and unpins when it has copied what it found. An owner unlinks an entry,
 * calls {@link retire}, and reuses the bytes once {@link passed} says that every pin is newer than that. Both sides use
 * sequentially consistent operations only, so the owner's reuse happens after the reader's last plain read.
 *
 * A pin lives within one synchronous stretch of code, never across a turn of the event loop: owners wait for it.
 */
export class Epochs {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array

  constructor(memory: SharedArrayBuffer = Epochs.allocate()) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  static allocate(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer((THREAD_COUNT_MAX + 1) * LINE_WORDS * 4)
    new Int32Array(memory)[EPOCH] = 1
    return memory
  }

  /** Lets threads 0 … `thread` pin. Before the first pin of each; called by the thread that numbers the threads. */
  admit(thread: number): void {
    assert(thread < THREAD_COUNT_MAX, `A node has at most ${THREAD_COUNT_MAX} threads`)
    if (Atomics.load(this.#words, THREADS) <= thread) Atomics.store(this.#words, THREADS, thread + 1)
  }

  /** Threads admitted so far: numbers from here on have never pinned, nor logged a hit. */
  get threadCount(): number {
    return Atomics.load(this.#words, THREADS)
  }

  /**
   * From here to unpin(), nothing that `thread` can find in a store is overwritten.
   *
   * @returns the epoch: while it is the same, what was found at a place is what is there
   */
  pin(thread: number): number {
    const epoch = Atomics.load(this.#words, EPOCH)
    Atomics.store(this.#words, (thread + 1) * LINE_WORDS, epoch)
    return epoch
  }

  /** Also called for a thread that ended, by the thread that heard of it. */
  unpin(thread: number): void {
    Atomics.store(this.#words, (thread + 1) * LINE_WORDS, UNPINNED)
  }

  isPinned(thread: number): boolean {
    return Atomics.load(this.#words, (thread + 1) * LINE_WORDS) !== UNPINNED
  }

  /** Closes the present epoch: what was unlinked before this call is free once the returned epoch has passed. */
  retire(): number {
    return Atomics.add(this.#words, EPOCH, 2)
  }

  /** True once no reader can hold anything that was unlinked before `epoch` was retired. */
  passed(epoch: number): boolean {
    const { threadCount } = this
    for (let thread = 0; thread < threadCount; thread++) {
      const pin = Atomics.load(this.#words, (thread + 1) * LINE_WORDS)
      // Epochs wrap around: their order is the sign of the difference.
      if (pin !== UNPINNED && ((pin - epoch) | 0) <= 0) return false
    }
    return true
  }

  /** As passed(), but waits for pinned readers: they are synchronous and therefore soon done. */
  waitPassed(epoch: number, timeoutMs: number): boolean {
    const deadline = performance.now() + timeoutMs
    while (!this.passed(epoch)) {
      if (performance.now() > deadline) return false
      // A short sleep that yields the core, perhaps to the very reader that is waited for.
      Atomics.wait(this.#words, NEVER_NOTIFIED, 0, 0.05)
    }
    return true
  }
}
