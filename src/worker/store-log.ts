import { assert } from '../shared/assert.js'
import { entryStart } from '../shared/store/entry.js'
import type { Epochs } from '../shared/store/epoch.js'
import { ENTRY_ALIGN, Header, LONG_ENTRY_ALIGN } from '../shared/store/layout.js'

/** A position that follows the head round the log. */
interface Mark {
  at: number
  /** Where the lap of `at` ends, when the head is one lap ahead; 0 when it is in the same lap. */
  lapEnd: number
}

/**
 * Positions of a store's circular log (layout.ts draws it). Knows nothing of entries but their size, and that of long ones
 * some must leave a gap of a word of 0 before them.
 *
 *     … free │ reusable ──► retired │ tail ──► live and dead │ head ──► free …
 *
 * Bytes behind the tail are *retired*: readers that were pinned before may still be reading them. They become free, one
 * batch at a time, when the epoch in which the batch was retired has passed. An owner that takes over cannot know what
 * the one before it had retired: it writes nothing until an epoch of its own has passed.
 */
export class StoreLog {
  readonly #words: Int32Array
  readonly #start: number
  readonly #epochs: Epochs
  readonly #reusable: Mark
  readonly #retiring: Mark
  #retiringEpoch: number
  #isRetiring = true
  #hasTakenOver = false
  /** The batch was waited for in vain: no write waits for the same reader again. */
  #isStuck = false

  /** @param start byte offset of the log */
  constructor(words: Int32Array, start: number, epochs: Epochs) {
    this.#words = words
    this.#start = start
    this.#epochs = epochs
    this.#reusable = this.#tailMark()
    this.#retiring = this.#tailMark()
    this.#retiringEpoch = epochs.retire()
  }

  get #head(): number {
    return this.#words[Header.LOG_HEAD]!
  }

  #tailMark(): Mark {
    return { at: this.#words[Header.LOG_TAIL]!, lapEnd: this.#words[Header.LOG_LAP_END]! }
  }

  /** Bytes from the end of the free part to the head: entries, dead ones, and what is retired. */
  get usedBytes(): number {
    const { at, lapEnd } = this.#reusable
    return lapEnd === 0 ? this.#head - at : lapEnd - at + this.#head - this.#start
  }

  /** True when everything that the tail left behind can be written again. */
  get isReclaimed(): boolean {
    const { at, lapEnd } = this.#reusable
    const words = this.#words
    return at === words[Header.LOG_TAIL] && lapEnd === words[Header.LOG_LAP_END] && !this.#isRetiring
  }

  /** Where `sizeBytes` can be appended now; 0 when there is no such room. */
  placeFor(sizeBytes: number, limitBytes: number): number {
    const head = this.#head
    const place = entryStart(head, sizeBytes)
    if (!this.#hasTakenOver || this.usedBytes + place - head + sizeBytes > limitBytes) return 0
    const { at, lapEnd } = this.#reusable
    if (lapEnd !== 0) return place + sizeBytes <= at ? place : 0
    if (place + sizeBytes <= this.#start + limitBytes) return place
    if (this.#start + sizeBytes <= at) return this.#start
    return head === at ? this.#start : 0
  }

  /** Moves the head over `sizeBytes` at `place`, which is what placeFor() said. */
  append(place: number, sizeBytes: number): void {
    const words = this.#words
    const head = this.#head
    if (place > head) {
      assert(place - head < LONG_ENTRY_ALIGN, 'The gap before an entry is one word')
      words[head >> 2] = 0
    } else if (place < head) {
      assert(place === this.#start && this.#reusable.lapEnd === 0, 'The head jumps only to start a lap')
      this.#startLap()
    }
    words[Header.LOG_HEAD] = place + sizeBytes
  }

  /** Whoever stands at the head goes to the start of the new lap with it; for the others the old lap now has an end. */
  #startLap(): void {
    const words = this.#words
    const head = this.#head
    if (words[Header.LOG_TAIL] === head) words[Header.LOG_TAIL] = this.#start
    else words[Header.LOG_LAP_END] = head
    for (const mark of [this.#reusable, this.#retiring]) {
      if (mark.at === head) mark.at = this.#start
      else mark.lapEnd = head
    }
  }

  /** Place of the oldest entry, dead or live; 0 when there is none. */
  oldest(): number {
    const words = this.#words
    if (words[Header.LOG_LAP_END] !== 0 && words[Header.LOG_TAIL] === words[Header.LOG_LAP_END]) {
      words[Header.LOG_TAIL] = this.#start
      words[Header.LOG_LAP_END] = 0
    }
    if (words[Header.LOG_TAIL] === this.#head && words[Header.LOG_LAP_END] === 0) return 0
    // Behind a gap there is always an entry.
    if (words[words[Header.LOG_TAIL]! >> 2] === 0) words[Header.LOG_TAIL]! += ENTRY_ALIGN
    return words[Header.LOG_TAIL]!
  }

  /** Passes over the oldest entry. */
  release(sizeBytes: number): void {
    this.#words[Header.LOG_TAIL]! += sizeBytes
  }

  /** Passes over everything. */
  releaseAll(): void {
    this.#words[Header.LOG_TAIL] = this.#head
    this.#words[Header.LOG_LAP_END] = 0
  }

  /**
   * Frees what no reader can see any more.
   *
   * @param waitMs how long to wait for pinned readers
   * @returns false when nothing became free
   */
  reclaim(waitMs = 0): boolean {
    const before = this.usedBytes
    const hadTakenOver = this.#hasTakenOver
    // At most one batch is on its way: a second turn takes up what was released meanwhile.
    for (let turn = 0; turn < 2 && !this.isReclaimed; turn++) {
      if (!this.#isRetiring) {
        Object.assign(this.#retiring, this.#tailMark())
        this.#retiringEpoch = this.#epochs.retire()
        this.#isRetiring = true
      }
      if (!this.#hasPassed(waitMs)) break
      Object.assign(this.#reusable, this.#retiring)
      this.#isRetiring = false
      this.#hasTakenOver = true
    }
    return this.usedBytes < before || this.#hasTakenOver !== hadTakenOver
  }

  #hasPassed(waitMs: number): boolean {
    const epoch = this.#retiringEpoch
    const waits = waitMs > 0 && !this.#isStuck
    const passed = waits ? this.#epochs.waitPassed(epoch, waitMs) : this.#epochs.passed(epoch)
    this.#isStuck = !passed && (waits || this.#isStuck)
    return passed
  }
}
