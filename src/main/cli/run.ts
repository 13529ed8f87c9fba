import { CacheError } from '../../shared/errors.js'
import { parseFlags } from '../option/flags.js'
import { didYouMean } from '../option/nearest.js'
import { packageVersion } from '../package-version.js'
import { COMMON_OPTIONS, type Command, EXIT_FAILED, type Terminal } from './command.js'
import { helpOf, overview, usageOf } from './help.js'

/**
 * Runs one command line, without `node` and the script's name, and answers the exit code. Prints one line for each
 * failure; rejects for faults of our own only.
 */
export async function run(
  commands: readonly Command[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  try {
    return await dispatch(commands, argv, terminal)
  } catch (thrown) {
    if (!(thrown instanceof CacheError)) throw thrown
    terminal.stderr.write(`geek-cache: ${oneLine(thrown.message)}\n`)
    return EXIT_FAILED
  }
}

/** A message from anywhere as a single line. */
export function oneLine(message: string): string {
  return message.replace(/\s*\n\s*/g, ' ').trim()
}

async function dispatch(
  commands: readonly Command[],
  argv: readonly string[],
  terminal: Terminal,
): Promise<number> {
  const [name, ...rest] = argv
  if (name === '--version' || name === '-v') {
    terminal.stdout.write(`${packageVersion()}\n`)
    return 0
  }
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    return printHelp(commands, rest[0], terminal, name === undefined)
  }
  const command = findCommand(commands, name)
  const { settings, positionals } = parseFlags({ ...command.options, ...COMMON_OPTIONS }, rest)
  if (settings.has('help')) {
    terminal.stdout.write(helpOf(command))
    return 0
  }
  checkPositionals(command, positionals)
  return command.run({ positionals, flags: settings, terminal })
}

function printHelp(
  commands: readonly Command[],
  name: string | undefined,
  terminal: Terminal,
  isMistake: boolean,
): number {
  const text = name === undefined ? overview(commands) : helpOf(findCommand(commands, name))
  const stream = isMistake ? terminal.stderr : terminal.stdout
  stream.write(text)
  return isMistake ? EXIT_FAILED : 0
}

function findCommand(commands: readonly Command[], name: string): Command {
  const command = commands.find((candidate) => candidate.name === name)
  if (command !== undefined) return command
  const names = commands.map((candidate) => candidate.name)
  const hint = didYouMean(name, names) || `: the commands are ${names.join(', ')}`
  throw new CacheError('INVALID_ARGUMENT', `Unknown command ${JSON.stringify(name)}${hint}`)
}

function checkPositionals(command: Command, positionals: readonly string[]): void {
  const missing = command.arguments.find(({ optional }, index) => !optional && index >= positionals.length)
  const extra = positionals[command.arguments.length]
  if (missing === undefined && extra === undefined) return
  const what =
    missing === undefined ? `Unexpected argument ${JSON.stringify(extra)}` : `${missing.name} is missing`
  const usage = ['geek-cache', command.name, '[flags]', ...command.arguments.map(usageOf)].join(' ')
  throw new CacheError('INVALID_ARGUMENT', `${what}: usage is ${usage}`)
}
