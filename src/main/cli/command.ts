import type { OptionTable, Settings } from '../option/option.js'
import { toggle } from '../option/option-type.js'

/** What a command may touch of the process: everything else is passed in too, so that commands can be tested. */
export interface Terminal {
  readonly environment: NodeJS.ProcessEnv
  readonly stdout: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly stderr: NodeJS.WritableStream
}

/** One command line, taken apart by the table of its command. */
export interface Invocation {
  /** As many as the command has arguments; the optional ones may be missing. */
  readonly positionals: readonly string[]
  readonly flags: Settings
  readonly terminal: Terminal
}

/** A word behind the command: `get GROUP KEY`. */
export interface Argument {
  readonly name: string
  readonly help: string
  readonly optional?: true
}

/** One command. What `--help` says is made from it. */
export interface Command {
  readonly name: string
  /** One line, without a full stop. */
  readonly summary: string
  /** What is worth knowing before the first use: paragraphs. */
  readonly description: readonly string[]
  readonly arguments: readonly Argument[]
  readonly options: OptionTable
  /** Command lines and what they do. */
  readonly examples: readonly (readonly [line: string, does: string])[]
  /**
   * Answers the exit code: 0 when all is well, 1 when the answer is "no", 2 when there is none. A CacheError that it
   * throws is printed as one line, exit code 2.
   */
  run(invocation: Invocation): Promise<number>
}

/** Flags that every command has. */
export const COMMON_OPTIONS = {
  help: {
    flag: 'help',
    short: 'h',
    type: toggle(),
    default: false,
    help: 'Say what the command does, and how',
  },
} as const satisfies OptionTable

/** A failure that is no answer: the exit code of all commands. */
export const EXIT_FAILED = 2
