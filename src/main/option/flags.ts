import { parseArgs } from 'node:util'
import { CacheError } from '../../shared/errors.js'
import { didYouMean } from './nearest.js'
import type { OptionTable, Setting, Settings } from './option.js'

/** A command line taken apart. */
export interface Flags {
  readonly settings: Settings
  readonly positionals: readonly string[]
}

/**
 * Takes a command line apart by a table. `--` ends the flags.
 *
 * @throws CacheError INVALID_ARGUMENT for a flag that is unknown, given twice or lacks its value
 */
export function parseFlags(table: OptionTable, argv: readonly string[]): Flags {
  const named = Object.entries(table).flatMap(([name, option]) =>
    option.flag === undefined
      ? []
      : [{ name, flag: option.flag, short: option.short, takesValue: option.type.placeholder !== '' }],
  )
  const { tokens } = parseArgs({
    args: [...argv],
    strict: false,
    tokens: true,
    options: Object.fromEntries(
      named.map(({ flag, short, takesValue }) => [
        flag,
        {
          type: takesValue ? ('string' as const) : ('boolean' as const),
          ...(short === undefined ? {} : { short }),
        },
      ]),
    ),
  })

  const settings = new Map<string, Setting>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = named.find(({ flag }) => flag === token.name)
    if (option === undefined) {
      const known = named.map(({ flag }) => `--${flag}`)
      throw invalid(`Unknown flag ${token.rawName}${didYouMean(token.rawName, known)}`)
    }
    const place = `--${option.flag}`
    if (settings.has(option.name)) throw invalid(`${place} is given twice`)
    settings.set(option.name, { text: textOf(place, option.takesValue, token), place })
  }
  return { settings, positionals }
}

function textOf(
  place: string,
  takesValue: boolean,
  token: { readonly value?: string | undefined; readonly inlineValue?: boolean | undefined },
): string {
  if (!takesValue) {
    if (token.value !== undefined) throw invalid(`${place} takes no value`)
    return 'true'
  }
  // `--self --etcd x` has forgotten a value; `--self=--etcd` means what it says.
  const forgotten = token.value === undefined || (token.value.startsWith('--') && !token.inlineValue)
  if (forgotten) throw invalid(`${place} lacks its value`)
  return token.value!
}

function invalid(message: string): CacheError {
  return new CacheError('INVALID_ARGUMENT', message)
}
