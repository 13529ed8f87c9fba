import { type Command, refuse } from './command.js'
import type { Reply } from './compose.js'
import type { Session } from './session.js'

/**
 * MULTI and EXEC, for clients that send their reads in no other way. What stands between the two is answered in one
 * reply; that is all: other clients are served in between, as for a pipeline.
 */
export const TRANSACTION_COMMANDS: readonly Command[] = [
  {
    name: 'multi',
    arity: 1,
    flags: ['fast'],
    group: 'transactions',
    summary: 'Collects the commands that follow, for one reply to all of them; nothing is atomic by that',
    run(_args, session, reply) {
      if (session.transaction !== undefined) refuse('ERR MULTI calls can not be nested')
      session.transaction = { commands: [], bytes: 0, isBroken: false, isExecuting: false }
      reply.ok()
    },
  },
  {
    name: 'exec',
    arity: 1,
    group: 'transactions',
    summary: 'Carries out what MULTI collected, and answers with an array',
    run: execute,
  },
  {
    name: 'discard',
    arity: 1,
    flags: ['fast'],
    group: 'transactions',
    summary: 'Forgets what MULTI collected',
    run(_args, session, reply) {
      if (session.transaction === undefined) refuse('ERR DISCARD without MULTI')
      session.transaction = undefined
      reply.ok()
    },
  },
]

/** Commands that are carried out at once in a transaction, too. */
const IMMEDIATE: readonly string[] = ['exec', 'discard', 'multi', 'quit', 'reset']

/** What an argument takes of memory beside its bytes, about. */
const ARG_BYTES = 128

/** True when a command is to be collected, not carried out. */
export function isCollected({ name }: Command, { transaction }: Session): boolean {
  return transaction !== undefined && !transaction.isExecuting && !IMMEDIATE.includes(name)
}

/**
 * Keeps a command for EXEC.
 *
 * @throws CommandError for what would not be answered in order, and for more than a client may make the node hold
 */
export function collect(command: Command, args: readonly Buffer[], session: Session, reply: Reply): void {
  const transaction = session.transaction!
  const { waitingMax, requestBytesMax } = session.context.limits
  // What follows a delete must not be looked at before it is done; what channels bring is no part of an array.
  if (command.flags?.some((flag) => flag === 'write' || flag === 'pubsub')) {
    refuse(`ERR ${command.name.toUpperCase()} is not supported in a transaction: send it by itself`)
  }
  const bytes = args.reduce((sum, arg) => sum + arg.length + ARG_BYTES, 0)
  if (transaction.commands.length >= waitingMax || transaction.bytes + bytes > requestBytesMax) {
    transaction.commands.length = 0
    refuse(`ERR The transaction is too large: ${waitingMax} commands, ${requestBytesMax} bytes`)
  }
  transaction.bytes += bytes
  // Bytes of its own: what the arguments are views of is used again.
  transaction.commands.push(args.map((arg) => Buffer.from(arg)))
  reply.simple('QUEUED')
}

function execute(_args: readonly Buffer[], session: Session, reply: Reply): void {
  const { transaction } = session
  if (transaction === undefined) refuse('ERR EXEC without MULTI')
  try {
    if (transaction.isBroken) refuse('EXECABORT Transaction discarded because of previous errors.')
    transaction.isExecuting = true
    reply.array(transaction.commands.length)
    session.host.runAll(transaction.commands)
  } finally {
    session.transaction = undefined
  }
}
