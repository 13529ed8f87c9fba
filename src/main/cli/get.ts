import { CacheError } from '../../shared/errors.js'
import { type OptionTable, readEnvironment, resolveOptions } from '../option/option.js'
import { toggle } from '../option/option-type.js'
import type { Command } from './command.js'
import { CLIENT_OPTIONS, withNode } from './node-client.js'

const OPTIONS = {
  verbose: {
    flag: 'verbose',
    type: toggle(),
    default: false,
    help: 'Say on stderr which node answered, and whether it had the value or loaded it',
  },
  ...CLIENT_OPTIONS,
} as const satisfies OptionTable

export const getCommand: Command = {
  name: 'get',
  summary: 'Print the value of a key',
  description: [
    'The value goes to stdout byte for byte; on a terminal, a line end follows it.',
    'Exit code 0: here it is; 1: not found; 2: anything else.',
  ],
  arguments: [
    { name: 'GROUP', help: 'Name of the group' },
    { name: 'KEY', help: 'The key; put -- before one that starts with a dash' },
  ],
  options: OPTIONS,
  examples: [
    ['geek-cache get scores Tom', 'asks 127.0.0.1:8001'],
    ['geek-cache get --verbose --server 127.0.0.1:8003 scores Tom', 'tells which node answered, too'],
    ['geek-cache get images logo > logo.png', 'values may be any bytes'],
  ],
  async run({ positionals: [group, key], flags, terminal }) {
    const { values } = resolveOptions(OPTIONS, [readEnvironment(OPTIONS, terminal.environment), flags])
    try {
      const { value, answeredBy, outcome } = await withNode(values, (node) => node.get(group!, key!))
      if (values.verbose) {
        terminal.stderr.write(
          `answered by ${answeredBy ?? 'a node that does not say'}: ${outcome ?? 'hit or load unknown'}\n`,
        )
      }
      terminal.stdout.write(value)
      if (terminal.stdout.isTTY) terminal.stdout.write('\n')
      return 0
    } catch (thrown) {
      if (!(thrown instanceof CacheError) || thrown.code !== 'NOT_FOUND') throw thrown
      terminal.stderr.write(`geek-cache: ${thrown.message || 'not found'}\n`)
      return 1
    }
  },
}
