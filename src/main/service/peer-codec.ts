import type { Reader, Writer } from 'protobufjs/minimal.js'
import { MANY_KEYS_MAX } from '../../shared/limits.js'
import type { Outcome } from '../call.js'
import { groupKeyCodec } from './group-cache-codec.js'
import { invalidationsRequestCodec, invalidationsResponseCodec } from './invalidations-codec.js'
import { lengthTag, messageCodec, readBytes, readText, varintTag } from './message.js'
import { unaryMethod } from './unary-method.js'

/** geekcache.v1.FetchResponse. */
export interface FetchResponse {
  value: Uint8Array
  /** `undefined` when the peer did not say, or said something that this version does not know. */
  outcome: Outcome | undefined
  /** Infinity, absent on the wire, for a value without a time to live. */
  ttlLeftMs: number
}

/** geekcache.v1.Outcome: the index is the number on the wire. */
const OUTCOMES: readonly (Outcome | undefined)[] = [undefined, 'hit', 'load', 'coalesced', 'stale', 'hot']

export const fetchResponseCodec = messageCodec<FetchResponse>(
  () => ({ value: new Uint8Array(0), outcome: undefined, ttlLeftMs: Number.POSITIVE_INFINITY }),
  readFetched,
  writeFetched,
)

/** The fields that FetchResponse and FetchManyResult have in common. */
function readFetched(message: FetchResponse, tag: number, reader: Reader): boolean {
  if (tag === lengthTag(1)) message.value = readBytes(reader)
  else if (tag === varintTag(2)) message.outcome = OUTCOMES[reader.uint32()]
  else if (tag === varintTag(3)) message.ttlLeftMs = Number(reader.uint64().toString())
  else return false
  return true
}

function writeFetched({ value, outcome, ttlLeftMs }: FetchResponse, writer: Writer): void {
  if (value.length > 0) writer.uint32(lengthTag(1)).bytes(value)
  if (outcome !== undefined) writer.uint32(varintTag(2)).uint32(OUTCOMES.indexOf(outcome))
  if (ttlLeftMs <= Number.MAX_SAFE_INTEGER) {
    writer.uint32(varintTag(3)).uint64(Math.max(0, Math.floor(ttlLeftMs)))
  }
}

/** geekcache.v1.FetchManyRequest. */
export interface GroupKeys {
  group: string
  keys: Uint8Array[]
}

export const groupKeysCodec = messageCodec<GroupKeys>(
  () => ({ group: '', keys: [] }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.group = readText(reader)
    else if (tag === lengthTag(2)) pushBounded(message.keys, readBytes(reader))
    else return false
    return true
  },
  ({ group, keys }, writer) => {
    if (group !== '') writer.uint32(lengthTag(1)).string(group)
    for (const key of keys) writer.uint32(lengthTag(2)).bytes(key)
  },
)

/** geekcache.v1.FetchManyResult. */
export interface FetchManyResult extends FetchResponse {
  /** gRPC status; 0 when there is a value. */
  code: number
  message: string
}

export const fetchManyResultCodec = messageCodec<FetchManyResult>(
  () => ({
    value: new Uint8Array(0),
    outcome: undefined,
    ttlLeftMs: Number.POSITIVE_INFINITY,
    code: 0,
    message: '',
  }),
  (message, tag, reader) => {
    if (tag === varintTag(4)) message.code = reader.uint32()
    else if (tag === lengthTag(5)) message.message = readText(reader)
    else return readFetched(message, tag, reader)
    return true
  },
  (message, writer) => {
    if (message.code === 0) writeFetched(message, writer)
    else {
      writer.uint32(varintTag(4)).uint32(message.code)
      // Through a Buffer, which makes UTF-8 of any text.
      if (message.message !== '') writer.uint32(lengthTag(5)).bytes(Buffer.from(message.message))
    }
  },
)

/** geekcache.v1.FetchManyResponse. */
export interface FetchManyResponse {
  results: FetchManyResult[]
}

export const fetchManyResponseCodec = messageCodec<FetchManyResponse>(
  () => ({ results: [] }),
  (message, tag, reader) => {
    if (tag !== lengthTag(1)) return false
    pushBounded(message.results, fetchManyResultCodec.decode(reader.bytes()))
    return true
  },
  ({ results }, writer) => {
    for (const result of results) writer.uint32(lengthTag(1)).bytes(fetchManyResultCodec.encode(result))
  },
)

/** An empty item has two bytes on the wire and a hundred here. */
function pushBounded<T>(items: T[], item: T): void {
  if (items.length === MANY_KEYS_MAX) throw new RangeError(`more than ${MANY_KEYS_MAX} keys`)
  items.push(item)
}

/** geekcache.v1.RemoveResponse. */
export const removeResponseCodec = messageCodec<Record<never, never>>(
  () => ({}),
  () => false,
  () => {},
)

/**
 * Values of one FetchManyResponse may have so many bytes together; a longer one goes alone. Peers take messages of this
 * size, whatever the longest value of their groups.
 */
export const FETCH_MANY_BYTES_MAX = 1024 * 1024

/** Service geekcache.v1.Peer. FetchRequest and RemoveRequest are a group and a key. */
export const peerDefinition = {
  Fetch: unaryMethod('/geekcache.v1.Peer/Fetch', groupKeyCodec, fetchResponseCodec),
  FetchMany: unaryMethod('/geekcache.v1.Peer/FetchMany', groupKeysCodec, fetchManyResponseCodec),
  Remove: unaryMethod('/geekcache.v1.Peer/Remove', groupKeyCodec, removeResponseCodec),
  Invalidations: unaryMethod(
    '/geekcache.v1.Peer/Invalidations',
    invalidationsRequestCodec,
    invalidationsResponseCodec,
  ),
}
