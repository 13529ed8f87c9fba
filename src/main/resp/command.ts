import type { Reply } from './compose.js'
import type { Session } from './session.js'

/** As Redis names them in COMMAND; `noauth` runs before a client has authenticated, `subscriber` for a subscriber of RESP2. */
export type CommandFlag = 'readonly' | 'write' | 'fast' | 'noauth' | 'admin' | 'pubsub' | 'subscriber'

/** What Redis files commands under. */
export type CommandGroup = 'string' | 'generic' | 'connection' | 'server' | 'pubsub' | 'transactions'

/** Where the keys are among the arguments: the first, the last (−1 for the last argument), and every how many. */
export type KeyPositions = readonly [first: number, last: number, step: number]

/** `args[0]` is the name of the command, `args[1]` that of a subcommand. Throws CacheError for what ends in an error reply. */
export type CommandHandler = (args: readonly Buffer[], session: Session, reply: Reply) => void

/** One command. The table of them is all there is: dispatch, COMMAND and the documentation are derived from it. */
export interface Command {
  readonly name: string
  /** Number of arguments, the name among them; negative for at least so many. */
  readonly arity: number
  readonly flags?: readonly CommandFlag[]
  readonly keys?: KeyPositions
  readonly group: CommandGroup
  /** One line, without a full stop. */
  readonly summary: string
  /** Arguments, as `HELP` shows them. */
  readonly usage?: string
  readonly run: CommandHandler
  readonly subcommands?: readonly Command[]
}

/** What commands have in common that read one key, or as many as are named. */
export const ONE_KEY = { arity: 2, flags: ['readonly', 'fast'], keys: [1, 1, 1], usage: 'key' } as const
export const MANY_KEYS = { ...ONE_KEY, arity: -2, keys: [1, -1, 1], usage: 'key [key …]' } as const

/** True when so many arguments, the name among them, are right. */
export function fitsArity(arity: number, argCount: number): boolean {
  return arity >= 0 ? argCount === arity : argCount >= -arity
}

/** An error of the request, told in Redis's words. */
export class CommandError extends Error {
  override readonly name = 'CommandError'
}

/** @throws CommandError always */
export function refuse(text: string): never {
  throw new CommandError(text)
}

/** @throws CommandError unless it is a whole number in decimal */
export function integerOf(arg: Buffer | undefined): number {
  const text = arg?.toString('latin1') ?? ''
  const value = Number(text)
  if (!/^-?\d{1,19}$/.test(text) || !Number.isSafeInteger(value)) {
    throw new CommandError('ERR value is not an integer or out of range')
  }
  return value
}

/** More names than there could be anything to tell of. */
const NAMES_MAX = 256

/**
 * Names or patterns that a client asks about; each costs a search, and may be answered at length.
 *
 * @throws CommandError for too many of them
 */
export function namesIn(args: readonly Buffer[]): string[] {
  if (args.length > NAMES_MAX) throw new CommandError(`ERR ${args.length} names, the limit is ${NAMES_MAX}`)
  return args.map((arg) => arg.toString('latin1').toLowerCase())
}

/** An argument as a word, in capitals. */
export function wordOf(arg: Buffer | undefined): string {
  return arg === undefined ? '' : arg.toString('latin1', 0, 64).toUpperCase()
}
