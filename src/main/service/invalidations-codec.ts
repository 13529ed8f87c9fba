import type { Reader } from 'protobufjs/minimal.js'
import {
  POLL_GROUPS_MAX,
  POLL_KEYS_MAX,
  type PollAnswer,
  type PolledEvent,
  type PolledGroup,
  type PollRequest,
} from '../invalidation-poll.js'
import { lengthTag, messageCodec, readBytes, readText, varintTag } from './message.js'

type Mutable<Message> = { -readonly [Name in keyof Message]: Message[Name] }

/** geekcache.v1.PolledGroup. */
const polledGroupCodec = messageCodec<Mutable<PolledGroup>>(
  () => ({ name: '', isCovered: false }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.name = readText(reader)
    else if (tag === varintTag(2)) message.isCovered = reader.bool()
    else return false
    return true
  },
  ({ name, isCovered }, writer) => {
    if (name !== '') writer.uint32(lengthTag(1)).string(name)
    if (isCovered) writer.uint32(varintTag(2)).bool(true)
  },
)

/** geekcache.v1.InvalidationsRequest. */
export const invalidationsRequestCodec = messageCodec<Mutable<PollRequest> & { groups: PolledGroup[] }>(
  () => ({ session: '', sequence: 0, groups: [] }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.session = readText(reader)
    else if (tag === varintTag(2)) message.sequence = readSequence(reader)
    else if (tag === lengthTag(3))
      pushUpTo(POLL_GROUPS_MAX, message.groups, polledGroupCodec.decode(reader.bytes()))
    else return false
    return true
  },
  ({ session, sequence, groups }, writer) => {
    if (session !== '') writer.uint32(lengthTag(1)).string(session)
    if (sequence > 0) writer.uint32(varintTag(2)).uint64(sequence)
    for (const group of groups) writer.uint32(lengthTag(3)).bytes(polledGroupCodec.encode(group))
  },
)

interface Invalidation {
  group: string
  keys: Uint8Array[]
  isAll: boolean
}

/** geekcache.v1.Invalidation. */
const invalidationCodec = messageCodec<Invalidation>(
  () => ({ group: '', keys: [], isAll: false }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.group = readText(reader)
    else if (tag === lengthTag(2)) pushUpTo(POLL_KEYS_MAX, message.keys, readBytes(reader))
    else if (tag === varintTag(3)) message.isAll = reader.bool()
    else return false
    return true
  },
  ({ group, keys, isAll }, writer) => {
    if (group !== '') writer.uint32(lengthTag(1)).string(group)
    for (const key of keys) writer.uint32(lengthTag(2)).bytes(key)
    if (isAll) writer.uint32(varintTag(3)).bool(true)
  },
)

/** geekcache.v1.InvalidationsResponse. */
export const invalidationsResponseCodec = messageCodec<
  Mutable<PollAnswer> & { covered: string[]; events: PolledEvent[] }
>(
  () => ({ session: '', sequence: 0, isReset: false, covered: [], events: [] }),
  (message, tag, reader) => {
    if (tag === lengthTag(1)) message.session = readText(reader)
    else if (tag === varintTag(2)) message.sequence = readSequence(reader)
    else if (tag === varintTag(3)) message.isReset = reader.bool()
    else if (tag === lengthTag(4)) pushUpTo(POLL_GROUPS_MAX, message.covered, readText(reader))
    else if (tag === lengthTag(5)) {
      const { group, keys, isAll } = invalidationCodec.decode(reader.bytes())
      if (countOf(message.events) + 1 + keys.length > 2 * POLL_KEYS_MAX) throw new RangeError('too many keys')
      message.events.push({ group, keys: isAll ? 'all' : keys })
    } else return false
    return true
  },
  ({ session, sequence, isReset, covered, events }, writer) => {
    if (session !== '') writer.uint32(lengthTag(1)).string(session)
    if (sequence > 0) writer.uint32(varintTag(2)).uint64(sequence)
    if (isReset) writer.uint32(varintTag(3)).bool(true)
    for (const group of covered) writer.uint32(lengthTag(4)).string(group)
    for (const { group, keys } of events) {
      const message = { group, keys: keys === 'all' ? [] : [...keys], isAll: keys === 'all' }
      writer.uint32(lengthTag(5)).bytes(invalidationCodec.encode(message))
    }
  },
)

/** Events, and keys in them. An answer has no more than POLL_KEYS_MAX, but that the last event may go over it. */
function countOf(events: readonly PolledEvent[]): number {
  return events.reduce((sum, { keys }) => sum + 1 + (keys === 'all' ? 0 : keys.length), 0)
}

function readSequence(reader: Reader): number {
  return Number(reader.uint64().toString())
}

/** An empty item has two bytes on the wire and a hundred here. */
function pushUpTo<T>(countMax: number, items: T[], item: T): void {
  if (items.length === countMax) throw new RangeError(`more than ${countMax} items`)
  items.push(item)
}
