import type { KeyExplanation } from '../node-view.js'
import { formatDuration } from '../option/duration.js'
import { type OptionTable, readEnvironment, resolveOptions } from '../option/option.js'
import { toggle } from '../option/option-type.js'
import { alignColumns } from './columns.js'
import type { Command } from './command.js'
import { CLIENT_OPTIONS, withNode } from './node-client.js'

const OPTIONS = {
  json: { flag: 'json', type: toggle(), default: false, help: 'Print JSON' },
  ...CLIENT_OPTIONS,
} as const satisfies OptionTable

export const explainCommand: Command = {
  name: 'explain',
  summary: 'Print where a key lives and what a node has of it',
  description: [
    'The owner of the key is told by the ring; everything else is what the asked node has in memory. Asking loads nothing and counts as no hit.',
  ],
  arguments: [
    { name: 'GROUP', help: 'The group' },
    { name: 'KEY', help: 'The key' },
  ],
  options: OPTIONS,
  examples: [
    ['geek-cache explain scores Tom', 'what 127.0.0.1:8001 knows of Tom'],
    ['geek-cache explain scores Tom --json --server 127.0.0.1:8003', 'for programs'],
  ],
  async run({ positionals: [group = '', key = ''], flags, terminal }) {
    const { values } = resolveOptions(OPTIONS, [readEnvironment(OPTIONS, terminal.environment), flags])
    const explanation = await withNode(values, (node) => node.explain(group, key))
    terminal.stdout.write(values.json ? `${JSON.stringify(explanation)}\n` : explanationText(explanation))
    return 0
  },
}

/** One line for each thing that is known. */
export function explanationText(explanation: KeyExplanation): string {
  const { owner, isOwned, shard, present, notFound, ageMs, ttlLeftMs, valueBytes, costBytes } = explanation
  const { hits, hotCopyMs } = explanation
  const ms = (value: number) => formatDuration(Math.round(value))
  const facts = present
    ? [
        ['in memory', notFound ? 'yes: the source has no such key' : 'yes'],
        ['age', ageMs === undefined ? 'not kept for values that do not expire' : ms(ageMs)],
        ['time left', ttlLeftMs === undefined ? 'until it is evicted' : ms(ttlLeftMs)],
        ['value', `${valueBytes} bytes`],
        ['cost', `${costBytes} bytes`],
      ]
    : [['in memory', 'no']]
  return alignColumns([
    ['owner', isOwned ? `${owner}, the node that was asked` : owner],
    ['shard', String(shard)],
    ...facts,
    ...(hotCopyMs === undefined ? [] : [['hot copy', `good for ${ms(hotCopyMs)}`]]),
    ...(hits === undefined ? [] : [['hits', `about ${Math.round(hits)} of late`]]),
  ])
}
