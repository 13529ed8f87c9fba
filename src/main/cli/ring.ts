import { type OptionTable, readEnvironment, resolveOptions } from '../option/option.js'
import { toggle } from '../option/option-type.js'
import type { RingView } from '../service/node-codec.js'
import { alignColumns } from './columns.js'
import type { Command } from './command.js'
import { CLIENT_OPTIONS, withNode } from './node-client.js'

const OPTIONS = {
  json: { flag: 'json', type: toggle(), default: false, help: 'Print JSON' },
  ...CLIENT_OPTIONS,
} as const satisfies OptionTable

export const ringCommand: Command = {
  name: 'ring',
  summary: 'Print the nodes of the ring, and who owns a key',
  description: [
    'It is the ring as the asked node sees it: for a moment after a node came or went, others may see another one.',
  ],
  arguments: [{ name: 'KEY', help: 'Print also its owner, and who would take over from it', optional: true }],
  options: OPTIONS,
  examples: [
    ['geek-cache ring', 'who is there, and how much of the keys each owns'],
    ['geek-cache ring Tom', 'who owns Tom'],
    ['geek-cache ring --json --server 127.0.0.1:8003', 'for programs'],
  ],
  async run({ positionals: [key], flags, terminal }) {
    const { values } = resolveOptions(OPTIONS, [readEnvironment(OPTIONS, terminal.environment), flags])
    const view = await withNode(values, (node) => node.ring(key))
    terminal.stdout.write(values.json ? `${JSON.stringify(view)}\n` : ringText(view, key))
    return 0
  },
}

/** The members as a table, then the owners of the key. */
export function ringText({ members, owners }: RingView, key: string | undefined): string {
  const rows = members.map(({ address, share, self }) => [
    address,
    `${(share * 100).toFixed(1)} %`,
    self ? 'the node that was asked' : '',
  ])
  const table = alignColumns([['node', 'share', ''], ...rows], [1])
  if (key === undefined) return table
  const [owner = 'nobody', ...next] = owners
  const successors = next.length === 0 ? '' : `, then ${next.join(', ')}`
  return `${table}\n${JSON.stringify(key)} is owned by ${owner}${successors}\n`
}
