import { type Command, integerOf, refuse, wordOf } from './command.js'
import type { Reply } from './compose.js'
import { nameOf } from './connection-commands.js'
import { helpOf } from './help.js'
import type { Session } from './session.js'
import { TRACKING_SUBCOMMANDS } from './tracking-commands.js'

/** Subcommands of CLIENT. */
const SUBCOMMANDS: readonly Command[] = [
  own('id', 2, 'The number of this connection', (_args, session, reply) => reply.integer(session.id)),
  own('info', 2, 'What is known of this connection', (_args, session, reply) =>
    reply.verbatim(`${lineOf(session)}\n`),
  ),
  own('list', -2, 'The same of all connections, or of some', list, '[TYPE type] [ID client-id …]'),
  own('getname', 2, 'The name that the client gave itself', (_args, { name }, reply) => {
    if (name === '') reply.null()
    else reply.text(name)
  }),
  own(
    'setname',
    3,
    'Gives the connection a name, for CLIENT LIST',
    ([, , name], session, reply) => {
      session.name = nameOf(name!)
      reply.ok()
    },
    'connection-name',
  ),
  own(
    'setinfo',
    4,
    'Tells the name and the version of a client library',
    setInfo,
    'LIB-NAME name | LIB-VER version',
  ),
  own('kill', -3, 'Closes this connection; that of another client is refused', kill, 'addr | ID client-id'),
  own(
    'reply',
    3,
    'Which commands from here on are answered',
    ([, , word], session, reply) => setReply(wordOf(word), session, reply),
    'ON | OFF | SKIP',
  ),
  own(
    'no-evict',
    3,
    'Changes nothing: what closes a connection for its memory closes every one',
    ([, , word], session, reply) => {
      session.noEvict = isOn(word)
      reply.ok()
    },
    'ON | OFF',
  ),
  own(
    'no-touch',
    3,
    'Changes nothing: a read is a use of the key',
    ([, , word], session, reply) => {
      session.noTouch = isOn(word)
      reply.ok()
    },
    'ON | OFF',
  ),
  own('unblock', -3, 'No client ever waits in a command that blocks', unblock, 'client-id [TIMEOUT | ERROR]'),
  own('pause', -3, 'Is refused: a client may not hold up others', () =>
    refuse('ERR CLIENT PAUSE is not supported: a client may not hold up others'),
  ),
  own('unpause', 2, 'Changes nothing: no client is ever paused', (_args, _session, reply) => reply.ok()),
  ...TRACKING_SUBCOMMANDS,
  helpOf('client', () => SUBCOMMANDS),
]

export const CLIENT_COMMAND: Command = {
  name: 'client',
  arity: -2,
  group: 'connection',
  summary: 'About connections',
  run: () => {},
  subcommands: SUBCOMMANDS,
}

function own(name: string, arity: number, summary: string, run: Command['run'], usage?: string): Command {
  return {
    name,
    arity,
    flags: ['fast'],
    group: 'connection',
    summary,
    run,
    ...(usage !== undefined && { usage }),
  }
}

function list(args: readonly Buffer[], session: Session, reply: Reply): void {
  let listed = [...session.context.clients()]
  if (args.length > 2) {
    const how = wordOf(args[2])
    if (how === 'TYPE' && args.length === 4) {
      const type = wordOf(args[3])
      if (!['NORMAL', 'MASTER', 'REPLICA', 'PUBSUB'].includes(type))
        refuse(`ERR Unknown client type '${args[3]}'`)
      listed = listed.filter(({ channels }) => type === (channels.size > 0 ? 'PUBSUB' : 'NORMAL'))
    } else if (how === 'ID' && args.length > 3) {
      const ids = new Set(args.slice(3).map(idOf))
      listed = listed.filter(({ id }) => ids.has(id))
    } else refuse('ERR syntax error')
  }
  reply.verbatim(listed.map((of) => `${lineOf(of)}\n`).join(''))
}

/** A line of CLIENT LIST. Clients read all fields of Redis: those that mean nothing here are −1, 0 or empty. */
function lineOf(session: Session): string {
  const { host, tracking, context } = session
  const { queryBytes, replyBytes } = host
  const nowMs = context.clock.nowMs()
  const seconds = (sinceMs: number) => Math.floor((nowMs - sinceMs) / 1000)
  return Object.entries({
    id: session.id,
    addr: host.remoteAddress,
    laddr: host.localAddress,
    fd: -1,
    name: session.name,
    age: seconds(session.createdMs),
    idle: seconds(session.lastMs),
    flags: `${session.channels.size > 0 ? 'P' : ''}${tracking ? 't' : ''}` || 'N',
    db: session.database,
    sub: session.channels.size,
    psub: 0,
    ssub: 0,
    multi: session.transaction?.commands.length ?? -1,
    qbuf: queryBytes,
    'qbuf-free': 0,
    'argv-mem': 0,
    'multi-mem': session.transaction?.bytes ?? 0,
    rbs: 0,
    rbp: 0,
    obl: 0,
    oll: 0,
    omem: replyBytes,
    'tot-mem': queryBytes + replyBytes,
    events: 'r',
    cmd: session.lastCommand,
    user: 'default',
    redir: tracking === undefined ? -1 : tracking.redirect,
    resp: session.protocol,
    'lib-name': session.libraryName,
    'lib-ver': session.libraryVersion,
  })
    .map(([field, value]) => `${field}=${value}`)
    .join(' ')
}

function setInfo([, , attribute, value]: readonly Buffer[], session: Session, reply: Reply): void {
  const word = wordOf(attribute)
  if (word !== 'LIB-NAME' && word !== 'LIB-VER') refuse(`ERR Unrecognized option '${word}'`)
  if (value!.length > 256 || !/^[!-~]*$/.test(value!.toString('latin1'))) {
    refuse(`ERR ${word.toLowerCase()} cannot contain spaces, newlines or special characters.`)
  }
  if (word === 'LIB-NAME') session.libraryName = String(value)
  else session.libraryVersion = String(value)
  reply.ok()
}

/** Both forms of the command, as far as they mean the connection that asks. */
function kill(args: readonly Buffer[], session: Session, reply: Reply): void {
  const { id, host } = session
  if (args.length === 3) {
    if (String(args[2]) === host.remoteAddress) killSelf(session, () => reply.ok())
    else refuseKill([...session.context.clients()].some((of) => of.host.remoteAddress === String(args[2])))
    return
  }
  let matches = true
  let skipsSelf = true
  for (let at = 2; at < args.length; at += 2) {
    const [filter, value] = [wordOf(args[at]), args[at + 1]]
    if (value === undefined) refuse('ERR syntax error')
    if (filter === 'ID') matches &&= idOf(value) === id
    else if (filter === 'ADDR') matches &&= String(value) === host.remoteAddress
    else if (filter === 'LADDR') matches &&= String(value) === host.localAddress
    else if (filter === 'USER') matches &&= String(value) === 'default'
    else if (filter === 'SKIPME') skipsSelf = wordOf(value) !== 'NO'
    else refuse('ERR syntax error')
    // Who names itself means itself.
    if (filter === 'ID' && matches) skipsSelf = false
  }
  if (!matches) refuse('NOPERM A client may close its own connection only')
  if (skipsSelf) reply.integer(0)
  else killSelf(session, () => reply.integer(1))
}

function killSelf({ host }: Session, answer: () => void): void {
  answer()
  host.end()
}

function refuseKill(isAnother: boolean): never {
  refuse(isAnother ? 'NOPERM A client may close its own connection only' : 'ERR No such client')
}

function unblock([, , id, how]: readonly Buffer[], _session: Session, reply: Reply): void {
  integerOf(id)
  if (how !== undefined && !['TIMEOUT', 'ERROR'].includes(wordOf(how))) {
    refuse('ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR')
  }
  reply.integer(0)
}

function setReply(word: string, session: Session, reply: Reply): void {
  if (word === 'ON') {
    session.replyMode = 'on'
    reply.ok()
  } else if (word === 'OFF') session.replyMode = 'off'
  else if (word === 'SKIP') {
    if (session.replyMode !== 'off') session.replyMode = 'skip-next'
  } else refuse('ERR syntax error')
}

/** @throws CommandError for a number that no client has */
function idOf(arg: Buffer): number {
  const id = integerOf(arg)
  if (id < 1) refuse('ERR Invalid client ID')
  return id
}

/** @throws CommandError unless it says ON or OFF */
function isOn(arg: Buffer | undefined): boolean {
  const word = wordOf(arg)
  if (word !== 'ON' && word !== 'OFF') refuse('ERR syntax error')
  return word === 'ON'
}
