import { type Command, type CommandFlag, fitsArity, namesIn, refuse, wordOf } from './command.js'
import type { Reply } from './compose.js'
import { matchesGlob } from './glob.js'
import { helpOf } from './help.js'

type Commands = ReadonlyMap<string, Command>

/** A command and its full name. */
type Named = readonly [name: string, command: Command]

/** COMMAND, over the table of all commands, itself among them. */
export function newCommandCommand(commands: Commands): Command {
  const all = () => [...commands.values()].map((command): Named => [command.name, command])
  const named = (names: readonly Buffer[]) =>
    names.length === 0 ? all() : namesIn(names).map((name) => find(commands, name))
  const subcommands: readonly Command[] = [
    of('count', 2, 'How many commands there are', (_args, _session, reply) => reply.integer(commands.size)),
    of(
      'list',
      -2,
      'Their names',
      (args, _session, reply) => list(commands, args, reply),
      '[FILTERBY PATTERN pattern | ACLCAT category | MODULE name]',
    ),
    of(
      'info',
      -2,
      'What clients need to know of commands',
      ([, , ...names], _session, reply) => writeCommands(reply, named(names)),
      '[command-name …]',
    ),
    of(
      'docs',
      -2,
      'What people need to know of commands',
      ([, , ...names], _session, reply) => {
        const known = named(names).filter((command) => command !== undefined)
        reply.map(known.length)
        for (const [name, command] of known) writeDocs(reply, command, name)
      },
      '[command-name …]',
    ),
    of(
      'getkeys',
      -3,
      'The keys in a command',
      ([, , ...args], _session, reply) => getKeys(commands, args, reply),
      'command [arg …]',
    ),
    helpOf('command', () => subcommands),
  ]
  return {
    name: 'command',
    arity: -1,
    group: 'server',
    summary: 'What clients need to know of all commands',
    run: (_args, _session, reply) => writeCommands(reply, all()),
    subcommands,
  }
}

function of(name: string, arity: number, summary: string, run: Command['run'], usage?: string): Command {
  return { name, arity, group: 'server', summary, run, ...(usage !== undefined && { usage }) }
}

/** By its name, or by that of its command and its own: `client|id`. */
function find(commands: Commands, name: string): Named | undefined {
  const [of, own] = name.split('|', 2)
  const command = commands.get(of!)
  const found = own === undefined ? command : command?.subcommands?.find((sub) => sub.name === own)
  return found && [name, found]
}

function nameIn(arg: Buffer): string {
  return wordOf(arg).toLowerCase()
}

function list(commands: Commands, args: readonly Buffer[], reply: Reply): void {
  let names = [...commands.keys()]
  if (args.length > 2) {
    if (args.length !== 5 || wordOf(args[2]) !== 'FILTERBY') refuse('ERR syntax error')
    const isListed = filterOf(wordOf(args[3]), nameIn(args[4]!))
    names = [...commands.values()].filter(isListed).map(({ name }) => name)
  }
  reply.array(names.length)
  for (const name of names) reply.text(name)
}

/** @throws CommandError for a filter that there is not */
function filterOf(filter: string, value: string): (command: Command) => boolean {
  if (filter === 'PATTERN') return ({ name }) => matchesGlob(value, name)
  if (filter === 'ACLCAT') return (command) => categoriesOf(command).includes(value)
  // There are no modules.
  if (filter === 'MODULE') return () => false
  refuse('ERR syntax error')
}

function getKeys(commands: Commands, args: readonly Buffer[], reply: Reply): void {
  const command = commands.get(nameIn(args[0]!))
  if (command === undefined) refuse('ERR Invalid command specified')
  const target =
    command.subcommands?.find(({ name }) => name === nameIn(args[1] ?? Buffer.alloc(0))) ?? command
  if (target.keys === undefined) refuse('ERR The command has no key arguments')
  if (!fitsArity(target.arity, args.length)) refuse('ERR Invalid number of arguments specified for command')
  const [first, last, step] = target.keys
  const keys = args
    .slice(first, last < 0 ? args.length + last + 1 : last + 1)
    .filter((_, at) => at % step === 0)
  reply.array(keys.length)
  for (const key of keys) reply.bulk(key)
}

function writeCommands(reply: Reply, commands: readonly (Named | undefined)[]): void {
  reply.array(commands.length)
  for (const named of commands) {
    if (named === undefined) reply.nullArray()
    else writeCommand(reply, named)
  }
}

/** Ten fields, as of Redis 7. */
function writeCommand(reply: Reply, [name, command]: Named): void {
  const { arity, flags = [], keys, subcommands = [] } = command
  reply.array(10)
  reply.text(name)
  reply.integer(arity)
  const shown = flags
    .map((flag) => (flag === 'noauth' ? 'no_auth' : flag))
    .filter((flag) => flag !== 'subscriber')
  reply.set(shown.length)
  for (const flag of shown) reply.simple(flag)
  for (const position of keys ?? [0, 0, 0]) reply.integer(position)
  const categories = categoriesOf(command)
  reply.set(categories.length)
  for (const category of categories) reply.simple(`@${category}`)
  reply.array(0)
  reply.array(0)
  reply.array(subcommands.length)
  for (const subcommand of subcommands) writeCommand(reply, [`${name}|${subcommand.name}`, subcommand])
}

/** What Redis files the command under for its access lists, in its order. */
function categoriesOf({ group, flags = [] }: Command): string[] {
  const has = (flag: CommandFlag) => flags.includes(flag)
  return [
    ...(group === 'generic' ? ['keyspace'] : []),
    ...(has('readonly') ? ['read'] : []),
    ...(has('write') ? ['write'] : []),
    ...(group === 'string' || group === 'pubsub' ? [group] : []),
    ...(has('admin') ? ['admin'] : []),
    has('fast') ? 'fast' : 'slow',
    ...(group === 'connection' ? ['connection'] : []),
    ...(group === 'transactions' ? ['transaction'] : []),
  ]
}

function writeDocs(reply: Reply, command: Command, name: string): void {
  const { summary, group, subcommands } = command
  reply.text(name)
  reply.map(subcommands === undefined ? 2 : 3)
  reply.text('summary')
  reply.text(summary)
  reply.text('group')
  reply.text(group)
  if (subcommands === undefined) return
  reply.text('subcommands')
  reply.map(subcommands.length)
  for (const subcommand of subcommands) writeDocs(reply, subcommand, `${name}|${subcommand.name}`)
}
