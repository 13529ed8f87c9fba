import { type Command, wordOf } from './command.js'
import type { Reply } from './compose.js'
import { CONFIG_COMMAND } from './config-commands.js'
import { assertSamples, explainLater } from './generic-commands.js'
import { helpOf } from './help.js'
import { infoText } from './info.js'
import type { Settled } from './reply-queue.js'
import type { RespContext, Session } from './session.js'

const MEMORY_SUBCOMMANDS: readonly Command[] = [
  {
    name: 'usage',
    arity: -3,
    flags: ['readonly'],
    keys: [2, 2, 1],
    group: 'server',
    summary: 'What the key and its value take of the memory of this node; null when they are not there',
    usage: 'key [SAMPLES count]',
    run: ([, , key, ...more], session) => {
      assertSamples(more)
      explainLater(session, key!, (reply, { costBytes }) => reply.integer(costBytes))
    },
  },
  helpOf('memory', () => MEMORY_SUBCOMMANDS),
]

/** Commands about the server. */
export const SERVER_COMMANDS: readonly Command[] = [
  CONFIG_COMMAND,
  {
    name: 'info',
    arity: -1,
    group: 'server',
    summary: 'What the node is and how it does, in sections',
    usage: '[section …]',
    run: ([, ...sections], session) => {
      const names = sections.map((section) => wordOf(section).toLowerCase())
      session.later(
        infoText(session.context, names).then(
          (text): Settled => ({ bytes: text.length, write: (reply) => reply.verbatim(text) }),
        ),
      )
    },
  },
  {
    name: 'dbsize',
    arity: 1,
    flags: ['readonly', 'fast'],
    group: 'server',
    summary: 'Entries in memory of this node, of all groups',
    run: (_args, session) => session.later(countEntries(session.context)),
  },
  {
    name: 'memory',
    arity: -2,
    group: 'server',
    summary: 'About memory',
    run: () => {},
    subcommands: MEMORY_SUBCOMMANDS,
  },
  {
    name: 'time',
    arity: 1,
    flags: ['fast'],
    group: 'server',
    summary: 'Seconds since 1970 and microseconds of the second',
    run: tellTime,
  },
  {
    name: 'lastsave',
    arity: 1,
    flags: ['fast'],
    group: 'server',
    summary: 'When the server started: nothing is saved while it runs',
    run: (_args, { context }, reply) => reply.integer(Math.floor(context.startedAtMs / 1000)),
  },
  {
    name: 'role',
    arity: 1,
    flags: ['fast'],
    group: 'server',
    summary: 'A master without replicas',
    run: (_args, _session, reply) => {
      reply.array(3)
      reply.text('master')
      reply.integer(0)
      reply.array(0)
    },
  },
  {
    name: 'module',
    arity: -2,
    group: 'server',
    summary: 'About modules',
    run: () => {},
    subcommands: [
      {
        name: 'list',
        arity: 2,
        group: 'server',
        summary: 'There are none',
        run: (_args, _session, reply) => reply.array(0),
      },
    ],
  },
  {
    name: 'acl',
    arity: -2,
    group: 'server',
    summary: 'About users',
    run: () => {},
    subcommands: [
      {
        name: 'whoami',
        arity: 2,
        group: 'server',
        summary: 'The only user',
        run: (_args, _session, reply) => reply.text('default'),
      },
    ],
  },
]

function tellTime(_args: readonly Buffer[], _session: Session, reply: Reply): void {
  const nowUs = Math.floor((performance.timeOrigin + performance.now()) * 1000)
  reply.array(2)
  reply.text(String(Math.floor(nowUs / 1e6)))
  reply.text(String(nowUs % 1e6))
}

async function countEntries({ node }: RespContext): Promise<Settled> {
  let count = 0
  for (const { name, value } of await node.counters()) if (name === 'entries') count += value
  return { bytes: 0, write: (reply) => reply.integer(count) }
}
