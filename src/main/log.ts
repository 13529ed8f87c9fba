import { type DestinationStream, destination, type Logger, pino } from 'pino'
import { prettyFactory } from 'pino-pretty'
import { CacheError } from '../shared/errors.js'

/** From chatty to mute. Lines about single requests are `debug`, and nothing else of that kind is any other. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const

export type LogLevel = (typeof LOG_LEVELS)[number]

/**
 * The log of a process: readable lines on a terminal, JSON lines anywhere else.
 *
 * @param stream where it goes; by default stderr, for stdout belongs to what a command was asked for
 */
export function createLog(
  level: LogLevel,
  stream?: DestinationStream & { readonly isTTY?: boolean },
): Logger {
  // Synchronous, and no transport thread: the last line before an exit is the one that matters.
  const terminal = stream?.isTTY ?? (stream === undefined && process.stderr.isTTY)
  const target = stream ?? destination({ dest: 2, sync: true })
  const options = {
    level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    serializers: { err: errorOf(level) },
  }
  return pino(options, terminal ? pretty(target) : target)
}

function pretty(target: DestinationStream): DestinationStream {
  const prettify = prettyFactory({ colorize: true, translateTime: 'SYS:HH:MM:ss.l' })
  return { write: (line) => target.write(prettify(line)) }
}

/** Errors of operation are one line; where they came from is for those who debug. Faults of ours keep their stack. */
function errorOf(level: LogLevel): (error: unknown) => unknown {
  return (error) => {
    if (level === 'debug' || !(error instanceof CacheError)) return pino.stdSerializers.err(error as Error)
    return `${error.code}: ${error.message.replace(/\s*\n\s*/g, ' ')}`
  }
}
