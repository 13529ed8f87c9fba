import { type Command, namesIn, refuse } from './command.js'
import type { Reply } from './compose.js'
import { matchesGlob } from './glob.js'
import { helpOf } from './help.js'
import type { RespContext, Session } from './session.js'

/** Settings of Redis that clients ask for, and what stands for them here. */
const SETTINGS: Readonly<Record<string, (context: RespContext) => string>> = {
  appendonly: () => 'no',
  databases: () => '16',
  'io-threads': () => '1',
  maxclients: ({ limits }) => String(limits.connectionsMax),
  maxmemory: () => '0',
  'maxmemory-clients': ({ limits }) => String(limits.totalBytesMax),
  'maxmemory-policy': () => 'allkeys-lru',
  'notify-keyspace-events': () => '',
  port: ({ address }) => address.slice(address.lastIndexOf(':') + 1),
  'proto-max-bulk-len': ({ limits }) => String(limits.requestBytesMax),
  'replica-read-only': () => 'yes',
  save: () => '',
  'tcp-keepalive': ({ limits }) => String(Math.round(limits.keepaliveMs / 1000)),
  timeout: ({ limits }) => String(Math.round(limits.idleTimeoutMs / 1000)),
}

const SUBCOMMANDS: readonly Command[] = [
  {
    name: 'get',
    arity: -3,
    group: 'server',
    summary: 'What stands for some of the settings of Redis; the options of the node are elsewhere',
    usage: 'parameter [parameter …]',
    run: getSettings,
  },
  {
    name: 'set',
    arity: -4,
    group: 'server',
    summary: 'Is refused: a node is configured by its options',
    usage: 'parameter value',
    run: () => refuse('ERR CONFIG SET is not supported: the node is configured by its options'),
  },
  {
    name: 'resetstat',
    arity: 2,
    group: 'server',
    summary: 'Is refused: counters of the node only grow',
    run: () => refuse('ERR CONFIG RESETSTAT is not supported: counters of the node only grow'),
  },
  helpOf('config', () => SUBCOMMANDS),
]

export const CONFIG_COMMAND: Command = {
  name: 'config',
  arity: -2,
  flags: ['admin'],
  group: 'server',
  summary: 'Settings that clients ask for',
  run: () => {},
  subcommands: SUBCOMMANDS,
}

function getSettings([, , ...patterns]: readonly Buffer[], { context }: Session, reply: Reply): void {
  const wanted = namesIn(patterns)
  const found = Object.entries(SETTINGS).filter(([name]) =>
    wanted.some((pattern) => matchesGlob(pattern, name)),
  )
  reply.map(found.length)
  for (const [name, settingOf] of found) {
    reply.text(name)
    reply.text(settingOf(context))
  }
}
