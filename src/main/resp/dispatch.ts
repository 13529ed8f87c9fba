import { CacheError } from '../../shared/errors.js'
import { RequestOutcome } from '../../shared/node-metrics.js'
import { type Command, CommandError, fitsArity } from './command.js'
import type { Reply } from './compose.js'
import { errorReplyOf } from './error-reply.js'
import { refusedCommands } from './refused-commands.js'
import type { Session } from './session.js'
import { collect, isCollected } from './transaction-commands.js'

/** What is shown of arguments in an error, each and all together. */
const SHOWN_LENGTH_MAX = 128

/** Finds the command of a request, sees that it may run, and runs it; whatever goes wrong becomes an error reply. */
export class Dispatch {
  readonly #commands: ReadonlyMap<string, Command>
  readonly #refused = refusedCommands()
  readonly #onFault: (error: unknown) => void

  constructor(commands: ReadonlyMap<string, Command>, onFault: (error: unknown) => void) {
    this.#commands = commands
    this.#onFault = onFault
  }

  /** @param args at least one */
  run(args: readonly Buffer[], session: Session, reply: Reply): void {
    const { metrics } = session.context
    const start = reply.out.length
    try {
      const command = this.#findOrCollect(args, session, reply)
      if (command === undefined) return
      const { tracking } = session
      command.run(args, session, reply)
      // What has keys counts them as they are answered.
      if (command.keys === undefined) metrics.done()
      // CLIENT CACHING is about one command, or one transaction.
      const isOver = session.transaction === undefined && session.lastCommand !== 'client|caching'
      if (tracking?.caching !== undefined && isOver) tracking.caching = undefined
    } catch (thrown) {
      // Nothing of a reply that was begun goes out before an error.
      reply.out.length = start
      if (thrown instanceof CommandError) {
        metrics.front.count(RequestOutcome.invalid)
        reply.error(thrown.message)
        return
      }
      metrics.front.countError(CacheError.from(thrown, 'INTERNAL'))
      reply.error(errorReplyOf(thrown))
      if (!(thrown instanceof CacheError)) this.#onFault(thrown)
    }
  }

  /** The command to run; undefined when it is kept for EXEC. One that cannot be kept breaks the transaction. */
  #findOrCollect(args: readonly Buffer[], session: Session, reply: Reply): Command | undefined {
    try {
      const command = this.#find(args, session)
      if (!isCollected(command, session)) return command
      collect(command, args, session, reply)
      return undefined
    } catch (thrown) {
      if (session.transaction !== undefined) session.transaction.isBroken = true
      throw thrown
    }
  }

  /** @throws CommandError when the request is none that may run now */
  #find(args: readonly Buffer[], session: Session): Command {
    const name = nameIn(args[0]!)
    const command = this.#commands.get(name)
    if (!session.isAuthenticated && !command?.flags?.includes('noauth')) {
      throw new CommandError('NOAUTH Authentication required.')
    }
    if (command === undefined) throw new CommandError(this.#refused.get(name) ?? unknownCommand(args))
    if (!fitsArity(command.arity, args.length)) throw wrongArity(name)
    if (session.isSubscriber && !command.flags?.includes('subscriber')) {
      throw new CommandError(
        `ERR Can't execute '${name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context`,
      )
    }
    session.lastCommand = name
    if (command.subcommands === undefined || args.length === 1) return command
    return subcommandOf(command, command.subcommands, args, session)
  }
}

function subcommandOf(
  { name }: Command,
  subcommands: readonly Command[],
  args: readonly Buffer[],
  session: Session,
): Command {
  const asked = nameIn(args[1]!)
  const subcommand = subcommands.find((of) => of.name === asked)
  if (subcommand === undefined) {
    throw new CommandError(`ERR unknown subcommand '${shown(args[1]!)}'. Try ${name.toUpperCase()} HELP.`)
  }
  session.lastCommand = `${name}|${subcommand.name}`
  if (!fitsArity(subcommand.arity, args.length)) throw wrongArity(session.lastCommand)
  return subcommand
}

function nameIn(arg: Buffer): string {
  return arg.length > 64 ? '' : arg.toString('latin1').toLowerCase()
}

function wrongArity(name: string): CommandError {
  return new CommandError(`ERR wrong number of arguments for '${name}' command`)
}

function unknownCommand([name, ...args]: readonly Buffer[]): string {
  let rest = ''
  for (const arg of args) {
    if (rest.length >= SHOWN_LENGTH_MAX) break
    rest += `'${shown(arg)}' `
  }
  return `ERR unknown command '${shown(name!)}', with args beginning with: ${rest}`
}

function shown(arg: Buffer): string {
  return arg.toString('latin1', 0, SHOWN_LENGTH_MAX)
}
