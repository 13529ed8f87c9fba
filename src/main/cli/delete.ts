import { readEnvironment, resolveOptions } from '../option/option.js'
import type { Command } from './command.js'
import { CLIENT_OPTIONS, withNode } from './node-client.js'

export const deleteCommand: Command = {
  name: 'delete',
  summary: 'Drop a key from the cache',
  description: [
    'The owner of the key drops it, whether it held it or not; the next get loads it from the source again.',
    'Exit code 0: done; 2: anything else.',
  ],
  arguments: [
    { name: 'GROUP', help: 'Name of the group' },
    { name: 'KEY', help: 'The key; put -- before one that starts with a dash' },
  ],
  options: CLIENT_OPTIONS,
  examples: [['geek-cache delete scores Tom', 'the next get of Tom asks the source']],
  async run({ positionals: [group, key], flags, terminal }) {
    const { values } = resolveOptions(CLIENT_OPTIONS, [
      readEnvironment(CLIENT_OPTIONS, terminal.environment),
      flags,
    ])
    await withNode(values, (node) => node.delete(group!, key!))
    return 0
  },
}
