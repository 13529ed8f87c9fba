import type { CounterSample, HotKeySample, KeyExplanation, RingMember } from '../node-view.js'
import { fixed64Tag, lengthTag, messageCodec, readBytes, readText, varintTag } from './message.js'
import { unaryMethod } from './unary-method.js'

/** geekcache.v1.StatsResponse. */
export interface NodeStats {
  /** Address of the node. */
  self: string
  counters: CounterSample[]
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

/** An entry of a map<string, string>. */
const labelCodec = messageCodec<{ key: string; value: string }>(
  () => ({ key: '', value: '' }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.key = readText(reader)
    else if (tag === lengthTag(2)) message.value = readText(reader)
    else return false
    return true
  },
  ({ key, value }, writer) => {
    writer.uint32(lengthTag(1)).string(key)
    writer.uint32(lengthTag(2)).string(value)
  },
)

export const counterSampleCodec = messageCodec<CounterSample>(
  () => ({ name: '', group: '', shard: 0, value: 0 }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.name = readText(reader)
    else if (tag === lengthTag(2)) message.group = readText(reader)
    else if (tag === varintTag(3)) message.shard = reader.uint32()
    else if (tag === fixed64Tag(4)) message.value = reader.double()
    else if (tag === lengthTag(5)) {
      const { key, value } = labelCodec.decode(reader.bytes())
      message.labels = { ...message.labels, [key]: value }
    } else return false
    return true
  },
  ({ name, group, shard, value, labels }, writer) => {
    if (name !== '') writer.uint32(lengthTag(1)).string(name)
    if (group !== '') writer.uint32(lengthTag(2)).string(group)
    if (shard !== 0) writer.uint32(varintTag(3)).uint32(shard)
    if (value !== 0) writer.uint32(fixed64Tag(4)).double(value)
    for (const [key, text] of Object.entries(labels ?? {}))
      writer.uint32(lengthTag(5)).bytes(labelCodec.encode({ key, value: text }))
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

/** geekcache.v1.ExplainRequest. */
export interface ExplainRequest {
  group: string
  key: Uint8Array
}

export const explainRequestCodec = messageCodec<ExplainRequest>(
  () => ({ group: '', key: new Uint8Array(0) }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.group = readText(reader)
    else if (tag === lengthTag(2)) message.key = readBytes(reader)
    else return false
    return true
  },
  ({ group, key }, writer) => {
    if (group !== '') writer.uint32(lengthTag(1)).string(group)
    if (key.length > 0) writer.uint32(lengthTag(2)).bytes(key)
  },
)

export const keyExplanationCodec = messageCodec<KeyExplanation>(
  () => ({
    owner: '',
    isOwned: false,
    shard: 0,
    present: false,
    notFound: false,
    valueBytes: 0,
    costBytes: 0,
  }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.owner = readText(reader)
    else if (tag === varintTag(2)) message.isOwned = reader.bool()
    else if (tag === varintTag(3)) message.shard = reader.uint32()
    else if (tag === varintTag(4)) message.present = reader.bool()
    else if (tag === varintTag(5)) message.notFound = reader.bool()
    else if (tag === fixed64Tag(6)) message.ageMs = reader.double()
    else if (tag === fixed64Tag(7)) message.ttlLeftMs = reader.double()
    else if (tag === varintTag(8)) message.valueBytes = reader.uint32()
    else if (tag === varintTag(9)) message.costBytes = reader.uint32()
    else if (tag === fixed64Tag(10)) message.hits = reader.double()
    else if (tag === fixed64Tag(11)) message.hotCopyMs = reader.double()
    else return false
    return true
  },
  (message, writer) => {
    const { owner, isOwned, shard, present, notFound, ageMs, ttlLeftMs, valueBytes, costBytes } = message
    const { hits, hotCopyMs } = message
    if (owner !== '') writer.uint32(lengthTag(1)).string(owner)
    if (isOwned) writer.uint32(varintTag(2)).bool(true)
    if (shard !== 0) writer.uint32(varintTag(3)).uint32(shard)
    if (present) writer.uint32(varintTag(4)).bool(true)
    if (notFound) writer.uint32(varintTag(5)).bool(true)
    if (ageMs !== undefined) writer.uint32(fixed64Tag(6)).double(ageMs)
    if (ttlLeftMs !== undefined) writer.uint32(fixed64Tag(7)).double(ttlLeftMs)
    if (valueBytes !== 0) writer.uint32(varintTag(8)).uint32(valueBytes)
    if (costBytes !== 0) writer.uint32(varintTag(9)).uint32(costBytes)
    if (hits !== undefined) writer.uint32(fixed64Tag(10)).double(hits)
    if (hotCopyMs !== undefined) writer.uint32(fixed64Tag(11)).double(hotCopyMs)
  },
)

/** geekcache.v1.HotKeysRequest. */
export interface HotKeysRequest {
  group: string
  /** 0 for the default of the node. */
  count: number
}

export const hotKeysRequestCodec = messageCodec<HotKeysRequest>(
  () => ({ group: '', count: 0 }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.group = readText(reader)
    else if (tag === varintTag(2)) message.count = reader.uint32()
    else return false
    return true
  },
  ({ group, count }, writer) => {
    if (group !== '') writer.uint32(lengthTag(1)).string(group)
    if (count !== 0) writer.uint32(varintTag(2)).uint32(count)
  },
)

export const hotKeySampleCodec = messageCodec<HotKeySample>(
  () => ({ key: new Uint8Array(0), hits: 0, hitsOverMax: 0 }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.key = readBytes(reader)
    else if (tag === fixed64Tag(2)) message.hits = reader.double()
    else if (tag === fixed64Tag(3)) message.hitsOverMax = reader.double()
    else return false
    return true
  },
  ({ key, hits, hitsOverMax }, writer) => {
    if (key.length > 0) writer.uint32(lengthTag(1)).bytes(key)
    if (hits !== 0) writer.uint32(fixed64Tag(2)).double(hits)
    if (hitsOverMax !== 0) writer.uint32(fixed64Tag(3)).double(hitsOverMax)
  },
)

/** geekcache.v1.HotKeysResponse. */
export interface HotKeysView {
  /** The most frequent first. */
  keys: HotKeySample[]
}

export const hotKeysViewCodec = messageCodec<HotKeysView>(
  () => ({ keys: [] }),
  (message, tag, reader) => {
    if (tag !== lengthTag(1)) return false
    message.keys.push(hotKeySampleCodec.decode(reader.bytes()))
    return true
  },
  ({ keys }, writer) => {
    for (const key of keys) writer.uint32(lengthTag(1)).bytes(hotKeySampleCodec.encode(key))
  },
)

/** Service geekcache.v1.Node. */
export const nodeDefinition = {
  Stats: unaryMethod('/geekcache.v1.Node/Stats', statsRequestCodec, nodeStatsCodec),
  Ring: unaryMethod('/geekcache.v1.Node/Ring', ringRequestCodec, ringViewCodec),
  Explain: unaryMethod('/geekcache.v1.Node/Explain', explainRequestCodec, keyExplanationCodec),
  HotKeys: unaryMethod('/geekcache.v1.Node/HotKeys', hotKeysRequestCodec, hotKeysViewCodec),
}
