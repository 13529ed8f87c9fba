import { Document, type Node, Pair, Scalar, YAMLMap, YAMLSeq } from 'yaml'
import { type Config, loadConfig, NODE_OPTIONS } from '../config.js'
import { GROUP_OPTIONS } from '../group-config.js'
import type { OptionTable, Resolved } from '../option/option.js'
import type { Command } from './command.js'

export const configCommand: Command = {
  name: 'config',
  summary: 'Print the configuration that `serve` would use, and where each part of it comes from',
  description: [
    'Takes the flags, the environment and the configuration file of `serve` and starts nothing: what it prints is a configuration file itself. A mistake in the configuration ends it with exit code 2.',
  ],
  arguments: [],
  options: NODE_OPTIONS,
  examples: [
    ['geek-cache config', 'every option with its default'],
    ['geek-cache config --config scores.yaml --workers 4', 'what would be in force'],
  ],
  async run({ flags, terminal }) {
    terminal.stdout.write(configText(loadConfig(flags, terminal.environment)))
    return 0
  },
}

/** The configuration as YAML, a file to start from: each value with the place that it comes from. */
export function configText(config: Config): string {
  const document = new Document(new YAMLMap())
  const root = document.contents as YAMLMap
  addOptions(root, NODE_OPTIONS, config)
  if (config.groups.length > 0) {
    const groups = new YAMLMap()
    for (const group of config.groups) {
      const body = new YAMLMap()
      addOptions(body, GROUP_OPTIONS, group)
      groups.add(new Pair(new Scalar(group.name), body))
    }
    root.add(new Pair(new Scalar('groups'), groups))
  }
  return document.toString({ lineWidth: 0 })
}

function addOptions(map: YAMLMap, table: OptionTable, { values, origins }: Resolved<object>): void {
  for (const [name, option] of Object.entries(table)) {
    const value = (values as Readonly<Record<string, unknown>>)[name]
    if (option.path === undefined || value === undefined) continue
    const keys = option.path.split('.')
    const key = new Scalar(keys.at(-1))
    const node = nodeOf(value, (item) => option.type.format(item), option.type.shape)
    const comment = ` ${origins.get(name)?.place ?? 'default'}`
    // Behind the value, but above one of several lines.
    if (option.type.shape === 'any') key.commentBefore = comment
    else node.comment = comment
    parentOf(map, keys.slice(0, -1)).add(new Pair(key, node))
  }
}

function parentOf(map: YAMLMap, keys: readonly string[]): YAMLMap {
  let parent = map
  for (const key of keys) {
    let child = parent.get(key) as YAMLMap | undefined
    if (child === undefined) {
      child = new YAMLMap()
      parent.add(new Pair(new Scalar(key), child))
    }
    parent = child
  }
  return parent
}

function nodeOf(value: unknown, format: (value: unknown) => string, shape: 'scalar' | 'list' | 'any'): Node {
  if (shape === 'any') return new Document(value).contents as Node
  if (shape === 'scalar')
    return new Scalar(typeof value === 'number' && /^\d+$/.test(format(value)) ? value : format(value))
  const sequence = new YAMLSeq()
  sequence.flow = true
  for (const item of format(value).split(',')) sequence.add(new Scalar(item))
  return sequence
}
