import { timingSafeEqual } from 'node:crypto'
import { type Command, integerOf, refuse, wordOf } from './command.js'
import type { Protocol, Reply } from './compose.js'
import { hashedPassword } from './password.js'
import { REDIS_VERSION } from './server-version.js'
import type { Session } from './session.js'

const DATABASES = 16
const USER = 'default'

/** Commands about the connection. */
export const CONNECTION_COMMANDS: readonly Command[] = [
  {
    name: 'ping',
    arity: -1,
    flags: ['fast', 'subscriber'],
    group: 'connection',
    summary: 'PONG, or what it is given',
    usage: '[message]',
    run: ping,
  },
  {
    name: 'echo',
    arity: 2,
    flags: ['fast'],
    group: 'connection',
    summary: 'What it is given',
    usage: 'message',
    run: ([, message], _session, reply) => reply.bulk(message!),
  },
  {
    name: 'auth',
    arity: -2,
    flags: ['fast', 'noauth'],
    group: 'connection',
    summary: 'Shows the password; the user, if there is one, is called default',
    usage: '[username] password',
    run: (args, session, reply) => {
      if (args.length > 3) refuse('ERR syntax error')
      authenticate(session, args.length === 3 ? String(args[1]) : USER, args.at(-1)!)
      reply.ok()
    },
  },
  {
    name: 'hello',
    arity: -1,
    flags: ['fast', 'noauth'],
    group: 'connection',
    summary: 'Takes up version 2 or 3 of the protocol, and tells what this server is',
    usage: '[protover [AUTH username password] [SETNAME clientname]]',
    run: hello,
  },
  {
    name: 'select',
    arity: 2,
    flags: ['fast'],
    group: 'connection',
    summary: `Changes nothing: databases 0 to ${DATABASES - 1} are all the same`,
    usage: 'index',
    run: ([, index], session, reply) => {
      const database = integerOf(index)
      if (database < 0 || database >= DATABASES) refuse('ERR DB index is out of range')
      session.database = database
      reply.ok()
    },
  },
  {
    name: 'quit',
    arity: -1,
    flags: ['fast', 'noauth', 'subscriber'],
    group: 'connection',
    summary: 'Closes the connection when all is answered',
    run: (_args, session, reply) => {
      reply.ok()
      session.host.end()
    },
  },
  {
    name: 'reset',
    arity: 1,
    flags: ['fast', 'noauth', 'subscriber'],
    group: 'connection',
    summary: 'Puts the connection back to its beginning',
    run: (_args, session, reply) => {
      session.reset()
      reply.protocol = session.protocol
      reply.simple('RESET')
    },
  },
  {
    name: 'readonly',
    arity: 1,
    flags: ['fast'],
    group: 'connection',
    summary: 'Changes nothing: all is for reading',
    run: (_args, _session, reply) => reply.ok(),
  },
  {
    name: 'readwrite',
    arity: 1,
    flags: ['fast'],
    group: 'connection',
    summary: 'Changes nothing: all is for reading',
    run: (_args, _session, reply) => reply.ok(),
  },
]

function ping(args: readonly Buffer[], session: Session, reply: Reply): void {
  const [, message] = args
  if (args.length > 2) refuse("ERR wrong number of arguments for 'ping' command")
  if (session.isSubscriber) {
    reply.array(2)
    reply.text('pong')
    reply.bulk(message ?? Buffer.alloc(0))
  } else if (message === undefined) reply.simple('PONG')
  else reply.bulk(message)
}

function authenticate(session: Session, user: string, password: Buffer): void {
  const wanted = session.context.password
  if (wanted === undefined) {
    if (user === USER) {
      refuse(
        'ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?',
      )
    }
    refuse('WRONGPASS invalid username-password pair or user is disabled.')
  }
  // Of digests: they have one length, whatever was sent.
  const isRight = timingSafeEqual(hashedPassword(password), hashedPassword(Buffer.from(wanted)))
  if (!isRight || user !== USER) refuse('WRONGPASS invalid username-password pair or user is disabled.')
  session.isAuthenticated = true
}

function hello(args: readonly Buffer[], session: Session, reply: Reply): void {
  let protocol: Protocol = session.protocol
  if (args.length > 1) {
    const asked = String(args[1])
    if (!/^\d+$/.test(asked)) refuse('ERR Protocol version is not an integer or out of range')
    if (asked !== '2' && asked !== '3') refuse('NOPROTO unsupported protocol version')
    protocol = asked === '2' ? 2 : 3
  }
  let name: string | undefined
  for (let at = 2; at < args.length; ) {
    const option = wordOf(args[at])
    if (option === 'AUTH' && at + 2 < args.length) {
      authenticate(session, String(args[at + 1]), args[at + 2]!)
      at += 3
    } else if (option === 'SETNAME' && at + 1 < args.length) {
      name = nameOf(args[at + 1]!)
      at += 2
    } else refuse(`ERR Syntax error in HELLO option '${String(args[at]).slice(0, 64)}'`)
  }
  if (!session.isAuthenticated) {
    refuse(
      'NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH <user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time',
    )
  }
  if (name !== undefined) session.name = name
  session.protocol = protocol
  reply.protocol = protocol
  tellServer(session, reply)
}

function tellServer({ id, protocol, context }: Session, reply: Reply): void {
  // Some clients of RESP2 take the fields by their places: what Redis does not have comes last.
  reply.map(8)
  for (const [name, value] of [
    ['server', 'redis'],
    ['version', REDIS_VERSION],
    ['proto', protocol],
    ['id', id],
    ['mode', 'standalone'],
    ['role', 'master'],
  ] as const) {
    reply.text(name)
    if (typeof value === 'number') reply.integer(value)
    else reply.text(value)
  }
  reply.text('modules')
  reply.array(0)
  reply.text('geek_cache_version')
  reply.text(context.version)
}

/**
 * A name that a client gives itself.
 *
 * @throws CommandError unless it is printable and has no spaces
 */
export function nameOf(arg: Buffer): string {
  if (arg.length > 256 || !/^[!-~]*$/.test(arg.toString('latin1'))) {
    refuse('ERR Client names cannot contain spaces, newlines or special characters.')
  }
  return String(arg)
}
