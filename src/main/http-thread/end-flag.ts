const RUNS = 0
const HAS_ENDED = 1

/**
 * One word by which a thread tells another, which may be about to end the process and turns its event loop no more, that
 * it holds nothing open any longer.
 */
export class EndFlag {
  readonly memory: SharedArrayBuffer
  readonly #word: Int32Array

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(4)) {
    this.memory = memory
    this.#word = new Int32Array(memory)
  }

  /** Called by the thread that has ended its work. */
  raise(): void {
    Atomics.store(this.#word, 0, HAS_ENDED)
    Atomics.notify(this.#word, 0)
  }

  /** Blocks the calling thread until the flag is raised, at most so long. True when it was. */
  wait(timeoutMs: number): boolean {
    return Atomics.wait(this.#word, 0, RUNS, timeoutMs) !== 'timed-out'
  }
}
