/** Words of a fence, a power of two: keys share one, and with it the loss of their copies. */
const WORD_COUNT = 1024

/**
 * Which copies of other nodes' values are good, for all threads at once. A copy gets the stamp that its key has when its
 * value begins to be fetched. When something is told of the key, the main thread gives it another stamp, and with that no
 * thread finds the copy any more, before anybody is told: no thread has to be waited for.
 *
 * Stamps come from one count, so none comes again within the life of a copy.
 */
export class CopyFence {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  #stamp = 0

  constructor(memory = new SharedArrayBuffer(WORD_COUNT * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory
    this.#words = new Int32Array(memory)
  }

  /** @param hash of the key, by the seed of the node */
  stampOf(hash: number): number {
    return Atomics.load(this.#words, hash & (WORD_COUNT - 1))
  }

  /** No copy of the key that was begun before is good. Only for the main thread. */
  raise(hash: number): void {
    Atomics.store(this.#words, hash & (WORD_COUNT - 1), this.#next())
  }

  /** As raise() for all keys. */
  raiseAll(): void {
    const stamp = this.#next()
    for (let word = 0; word < WORD_COUNT; word++) Atomics.store(this.#words, word, stamp)
  }

  #next(): number {
    this.#stamp = (this.#stamp + 1) | 0
    return this.#stamp
  }
}
