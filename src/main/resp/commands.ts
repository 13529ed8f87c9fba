import { CLIENT_COMMAND } from './client-commands.js'
import type { Command } from './command.js'
import { newCommandCommand } from './command-commands.js'
import { CONNECTION_COMMANDS } from './connection-commands.js'
import { GENERIC_COMMANDS } from './generic-commands.js'
import { PUBSUB_COMMANDS } from './pubsub-commands.js'
import { SERVER_COMMANDS } from './server-commands.js'
import { STRING_COMMANDS } from './string-commands.js'
import { TRANSACTION_COMMANDS } from './transaction-commands.js'

/** Every command, by name. */
export function allCommands(): ReadonlyMap<string, Command> {
  const all = [
    ...STRING_COMMANDS,
    ...GENERIC_COMMANDS,
    ...CONNECTION_COMMANDS,
    CLIENT_COMMAND,
    ...PUBSUB_COMMANDS,
    ...TRANSACTION_COMMANDS,
    ...SERVER_COMMANDS,
  ]
  const commands = new Map(all.map((command) => [command.name, command]))
  return commands.set('command', newCommandCommand(commands))
}
