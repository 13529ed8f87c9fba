import { type Command, integerOf, MANY_KEYS, ONE_KEY } from './command.js'
import type { Reply } from './compose.js'
import { ofOne } from './facts.js'
import {
  answered,
  answerLater,
  beginRead,
  beginReads,
  type Found,
  findNow,
  type KeyRead,
  tooLarge,
} from './reads.js'
import type { Session } from './session.js'

const RANGE = {
  arity: 4,
  flags: ['readonly'],
  keys: [1, 1, 1],
  group: 'string',
  usage: 'key start end',
  run: getRange,
} as const

/** Commands that read values. */
export const STRING_COMMANDS: readonly Command[] = [
  {
    ...ONE_KEY,
    name: 'get',
    group: 'string',
    summary: 'The value of a key, loaded if it is not in memory; null when the source has no such key',
    run: get,
  },
  {
    ...MANY_KEYS,
    name: 'mget',
    group: 'string',
    summary: 'The values of many keys, of one group or several',
    run: getMany,
  },
  {
    ...ONE_KEY,
    name: 'strlen',
    group: 'string',
    summary: 'The length of the value in bytes, 0 when the source has no such key',
    run: ofOne((reply, facts) => reply.integer(facts?.lengthBytes ?? 0)),
  },
  {
    ...RANGE,
    name: 'getrange',
    summary:
      'Part of the value: the bytes from start to end, both included, negative ones counted from the end',
  },
  { ...RANGE, name: 'substr', summary: 'The old name of GETRANGE' },
]

function get([, name]: readonly Buffer[], session: Session, reply: Reply): void {
  const read = beginRead(session, name!)
  const lengthBytes = findNow(read, session)
  if (lengthBytes < 0) {
    answerLater(session, [read], writeValues)
    return
  }
  writeFound(reply, read, lengthBytes)
  answered(session, read, read.located.group.foundTtlLeftMs())
}

/** Straight into the output while all is in memory; from the first miss on, what is there waits for the rest. */
function getMany([, ...names]: readonly Buffer[], session: Session, reply: Reply): void {
  const reads = beginReads(session, names)
  const { replyBytesMax } = session.context.limits
  const start = reply.out.length
  const ttlsLeftMs: number[] = []
  reply.array(reads.length)
  for (const read of reads) {
    const lengthBytes = findNow(read, session)
    if (lengthBytes < 0) break
    if (reply.out.length - start + lengthBytes > replyBytesMax) {
      for (const { tracked } of reads) session.context.tracker.abandon(tracked)
      reply.out.length = start
      throw tooLarge(session)
    }
    writeFound(reply, read, lengthBytes)
    ttlsLeftMs.push(read.located.group.foundTtlLeftMs())
  }
  if (ttlsLeftMs.length === reads.length) {
    reads.forEach((read, index) => {
      answered(session, read, ttlsLeftMs[index]!)
    })
    return
  }
  const head = Buffer.from(reply.out.bytes.subarray(start, reply.out.length))
  reply.out.length = start
  getRest(session, { head, reads, ttlsLeftMs })
}

interface BegunMany {
  /** The reply so far: its head and the values of the first keys. */
  readonly head: Buffer
  readonly reads: readonly KeyRead[]
  /** Of the values in the head. */
  readonly ttlsLeftMs: readonly number[]
}

function getRest(session: Session, { head, reads, ttlsLeftMs }: BegunMany): void {
  const foundCount = ttlsLeftMs.length
  answerLater(session, reads.slice(foundCount), (late, found) => {
    late.raw(head)
    for (const answer of found) writeValue(late, answer)
    reads.slice(0, foundCount).forEach((read, index) => {
      answered(session, read, ttlsLeftMs[index]!)
    })
  })
}

function getRange([, name, startArg, endArg]: readonly Buffer[], session: Session, reply: Reply): void {
  const [start, end] = [integerOf(startArg), integerOf(endArg)]
  const read = beginRead(session, name!)
  const lengthBytes = findNow(read, session)
  if (lengthBytes < 0) {
    answerLater(session, [read], (late, [found]) => {
      late.bulk(rangeOf(found?.value ?? new Uint8Array(0), start, end))
    })
    return
  }
  const value = Buffer.allocUnsafe(lengthBytes)
  read.located.group.copyFound(value, 0)
  reply.bulk(rangeOf(value, start, end))
  answered(session, read, read.located.group.foundTtlLeftMs())
}

/** As Redis counts: negative from the end, beyond the ends cut off. */
export function rangeOf(value: Uint8Array, start: number, end: number): Uint8Array {
  const length = value.length
  if (start < 0 && end < 0 && start > end) return value.subarray(0, 0)
  const from = start < 0 ? Math.max(0, length + start) : start
  const to = Math.min(length - 1, end < 0 ? Math.max(0, length + end) : end)
  return from > to ? value.subarray(0, 0) : value.subarray(from, to + 1)
}

function writeFound(reply: Reply, { located: { group } }: KeyRead, lengthBytes: number): void {
  const at = reply.bulkOf(lengthBytes)
  group.copyFound(reply.out.bytes, at)
}

function writeValues(reply: Reply, found: readonly Found[]): void {
  for (const answer of found) writeValue(reply, answer)
}

function writeValue(reply: Reply, answer: Found): void {
  if (answer === undefined) reply.null()
  else reply.bulk(answer.value)
}
