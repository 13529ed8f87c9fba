import type { Outcome } from '../call.js'
import { groupKeyCodec } from './group-cache-codec.js'
import { lengthTag, messageCodec, readBytes, varintTag } from './message.js'
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
const OUTCOMES: readonly (Outcome | undefined)[] = [undefined, 'hit', 'load', 'coalesced']

export const fetchResponseCodec = messageCodec<FetchResponse>(
  () => ({ value: new Uint8Array(0), outcome: undefined, ttlLeftMs: Number.POSITIVE_INFINITY }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.value = readBytes(reader)
    else if (tag === varintTag(2)) message.outcome = OUTCOMES[reader.uint32()]
    else if (tag === varintTag(3)) message.ttlLeftMs = Number(reader.uint64().toString())
    else return false
    return true
  },
  ({ value, outcome, ttlLeftMs }, writer) => {
    if (value.length > 0) writer.uint32(lengthTag(1)).bytes(value)
    if (outcome !== undefined) writer.uint32(varintTag(2)).uint32(OUTCOMES.indexOf(outcome))
    if (ttlLeftMs <= Number.MAX_SAFE_INTEGER) {
      writer.uint32(varintTag(3)).uint64(Math.max(0, Math.floor(ttlLeftMs)))
    }
  },
)

/** geekcache.v1.RemoveResponse. */
export const removeResponseCodec = messageCodec<Record<never, never>>(
  () => ({}),
  () => false,
  () => {},
)

/** Service geekcache.v1.Peer. FetchRequest and RemoveRequest are a group and a key. */
export const peerDefinition = {
  Fetch: unaryMethod('/geekcache.v1.Peer/Fetch', groupKeyCodec, fetchResponseCodec),
  Remove: unaryMethod('/geekcache.v1.Peer/Remove', groupKeyCodec, removeResponseCodec),
}
