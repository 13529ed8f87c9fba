import { RequestOutcome } from '../../shared/node-metrics.js'
import type { KeyExplanation } from '../node-view.js'
import { type Command, type CommandHandler, refuse, wordOf } from './command.js'
import type { Reply } from './compose.js'
import { helpOf } from './help.js'
import { answered, answerLater, beginReads, findNow } from './reads.js'
import type { Settled } from './reply-queue.js'
import type { Session } from './session.js'

/** What is known of a value that is there. */
interface Facts {
  readonly lengthBytes: number
  readonly ttlLeftMs: number
}

const OBJECT_SUBCOMMANDS: readonly Command[] = [
  objectCommand('encoding', 'How the value is kept', (reply) => reply.text('raw')),
  objectCommand('freq', 'How often this node saw the key, about', (reply, { hits }) =>
    reply.integer(hits ?? 0),
  ),
  objectCommand('refcount', 'Always 1', (reply) => reply.integer(1)),
  {
    name: 'idletime',
    arity: 3,
    flags: ['readonly'],
    keys: [2, 2, 1],
    group: 'generic',
    summary: 'Is not known: readers leave no time behind',
    usage: 'key',
    run: () => refuse('ERR OBJECT IDLETIME is not supported: readers leave no time behind'),
  },
  helpOf('object', () => OBJECT_SUBCOMMANDS),
]

/** Commands about keys. */
export const GENERIC_COMMANDS: readonly Command[] = [
  {
    name: 'exists',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [1, -1, 1],
    group: 'generic',
    summary: 'How many of the keys the source has; loads what is not in memory',
    usage: 'key [key …]',
    run: countPresent,
  },
  {
    name: 'touch',
    arity: -2,
    flags: ['readonly', 'fast'],
    keys: [1, -1, 1],
    group: 'generic',
    summary: 'As EXISTS: to read a key is to use it',
    usage: 'key [key …]',
    run: countPresent,
  },
  {
    name: 'ttl',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [1, 1, 1],
    group: 'generic',
    summary: 'Seconds that the value may still be kept, −1 for no limit, −2 when the source has no such key',
    usage: 'key',
    run: ofOne((reply, facts) => reply.integer(timeLeft(facts, 1000))),
  },
  {
    name: 'pttl',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [1, 1, 1],
    group: 'generic',
    summary: 'As TTL, in milliseconds',
    usage: 'key',
    run: ofOne((reply, facts) => reply.integer(timeLeft(facts, 1))),
  },
  {
    name: 'type',
    arity: 2,
    flags: ['readonly', 'fast'],
    keys: [1, 1, 1],
    group: 'generic',
    summary: 'string, or none when the source has no such key',
    usage: 'key',
    run: ofOne((reply, facts) => reply.simple(facts === undefined ? 'none' : 'string')),
  },
  {
    name: 'del',
    arity: -2,
    flags: ['write'],
    keys: [1, -1, 1],
    group: 'generic',
    summary: 'Has the owners of the keys let go of them; counts the keys that were asked for',
    usage: 'key [key …]',
    run: remove,
  },
  {
    name: 'unlink',
    arity: -2,
    flags: ['write', 'fast'],
    keys: [1, -1, 1],
    group: 'generic',
    summary: 'As DEL',
    usage: 'key [key …]',
    run: remove,
  },
  {
    name: 'object',
    arity: -2,
    group: 'generic',
    summary: 'What this node knows of a key in its memory',
    run: () => {},
    subcommands: OBJECT_SUBCOMMANDS,
  },
]

function countPresent([, ...names]: readonly Buffer[], session: Session, reply: Reply): void {
  withFacts(names, session, reply, (to, all) => {
    to.integer(all.filter((facts) => facts !== undefined).length)
  })
}

function ofOne(write: (reply: Reply, facts: Facts | undefined) => void): CommandHandler {
  return ([, name], session, reply) => withFacts([name!], session, reply, (to, [facts]) => write(to, facts))
}

/** Rounded as Redis rounds. */
function timeLeft(facts: Facts | undefined, unitMs: number): number {
  if (facts === undefined) return -2
  return facts.ttlLeftMs === Number.POSITIVE_INFINITY ? -1 : Math.floor(facts.ttlLeftMs / unitMs + 0.5)
}

/** Facts of all keys at once if they are in memory, else later. */
function withFacts(
  names: readonly Buffer[],
  session: Session,
  reply: Reply,
  write: (reply: Reply, all: readonly (Facts | undefined)[]) => void,
): void {
  const reads = beginReads(session, names)
  const known: Facts[] = []
  for (const read of reads) {
    const lengthBytes = findNow(read, session)
    if (lengthBytes < 0) break
    known.push({ lengthBytes, ttlLeftMs: read.located.group.foundTtlLeftMs() })
  }
  const answerKnown = () => {
    known.forEach(({ ttlLeftMs }, index) => {
      answered(session, reads[index]!, ttlLeftMs)
    })
  }
  if (known.length === reads.length) {
    write(reply, known)
    answerKnown()
    return
  }
  answerLater(session, reads.slice(known.length), (late, found) => {
    const rest = found.map(
      (answer) => answer && { lengthBytes: answer.value.length, ttlLeftMs: answer.ttlLeftMs },
    )
    write(late, [...known, ...rest])
    answerKnown()
  })
}

/** What follows on the connection is looked at afterwards: it must not find what was to be deleted. */
function remove([, ...names]: readonly Buffer[], session: Session): void {
  const { tracker, deadlineMs, metrics } = session.context
  const all = names.map((name) => session.located(name))
  const work = async (): Promise<Settled> => {
    for (const located of all) tracker.ownDelete(session, located)
    const removed = await Promise.allSettled(all.map(({ group, key }) => group.remove(key, { deadlineMs })))
    for (const result of removed) if (result.status === 'rejected') throw result.reason
    metrics.front.count(RequestOutcome.done, all.length)
    return { bytes: 0, write: (reply) => reply.integer(all.length) }
  }
  session.later(work(), true)
}

function objectCommand(
  name: string,
  summary: string,
  write: (reply: Reply, explanation: KeyExplanation) => void,
): Command {
  return {
    name,
    arity: 3,
    flags: ['readonly'],
    keys: [2, 2, 1],
    group: 'generic',
    summary,
    usage: 'key',
    run: ([, , key], session) => explainLater(session, key!, write),
  }
}

/** Answers with what this node's memory has of a key; null when it is not there. Loads nothing. */
export function explainLater(
  session: Session,
  name: Buffer,
  write: (reply: Reply, explanation: KeyExplanation) => void,
): void {
  const { group, key } = session.located(name)
  const work = async (): Promise<Settled> => {
    const explanation = await session.context.node.find(group.name)?.explain(key)
    session.context.metrics.done()
    return {
      bytes: 0,
      write(reply) {
        if (!explanation?.present || explanation.notFound) reply.null()
        else write(reply, explanation)
      },
    }
  }
  session.later(work())
}

/** SAMPLES and the like: words that stand before a number and change nothing. */
export function assertSamples(args: readonly Buffer[]): void {
  const fits =
    args.length === 0 || (args.length === 2 && wordOf(args[0]) === 'SAMPLES' && /^\d+$/.test(String(args[1])))
  if (!fits) refuse('ERR syntax error')
}
