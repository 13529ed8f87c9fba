import type { ShardReply } from './messages.js'
import { type Pack, PackReader, PackWriter, packRuns } from './pack.js'

type ValueReply = Extract<ShardReply, { kind: 'value' }>

const NUMBERS_PER_VALUE = 4

/** Larger values go alone: to copy them once more would cost more than it saves. */
const VALUE_BYTES_MAX = 4096

const OUTCOMES: readonly ValueReply['outcome'][] = ['hit', 'load', 'coalesced', 'stale']

/** The replies of one turn as they leave a worker: small values packed, in their order among the others. */
export function packValues(replies: readonly ShardReply[]): (ShardReply | Pack)[] {
  return packRuns(replies, isPackable, pack)
}

/** Hands over what was packed, in its order. */
export function unpackValues(
  replies: readonly (ShardReply | Pack)[],
  take: (reply: ShardReply) => void,
): void {
  for (const reply of replies) {
    if (reply instanceof ArrayBuffer) unpack(reply, take)
    else take(reply)
  }
}

function isPackable(reply: ShardReply): reply is ValueReply {
  return reply.kind === 'value' && reply.value.length <= VALUE_BYTES_MAX
}

function pack(values: readonly ValueReply[]): Pack {
  const valueBytes = values.reduce((sum, { value }) => sum + value.length, 0)
  const writer = new PackWriter(NUMBERS_PER_VALUE * values.length, valueBytes)
  for (const { id, value, outcome, ttlLeftMs } of values) {
    writer.number(id)
    writer.bytes(value)
    writer.number(OUTCOMES.indexOf(outcome))
    writer.number(ttlLeftMs)
  }
  return writer.pack
}

function unpack(values: Pack, take: (value: ValueReply) => void): void {
  const reader = new PackReader(values)
  while (!reader.isAtEnd) {
    take({
      kind: 'value',
      id: reader.number(),
      value: reader.bytes(),
      outcome: OUTCOMES[reader.number()]!,
      ttlLeftMs: reader.number(),
    })
  }
}
