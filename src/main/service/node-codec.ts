import { fixed64Tag, lengthTag, messageCodec, readBytes, readText, varintTag } from './message.js'
import { unaryMethod } from './unary-method.js'

/** geekcache.v1.Counter: one sample of one counter. */
export interface CounterSample {
  name: string
  /** Empty for counters of the whole node. */
  group: string
  shard: number
  value: number
}

/** geekcache.v1.StatsResponse. */
export interface NodeStats {
  /** Address of the node. */
  self: string
  counters: CounterSample[]
}

/** geekcache.v1.RingMember. */
export interface RingMember {
  address: string
  /** Part of the key space that the member owns, 0…1. */
  share: number
  /** True for the node that answers. */
  self: boolean
}

/** geekcache.v1.RingResponse. */
export interface RingView {
  members: RingMember[]
  /** Owner of the key that was asked for, then the nodes that would take over from it. Empty when none was asked for. */
  owners: string[]
}

export const statsRequestCodec = messageCodec<Record<never, never>>(
  () => ({}),
  () => false,
  () => {},
)

export const counterSampleCodec = messageCodec<CounterSample>(
  () => ({ name: '', group: '', shard: 0, value: 0 }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.name = readText(reader)
    else if (tag === lengthTag(2)) message.group = readText(reader)
    else if (tag === varintTag(3)) message.shard = reader.uint32()
    else if (tag === fixed64Tag(4)) message.value = reader.double()
    else return false
    return true
  },
  ({ name, group, shard, value }, writer) => {
    if (name !== '') writer.uint32(lengthTag(1)).string(name)
    if (group !== '') writer.uint32(lengthTag(2)).string(group)
    if (shard !== 0) writer.uint32(varintTag(3)).uint32(shard)
    if (value !== 0) writer.uint32(fixed64Tag(4)).double(value)
  },
)

export const nodeStatsCodec = messageCodec<NodeStats>(
  () => ({ self: '', counters: [] }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.self = readText(reader)
    else if (tag === lengthTag(2)) message.counters.push(counterSampleCodec.decode(reader.bytes()))
    else return false
    return true
  },
  ({ self, counters }, writer) => {
    if (self !== '') writer.uint32(lengthTag(1)).string(self)
    for (const counter of counters) writer.uint32(lengthTag(2)).bytes(counterSampleCodec.encode(counter))
  },
)

/** geekcache.v1.RingRequest. */
export interface RingRequest {
  /** Empty when only the members are asked for. */
  key: Uint8Array
}

export const ringRequestCodec = messageCodec<RingRequest>(
  () => ({ key: new Uint8Array(0) }),
  (message, tag, reader) => {
    if (tag !== lengthTag(1)) return false
    message.key = readBytes(reader)
    return true
  },
  ({ key }, writer) => {
    if (key.length > 0) writer.uint32(lengthTag(1)).bytes(key)
  },
)

export const ringMemberCodec = messageCodec<RingMember>(
  () => ({ address: '', share: 0, self: false }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.address = readText(reader)
    else if (tag === fixed64Tag(2)) message.share = reader.double()
    else if (tag === varintTag(3)) message.self = reader.bool()
    else return false
    return true
  },
  ({ address, share, self }, writer) => {
    if (address !== '') writer.uint32(lengthTag(1)).string(address)
    if (share !== 0) writer.uint32(fixed64Tag(2)).double(share)
    if (self) writer.uint32(varintTag(3)).bool(true)
  },
)

export const ringViewCodec = messageCodec<RingView>(
  () => ({ members: [], owners: [] }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.members.push(ringMemberCodec.decode(reader.bytes()))
    else if (tag === lengthTag(2)) message.owners.push(readText(reader))
    else return false
    return true
  },
  ({ members, owners }, writer) => {
    for (const member of members) writer.uint32(lengthTag(1)).bytes(ringMemberCodec.encode(member))
    for (const owner of owners) writer.uint32(lengthTag(2)).string(owner)
  },
)

/** Service geekcache.v1.Node. */
export const nodeDefinition = {
  Stats: unaryMethod('/geekcache.v1.Node/Stats', statsRequestCodec, nodeStatsCodec),
  Ring: unaryMethod('/geekcache.v1.Node/Ring', ringRequestCodec, ringViewCodec),
}
