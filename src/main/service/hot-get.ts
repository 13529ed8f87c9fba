import type { HotHandler } from '../grpc/hot-shapes.js'
import type { Reply } from '../grpc/reply.js'
import type { HotGroup } from '../hot-group.js'

/** Tags of the fields that requests and replies of both services have in common. */
const GROUP_TAG = 0x0a
const KEY_TAG = 0x12
const VALUE_TAG = 0x0a

/** Fields of geekcache.v1.FetchResponse. */
const OUTCOME_TAG = 0x10
const OUTCOME_HIT = 1
const TTL_LEFT_TAG = 0x18

/** Lengths on the hot path have at most three bytes as varints: 2 MiB. */
const VARINT_BYTES_MAX = 3

/**
 * Hits of Get and Fetch from bytes to bytes: the key is hashed where it lies in the request, the value goes from shared
 * memory into the connection's output. Nothing is allocated. Whatever is not that simple is left to the ordinary
 * handler: misses, "not found", keys of other nodes, requests that are encoded in an unusual way.
 */
export class HotGet {
  readonly #groups: Iterable<HotGroup>
  /** The group of the last request, and its name in bytes: hardly ever another. */
  #group: HotGroup | undefined
  #name: Uint8Array = new Uint8Array(0)
  /** Hits that takeHits() has not told yet. */
  #hits = 0
  /** Where the varint that was read last ends. */
  #at = 0

  constructor(groups: Iterable<HotGroup>) {
    this.#groups = groups
  }

  /** pb.GroupCache/Get: a Request in, a ResponseForGet out. */
  readonly get: HotHandler = (buffer, start, end, reply) => {
    const lengthBytes = this.#find(buffer, start, end, false)
    if (lengthBytes < 0) return false
    if (this.#writeValue(reply, lengthBytes, 0) < 0) return false
    this.#hits++
    return true
  }

  /** geekcache.v1.Peer/Fetch: a FetchRequest in, a FetchResponse out. */
  readonly fetch: HotHandler = (buffer, start, end, reply) => {
    const lengthBytes = this.#find(buffer, start, end, true)
    if (lengthBytes < 0) return false
    const ttlLeftMs = this.#group!.foundTtlLeftMs()
    const timed = ttlLeftMs !== Number.POSITIVE_INFINITY
    const extraBytes = 2 + (timed ? 1 + varintBytes(ttlLeftMs) : 0)
    const at = this.#writeValue(reply, lengthBytes, extraBytes)
    if (at < 0) return false
    this.#hits++
    reply.buffer[at] = OUTCOME_TAG
    reply.buffer[at + 1] = OUTCOME_HIT
    if (timed) {
      reply.buffer[at + 2] = TTL_LEFT_TAG
      writeVarint(reply.buffer, at + 3, ttlLeftMs)
    }
    return true
  }

  /** How many requests were answered since the last time that it was called. */
  takeHits(): number {
    const hits = this.#hits
    this.#hits = 0
    return hits
  }

  /** Length of the value that the request in buffer[start…end) asks for; −1 when this is no hit. */
  #find(buffer: Buffer, start: number, end: number, forwarded: boolean): number {
    if (buffer[start] !== GROUP_TAG) return -1
    const groupLength = this.#readVarint(buffer, start + 1)
    const group = this.#at
    const keyField = group + groupLength
    if (groupLength < 0 || keyField >= end || buffer[keyField] !== KEY_TAG) return -1
    const keyLength = this.#readVarint(buffer, keyField + 1)
    const key = this.#at
    if (keyLength < 0 || key + keyLength !== end || !this.#isGroup(buffer, group, keyField)) return -1
    return this.#group!.find(buffer, key, end, forwarded)
  }

  /** Writes the value field, with `extraBytes` of room behind it. Returns where that begins; −1 without room. */
  #writeValue(reply: Reply, lengthBytes: number, extraBytes: number): number {
    // proto3 leaves out a field that is empty.
    const headBytes = lengthBytes === 0 ? 0 : 1 + varintBytes(lengthBytes)
    const at = reply.reserve(headBytes + lengthBytes + extraBytes)
    if (at < 0) return -1
    if (lengthBytes > 0) {
      reply.buffer[at] = VALUE_TAG
      writeVarint(reply.buffer, at + 1, lengthBytes)
      this.#group!.copyFound(reply.buffer, at + headBytes)
    }
    return at + headBytes + lengthBytes
  }

  /** True when buffer[start…end) names a group, which then is the group of this request. */
  #isGroup(buffer: Buffer, start: number, end: number): boolean {
    if (this.#group && !this.#group.isClosed && equals(this.#name, buffer, start, end)) return true
    const name = buffer.toString('utf8', start, end)
    for (const group of this.#groups) {
      if (group.name !== name) continue
      this.#group = group
      this.#name = Buffer.from(name)
      return equals(this.#name, buffer, start, end)
    }
    return false
  }

  /** −1 for one that is longer than it may be. */
  #readVarint(buffer: Buffer, at: number): number {
    let value = 0
    for (let i = 0; i < VARINT_BYTES_MAX; i++) {
      const byte = buffer[at + i]!
      value |= (byte & 0x7f) << (7 * i)
      if (byte < 0x80) {
        this.#at = at + i + 1
        return value
      }
    }
    return -1
  }
}

function equals(name: Uint8Array, buffer: Buffer, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== buffer[start + i]) return false
  return true
}

function varintBytes(value: number): number {
  let lengthBytes = 1
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) lengthBytes++
  return lengthBytes
}

function writeVarint(buffer: Buffer, at: number, value: number): void {
  let rest = value
  let to = at
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) buffer[to++] = (rest % 0x80) | 0x80
  buffer[to] = rest
}
