import type { Command } from './command.js'

/** The subcommand HELP of a command that has subcommands. */
export function helpOf(name: string, subcommands: () => readonly Command[]): Command {
  return {
    name: 'help',
    arity: 2,
    flags: ['fast'],
    group: 'server',
    summary: 'This text',
    run: (_args, _session, reply) => {
      const lines = [`${name.toUpperCase()} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:`]
      for (const { name: of, usage, summary } of subcommands()) {
        lines.push(usage === undefined ? of.toUpperCase() : `${of.toUpperCase()} ${usage}`, `    ${summary}.`)
      }
      reply.array(lines.length)
      for (const line of lines) reply.simple(line)
    },
  }
}
