import { CacheError } from '../../shared/errors.js'
import type { Answer } from '../call.js'
import type { Reply } from './compose.js'
import { errorReplyOf } from './error-reply.js'
import type { LocatedKey, RespGroup } from './key-space.js'
import type { Settled } from './reply-queue.js'
import type { Session, TrackedRead } from './session.js'

/** Keys that are asked for at once: what they bring is in memory together. */
const KEYS_AT_ONCE = 256

/** A value, or the lack of one, that a command was asked for. */
export type Found = Answer | undefined

/** One key of a command that reads. */
export interface KeyRead {
  readonly name: Buffer
  readonly located: LocatedKey
  readonly tracked: TrackedRead | undefined
}

/**
 * Takes a key apart; from here on a change of its value is seen. To be ended by {@link answered} or {@link abandoned}.
 *
 * @throws CacheError as {@link KeySpace.located}
 */
export function beginRead(session: Session, arg: Buffer): KeyRead {
  const located = session.located(arg)
  // Bytes of its own: what the argument is a view of is used again.
  const name = session.tracking ? Buffer.from(arg) : arg
  return { name, located, tracked: session.context.tracker.begin(session, name, located) }
}

/** The same for many keys: none is begun when one is wrong. */
export function beginReads(session: Session, args: readonly Buffer[]): KeyRead[] {
  for (const arg of args) session.located(arg)
  return args.map((arg) => beginRead(session, arg))
}

/** Length of the value if it lies in memory, else −1; counts the hit. Under the pin of the connection. */
export function findNow({ located: { group, key } }: KeyRead, session: Session): number {
  const lengthBytes = group.find(key, 0, key.length, false)
  if (lengthBytes >= 0) session.context.metrics.readHits++
  return lengthBytes
}

/** The value was answered: the client may keep a copy for so long. */
export function answered(session: Session, { tracked }: KeyRead, ttlLeftMs: number): void {
  session.context.tracker.end(tracked, ttlLeftMs)
}

/** Answers the request at hand once the keys are there; `write` gets a value for each, in order. */
export function answerLater(
  session: Session,
  reads: readonly KeyRead[],
  write: (reply: Reply, found: readonly Found[]) => void,
): void {
  session.later(settle(session, reads, write))
}

async function settle(
  session: Session,
  reads: readonly KeyRead[],
  write: (reply: Reply, found: readonly Found[]) => void,
): Promise<Settled> {
  const { tracker } = session.context
  const abandon = () => {
    for (const { tracked } of reads) tracker.abandon(tracked)
  }
  try {
    const found = await fetchAll(session, reads)
    return {
      bytes: found.reduce((sum, answer) => sum + (answer?.value.length ?? 0), 0),
      write(reply) {
        write(reply, found)
        reads.forEach((read, index) => {
          const answer = found[index]
          answered(session, read, answer?.ttlLeftMs ?? 0)
          if (read.tracked !== undefined && answer !== undefined && answer.outcome !== 'hit')
            disownUnkept(session, read)
        })
      },
      abandon,
    }
  } catch (thrown) {
    return {
      bytes: 0,
      write(reply) {
        reply.error(errorReplyOf(thrown))
        for (const read of reads) answered(session, read, 0)
      },
      abandon,
    }
  }
}

/** Undefined where the source has no such key. Rejects with the first other failure. */
async function fetchAll(session: Session, reads: readonly KeyRead[]): Promise<Found[]> {
  if (reads.length === 1) return [foundOf(await fetchOne(session, reads[0]!))]
  const byGroup = new Map<RespGroup, number[]>()
  reads.forEach(({ located: { group } }, index) => {
    const indexes = byGroup.get(group)
    if (indexes === undefined) byGroup.set(group, [index])
    else indexes.push(index)
  })
  const found: Found[] = new Array(reads.length).fill(undefined)
  const room = { bytes: session.context.limits.replyBytesMax }
  await Promise.all(
    [...byGroup].map(([group, indexes]) => fetchOfGroup(session, { group, indexes, reads, found, room })),
  )
  return found
}

async function fetchOne(
  session: Session,
  { located: { group, key } }: KeyRead,
): Promise<Answer | CacheError> {
  const { metrics, node } = session.context
  try {
    return await metrics.front.time(group.fetch(key, callOptions(session)), node.self)
  } catch (thrown) {
    return CacheError.from(thrown, 'INTERNAL')
  }
}

interface GroupFetch {
  readonly group: RespGroup
  readonly indexes: readonly number[]
  readonly reads: readonly KeyRead[]
  readonly found: Found[]
  /** What the reply may still grow by. */
  readonly room: { bytes: number }
}

async function fetchOfGroup(
  session: Session,
  { group, indexes, reads, found, room }: GroupFetch,
): Promise<void> {
  for (let from = 0; from < indexes.length; from += KEYS_AT_ONCE) {
    const some = indexes.slice(from, from + KEYS_AT_ONCE)
    const keys = some.map((index) => reads[index]!.located.key)
    const startedMs = performance.now()
    const answers = await group.fetchMany(keys, callOptions(session))
    session.context.metrics.front.recordMany(answers, session.context.node.self, startedMs)
    some.forEach((index, at) => {
      found[index] = foundOf(answers[at]!)
      room.bytes -= found[index]?.value.length ?? 0
    })
    if (room.bytes < 0) throw tooLarge(session)
  }
}

function callOptions({ context, host }: Session) {
  return { deadlineMs: context.deadlineMs, signal: host.signal }
}

function foundOf(answer: Answer | CacheError): Found {
  if (!(answer instanceof CacheError)) return answer
  if (answer.code === 'NOT_FOUND') return undefined
  throw answer
}

export function tooLarge({ context: { limits } }: Session): CacheError {
  return new CacheError(
    'RESOURCE_EXHAUSTED',
    `The reply has over ${limits.replyBytesMax} bytes: ask for fewer keys`,
  )
}

/** A value that was loaded but not kept leaves no trace in memory: nobody would tell of its end. */
function disownUnkept(session: Session, { name, located }: KeyRead): void {
  const { node, tracker } = session.context
  node
    .find(located.group.name)
    ?.explain(located.key)
    .then(
      ({ isOwned, present }) => {
        if (isOwned && !present) tracker.disown(session, located, name.toString('latin1'))
      },
      () => tracker.disown(session, located, name.toString('latin1')),
    )
}
