import { varintBytes, writeVarint } from '../../../live/wire-writer.js'
import type { HotGroup } from '../../hot-group.js'
import type { LiveParts } from './live-parts.js'

const ID_TAG = 0x08
const DEADLINE_TAG = 0x10
const GET_TAG = 0x1a
const GROUP_TAG = 0x0a
const KEY_TAG = 0x12

/** Fields of LiveReply and LiveValue. */
const VALUE_ANSWER_TAG = 0x22
const VALUE_TAG = 0x0a
const OUTCOME_TAG = 0x10
const OUTCOME_HIT = 1
const OUTCOME_HOT = 5
const TTL_LEFT_TAG = 0x18

/** Numbers up to here are read without a thought of floats. */
const VARINT_BYTES_MAX = 4

/**
 * Hits of `get` from bytes to bytes: the key is hashed where it lies in the request, the value goes from shared memory
 * into the reply. Whatever is not that simple is left to the ordinary path.
 */
export class HotFrame {
  readonly #hot: Iterable<HotGroup>
  readonly #pin: LiveParts['pin']
  /** The group of the last request, and its name in bytes: hardly ever another. */
  #group: HotGroup | undefined
  #name: Uint8Array = new Uint8Array(0)
  /** Where the varint that was read last ends. */
  #at = 0
  /** Of the request that was answered last. */
  id = 0

  constructor({ hot, pin }: Pick<LiveParts, 'hot' | 'pin'>) {
    this.#hot = hot
    this.#pin = pin
  }

  /** The reply to the request in `bytes`; undefined when this is no hit. `isFree` is asked whether an id may be used. */
  answer(bytes: Uint8Array, isFree: (id: number) => boolean): Uint8Array | undefined {
    const key = this.#keyOf(bytes)
    if (key < 0 || !isFree(this.id)) return undefined
    this.#pin.enter()
    try {
      const lengthBytes = this.#group!.find(bytes, key, bytes.length, false)
      return lengthBytes < 0 ? undefined : this.#reply(lengthBytes)
    } finally {
      this.#pin.leave()
    }
  }

  /** Where the key begins, which goes to the end; −1 when this is not such a request, or of no known group. */
  #keyOf(bytes: Uint8Array): number {
    if (bytes[0] !== ID_TAG) return -1
    this.id = this.#varint(bytes, 1)
    if (this.id < 1) return -1
    if (bytes[this.#at] === DEADLINE_TAG && this.#varint(bytes, this.#at + 1) < 0) return -1
    if (bytes[this.#at] !== GET_TAG) return -1
    const callLength = this.#varint(bytes, this.#at + 1)
    if (callLength < 0 || this.#at + callLength !== bytes.length || bytes[this.#at] !== GROUP_TAG) return -1
    const groupLength = this.#varint(bytes, this.#at + 1)
    const group = this.#at
    const keyField = group + groupLength
    if (groupLength < 0 || keyField >= bytes.length || bytes[keyField] !== KEY_TAG) return -1
    const keyLength = this.#varint(bytes, keyField + 1)
    const key = this.#at
    if (keyLength < 1 || key + keyLength !== bytes.length) return -1
    return this.#isGroup(bytes, group, keyField) ? key : -1
  }

  #reply(lengthBytes: number): Uint8Array {
    const ttlLeftMs = this.#group!.foundTtlLeftMs()
    const isTimed = ttlLeftMs !== Number.POSITIVE_INFINITY
    const ttl = isTimed ? Math.trunc(ttlLeftMs) : 0
    const valueBytes = lengthBytes === 0 ? 0 : 1 + varintBytes(lengthBytes) + lengthBytes
    const answerBytes = valueBytes + 2 + (isTimed ? 1 + varintBytes(ttl) : 0)
    const reply = Buffer.allocUnsafe(1 + varintBytes(this.id) + 1 + varintBytes(answerBytes) + answerBytes)
    reply[0] = ID_TAG
    let at = writeVarint(reply, 1, this.id)
    reply[at] = VALUE_ANSWER_TAG
    at = writeVarint(reply, at + 1, answerBytes)
    if (lengthBytes > 0) {
      reply[at] = VALUE_TAG
      at = writeVarint(reply, at + 1, lengthBytes)
      this.#group!.copyFound(reply, at)
      at += lengthBytes
    }
    reply[at] = OUTCOME_TAG
    reply[at + 1] = this.#group!.foundIsCopy ? OUTCOME_HOT : OUTCOME_HIT
    if (isTimed) {
      reply[at + 2] = TTL_LEFT_TAG
      writeVarint(reply, at + 3, ttl)
    }
    return reply
  }

  /** True when bytes[start…end) names a group, which then is the group of this request. */
  #isGroup(bytes: Uint8Array, start: number, end: number): boolean {
    if (this.#group && !this.#group.isClosed && equals(this.#name, bytes, start, end)) return true
    for (const group of this.#hot) {
      const name = Buffer.from(group.name)
      if (!equals(name, bytes, start, end)) continue
      this.#group = group
      this.#name = name
      return true
    }
    return false
  }

  /** −1 for one that is longer than it may be here. */
  #varint(bytes: Uint8Array, at: number): number {
    let value = 0
    for (let i = 0; i < VARINT_BYTES_MAX && at + i < bytes.length; i++) {
      const byte = bytes[at + i]!
      value |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) {
        this.#at = at + i + 1
        return value
      }
    }
    return -1
  }
}

function equals(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}
