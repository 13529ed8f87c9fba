import { type EntryViews, type NewEntry, writeHeader } from '../shared/store/entry.js'

/** Below this, to copy byte by byte costs less than the way by private memory, which takes two views. */
const STAGED_BYTES_MIN = 1024

const STAGE_BYTES = 8 * 1024

/**
 * Writes entries into the memory of a store, and moves them in it, for its owner.
 *
 * Between shared memory and other V8 copies byte by byte when the two places differ modulo 8 (value-copy.ts). Values come
 * from anywhere: long ones that are not aligned as their place is go by way of private memory.
 */
export class EntryWriter {
  readonly #views: EntryViews
  /** With room to begin anywhere in a word of 8 bytes. */
  readonly #stage = new Uint8Array(STAGE_BYTES + 8)

  constructor(views: EntryViews) {
    this.#views = views
  }

  /** Writes an entry that no slot points to yet. */
  write(place: number, slot: number, entry: NewEntry): void {
    const { key, value } = entry
    const at = writeHeader(this.#views, place, slot, entry)
    if (value.length < STAGED_BYTES_MIN || ((value.byteOffset - at) & 7) === 0) {
      this.#views.bytes.set(value, at)
    } else this.#writeStaged(value, at)
    this.#views.bytes.set(key, at + value.length)
  }

  /** Copies an entry, a long one to where a long one may begin. */
  move(from: number, to: number, sizeBytes: number): void {
    const { words } = this.#views
    if (((to - from) & 7) === 0) words.copyWithin(to >> 2, from >> 2, (from + sizeBytes) >> 2)
    else copyWords(words, to >> 2, from >> 2, sizeBytes >> 2)
  }

  #writeStaged(value: Uint8Array, at: number): void {
    const begin = at & 7
    for (let done = 0; done < value.length; done += STAGE_BYTES) {
      const end = Math.min(done + STAGE_BYTES, value.length)
      this.#stage.set(value.subarray(done, end), begin)
      this.#views.bytes.set(this.#stage.subarray(begin, begin + end - done), at + done)
    }
  }
}

/** Four at a time, which takes a fifth less than one by one. */
function copyWords(words: Int32Array, to: number, from: number, count: number): void {
  let done = 0
  for (; done + 4 <= count; done += 4) {
    words[to + done] = words[from + done]!
    words[to + done + 1] = words[from + done + 1]!
    words[to + done + 2] = words[from + done + 2]!
    words[to + done + 3] = words[from + done + 3]!
  }
  for (; done < count; done++) words[to + done] = words[from + done]!
}
