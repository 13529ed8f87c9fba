import type { HotKeySample } from '../node-view.js'
import { type OptionTable, readEnvironment, resolveOptions } from '../option/option.js'
import { integer, toggle } from '../option/option-type.js'
import { alignColumns } from './columns.js'
import type { Command } from './command.js'
import { CLIENT_OPTIONS, withNode } from './node-client.js'

const OPTIONS = {
  json: { flag: 'json', type: toggle(), default: false, help: 'Print JSON; keys in base64 as well' },
  count: { flag: 'count', type: integer(1, 4096), default: 32, help: 'How many keys to print' },
  ...CLIENT_OPTIONS,
} as const satisfies OptionTable

export const hotCommand: Command = {
  name: 'hot',
  summary: 'Print the keys of a group that a node is asked for most often',
  description: [
    'Hits are estimated and fade with a half-life of a minute; "over" is by how much an estimate may be too high. A node counts the keys in its own memory: ask each node for its own.',
  ],
  arguments: [{ name: 'GROUP', help: 'The group' }],
  options: OPTIONS,
  examples: [
    ['geek-cache hot scores', 'the 32 hottest keys of 127.0.0.1:8001'],
    ['geek-cache hot scores --count 5 --json', 'for programs'],
  ],
  async run({ positionals: [group = ''], flags, terminal }) {
    const { values } = resolveOptions(OPTIONS, [readEnvironment(OPTIONS, terminal.environment), flags])
    const keys = await withNode(values, (node) => node.hotKeys(group, values.count))
    terminal.stdout.write(values.json ? `${JSON.stringify(keys.map(toJson))}\n` : hotText(keys))
    return 0
  },
}

/** The keys as a table; quoted, for a key may hold anything. */
export function hotText(keys: readonly HotKeySample[]): string {
  if (keys.length === 0) return 'no hot keys\n'
  const rows = keys.map(({ key, hits, hitsOverMax }) => [
    JSON.stringify(Buffer.from(key).toString()),
    String(Math.round(hits)),
    String(Math.round(hitsOverMax)),
  ])
  return alignColumns([['key', 'hits', 'over'], ...rows], [1, 2])
}

function toJson({ key, hits, hitsOverMax }: HotKeySample) {
  const bytes = Buffer.from(key)
  return { key: bytes.toString(), keyBase64: bytes.toString('base64'), hits, hitsOverMax }
}
