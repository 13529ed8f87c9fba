import { environmentName, type Option } from '../option/option.js'
import { alignColumns } from './columns.js'
import { type Argument, COMMON_OPTIONS, type Command } from './command.js'

const LINE_LENGTH_MAX = 100

/** What `geek-cache --help` prints. */
export function overview(commands: readonly Command[]): string {
  const lines = commands.map(({ name, summary, arguments: words }) => [
    `  ${[name, ...words.map(usageOf)].join(' ')}`,
    summary,
  ])
  return [
    'A distributed, read-only, read-through cache: one multi-core process per node.\n',
    'Usage: geek-cache COMMAND [flags]\n',
    alignColumns(lines),
    'geek-cache COMMAND --help tells more; geek-cache --version tells the version.\n',
  ].join('\n')
}

/** What `geek-cache COMMAND --help` prints. */
export function helpOf(command: Command): string {
  const words = command.arguments.map(usageOf)
  const options = Object.values<Option<unknown>>({ ...command.options, ...COMMON_OPTIONS })
  const parts = [
    `Usage: ${['geek-cache', command.name, '[flags]', ...words].join(' ')}\n`,
    `${command.summary}.\n`,
    ...command.description.map(wrap),
  ]
  if (words.length > 0) {
    parts.push(`Arguments:\n${alignColumns(command.arguments.map(({ name, help }) => [`  ${name}`, help]))}`)
  }
  parts.push(`Flags, and the environment variables that stand for them:\n${optionRows(options)}`)
  const examples = command.examples.flatMap(([line, does]) => [`  ${line}`, `      ${does}`])
  parts.push(`Examples:\n${examples.join('\n')}\n`)
  return parts.join('\n')
}

function optionRows(options: readonly Option<unknown>[]): string {
  const lines = options.flatMap((option) => {
    const short = option.short === undefined ? '' : `-${option.short}, `
    const flag = `  ${short}--${option.flag} ${option.type.placeholder}`.trimEnd()
    const notes = [defaultOf(option), environmentName(option)].filter((note) => note !== undefined)
    return notes.length === 0
      ? [[flag, option.help]]
      : [
          [flag, option.help],
          ['', notes.join('; ')],
        ]
  })
  return alignColumns(lines)
}

/** `default 5s`, or nothing where there is none. */
function defaultOf(option: Option<unknown>): string | undefined {
  if (option.defaultHelp !== undefined) return `default ${option.defaultHelp}`
  if (option.default === undefined || option.type.placeholder === '') return undefined
  return `default ${option.type.format(option.default)}`
}

/** `GROUP`, or `[KEY]` for one that may be left out. */
export function usageOf({ name, optional }: Argument): string {
  return optional ? `[${name}]` : name
}

/** A paragraph in lines that fit a terminal. */
function wrap(paragraph: string): string {
  const lines = ['']
  for (const word of paragraph.split(' ')) {
    const line = lines.at(-1)!
    if (line === '') lines[lines.length - 1] = word
    else if (line.length + 1 + word.length <= LINE_LENGTH_MAX) lines[lines.length - 1] = `${line} ${word}`
    else lines.push(word)
  }
  return `${lines.join('\n')}\n`
}
