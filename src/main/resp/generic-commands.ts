import { RequestOutcome } from '../../shared/node-metrics.js'
import type { KeyExplanation } from '../node-view.js'
import { type Command, MANY_KEYS, ONE_KEY, refuse, wordOf } from './command.js'
import type { Reply } from './compose.js'
import { type Facts, ofOne, withFacts } from './facts.js'
import { helpOf } from './help.js'
import type { Settled } from './reply-queue.js'
import type { Session } from './session.js'

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
    ...MANY_KEYS,
    name: 'exists',
    group: 'generic',
    summary: 'How many of the keys the source has; loads what is not in memory',
    run: countPresent,
  },
  {
    ...MANY_KEYS,
    name: 'touch',
    group: 'generic',
    summary: 'As EXISTS: to read a key is to use it',
    run: countPresent,
  },
  {
    ...ONE_KEY,
    name: 'ttl',
    group: 'generic',
    summary: 'Seconds that the value may still be kept, −1 for no limit, −2 when the source has no such key',
    run: ofOne((reply, facts) => reply.integer(timeLeft(facts, 1000))),
  },
  {
    ...ONE_KEY,
    name: 'pttl',
    group: 'generic',
    summary: 'As TTL, in milliseconds',
    run: ofOne((reply, facts) => reply.integer(timeLeft(facts, 1))),
  },
  {
    ...ONE_KEY,
    name: 'type',
    group: 'generic',
    summary: 'string, or none when the source has no such key',
    run: ofOne((reply, facts) => reply.simple(facts === undefined ? 'none' : 'string')),
  },
  {
    ...MANY_KEYS,
    name: 'del',
    flags: ['write'],
    group: 'generic',
    summary: 'Has the owners of the keys let go of them; counts the keys that were asked for',
    run: remove,
  },
  {
    ...MANY_KEYS,
    name: 'unlink',
    flags: ['write', 'fast'],
    group: 'generic',
    summary: 'As DEL',
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

/** Rounded as Redis rounds. */
function timeLeft(facts: Facts | undefined, unitMs: number): number {
  if (facts === undefined) return -2
  return facts.ttlLeftMs === Number.POSITIVE_INFINITY ? -1 : Math.floor(facts.ttlLeftMs / unitMs + 0.5)
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
