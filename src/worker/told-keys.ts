import type { ToldKeysReply } from '../shared/messages.js'
import {
  type EntryViews,
  isCopy,
  isNotFound,
  keyAt,
  keyLengthAt,
  valueAt,
  valueLengthAt,
} from '../shared/store/entry.js'
import type { Departures } from './store-parts.js'

/** Keys that a group may tell of in one turn of the event loop, and their bytes; with more it says "all". */
export const TOLD_KEYS_MAX = 1000
export const TOLD_BYTES_MAX = 32 * 1024

const NOTHING = new Uint8Array(0)

/**
 * Keys of one shard of a group whose value is in its store no more: gone, or another one now. While somebody watches the
 * group, those of one turn of the event loop go to the main thread together, ahead of the answers of that turn: who hears
 * that a delete is done has heard of the key before. Otherwise nothing is noted.
 */
export class ToldKeys implements Departures {
  readonly #group: number
  #push: ((reply: ToldKeysReply) => void) | undefined
  /** Sent already, but not on its way yet: what else happens in this turn is added to it. */
  #reply: { kind: 'told'; group: number; keys: ToldKeysReply['keys'] } | undefined
  #bytes = NOTHING
  #ends: number[] = []

  constructor(group: number) {
    this.#group = group
  }

  /** @param push takes the reply of a turn, to be completed by seal(); `undefined` when nobody watches any more */
  watch(push: ((reply: ToldKeysReply) => void) | undefined): void {
    this.seal()
    this.#push = push
    this.#bytes = push === undefined ? NOTHING : new Uint8Array(TOLD_BYTES_MAX)
    this.#ends = []
  }

  onLeave(views: EntryViews, place: number): void {
    // Of a copy, the node tells that has the value.
    if (this.#push === undefined || isCopy(views, place)) return
    const start = keyAt(views, place)
    this.#add(views.bytes, start, start + keyLengthAt(views, place))
  }

  onReplace(views: EntryViews, before: number, after: number): void {
    if (this.#push !== undefined && !isSame(views, before, after)) this.onLeave(views, before)
  }

  /** For keys that are told of although their store does not hold them. */
  add(key: Uint8Array): void {
    if (this.#push !== undefined) this.#add(key, 0, key.length)
  }

  addAll(): void {
    if (this.#push === undefined) return
    this.#begin(this.#push).keys = 'all'
  }

  /** Ends the turn: its reply is complete. */
  seal(): void {
    const reply = this.#reply
    if (reply === undefined) return
    this.#reply = undefined
    if (reply.keys === 'all') return
    reply.keys = { bytes: this.#bytes.slice(0, this.#ends.at(-1) ?? 0), ends: Uint32Array.from(this.#ends) }
  }

  #add(bytes: Uint8Array, start: number, end: number): void {
    const reply = this.#begin(this.#push!)
    if (reply.keys === 'all') return
    const count = this.#ends.length
    const from = count === 0 ? 0 : this.#ends[count - 1]!
    if (this.#isLast(bytes, start, end)) return
    if (count === TOLD_KEYS_MAX || from + end - start > TOLD_BYTES_MAX) {
      reply.keys = 'all'
      return
    }
    // Byte by byte, as in #isLast(): most keys are short, and a view costs more than they do.
    for (let at = start; at < end; at++) this.#bytes[from + at - start] = bytes[at]!
    this.#ends.push(from + end - start)
  }

  /** True for the key that was told last: its entry leaves, and then its delete is told. */
  #isLast(bytes: Uint8Array, start: number, end: number): boolean {
    const count = this.#ends.length
    if (count === 0) return false
    const from = count === 1 ? 0 : this.#ends[count - 2]!
    if (this.#ends[count - 1]! - from !== end - start) return false
    for (let at = start; at < end; at++) if (this.#bytes[from + at - start] !== bytes[at]) return false
    return true
  }

  #begin(push: (reply: ToldKeysReply) => void) {
    if (this.#reply !== undefined) return this.#reply
    this.#ends = []
    const reply = {
      kind: 'told' as const,
      group: this.#group,
      keys: { bytes: NOTHING, ends: new Uint32Array(0) } as ToldKeysReply['keys'],
    }
    this.#reply = reply
    push(reply)
    return reply
  }
}

/** True when two entries of a key say the same, whatever their times. */
function isSame(views: EntryViews, one: number, other: number): boolean {
  const length = valueLengthAt(views, one)
  if (length !== valueLengthAt(views, other) || isNotFound(views, one) !== isNotFound(views, other))
    return false
  const [from, otherFrom] = [valueAt(views, one), valueAt(views, other)]
  return (
    Buffer.compare(
      views.bytes.subarray(from, from + length),
      views.bytes.subarray(otherFrom, otherFrom + length),
    ) === 0
  )
}
