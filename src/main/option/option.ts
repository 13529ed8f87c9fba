import { CacheError } from '../../shared/errors.js'
import type { OptionType } from './option-type.js'

/**
 * One option. A table of them is all there is to say about a command or a section of the configuration file: flags,
 * environment, file, validation, `--help` and `geek-cache config` are derived from it.
 */
export interface Option<T> {
  /** Without the `--`. Absent when only a file can set the option. The environment variable is derived from it. */
  readonly flag?: string
  /** One letter, for `-h`. */
  readonly short?: string
  /** Where the configuration file has it: keys joined by dots. Absent when a file cannot set it. */
  readonly path?: string
  readonly type: OptionType<T>
  readonly default?: T
  /** What `--help` says instead of the default, where the default depends on the machine. */
  readonly defaultHelp?: string
  readonly required?: true
  /** One line, without a full stop. */
  readonly help: string
}

export type OptionTable = Readonly<Record<string, Option<unknown>>>

/** What an option yields: its value; undefined too, when it has no default and may be left out. */
export type OptionValue<O> = O extends { readonly type: OptionType<infer T> }
  ? O extends { readonly default: unknown } | { readonly required: true }
    ? T
    : T | undefined
  : never

export type OptionValues<Table> = { readonly [Name in keyof Table]: OptionValue<Table[Name]> }

/** A value as it was written, and where. */
export interface Setting {
  readonly text: string
  /** `--workers`, `GEEK_CACHE_WORKERS` or `scores.yaml line 4`. */
  readonly place: string
  /** The option, where the place alone does not tell: `workers`. */
  readonly key?: string
}

/** Where a value was written, for messages: `scores.yaml line 4: workers`. */
export function whereOf({ place, key }: Setting): string {
  return key === undefined ? place : `${place}: ${key}`
}

/** Everything that one place sets: names of options to settings. */
export type Settings = ReadonlyMap<string, Setting>

/** The outcome of all places together. */
export interface Resolved<Table> {
  readonly values: OptionValues<Table>
  /** Where each value comes from; options that have their default are not in it. */
  readonly origins: ReadonlyMap<string, Setting>
}

/** The environment variable of an option; undefined for options without a flag and for switches of one command. */
export function environmentName(option: Option<unknown>): string | undefined {
  const isSwitch = option.type.placeholder === '' && option.path === undefined
  if (option.flag === undefined || isSwitch) return undefined
  return `GEEK_CACHE_${option.flag.toUpperCase().replaceAll('-', '_')}`
}

/** What the environment sets. An empty variable counts as unset, as it does in a shell's `${NAME:-default}`. */
export function readEnvironment(table: OptionTable, environment: NodeJS.ProcessEnv): Settings {
  const settings = new Map<string, Setting>()
  for (const [name, option] of Object.entries(table)) {
    const variable = environmentName(option)
    const text = variable === undefined ? undefined : environment[variable]
    if (variable !== undefined && text) settings.set(name, { text, place: variable })
  }
  return settings
}

/**
 * Merges the layers, later ones winning, over the defaults and checks every value, overridden ones too: a mistake
 * must not wait for the day on which the flag that hides it is gone. `where` names the section for missing options.
 *
 * @throws CacheError INVALID_ARGUMENT: option, value and what is expected, in one line
 */
export function resolveOptions<Table extends OptionTable>(
  table: Table,
  layers: readonly Settings[],
  where = '',
): Resolved<Table> {
  const values: Record<string, unknown> = {}
  const origins = new Map<string, Setting>()
  for (const [name, option] of Object.entries(table)) {
    let value: unknown = option.default
    for (const layer of layers) {
      const setting = layer.get(name)
      if (setting === undefined) continue
      value = parseSetting(option, setting)
      origins.set(name, setting)
    }
    if (value === undefined && option.required) {
      throw invalid(
        `${where}${option.path ?? `--${option.flag}`} is missing: expected ${option.type.expected}`,
      )
    }
    values[name] = value
  }
  return { values: Object.freeze(values) as OptionValues<Table>, origins }
}

function parseSetting({ type }: Option<unknown>, setting: Setting): unknown {
  try {
    const value: unknown = type.parse(setting.text)
    if (value !== undefined) return value
  } catch (thrown) {
    throw invalid(`${whereOf(setting)}: ${CacheError.from(thrown).message}`)
  }
  throw invalid(`${whereOf(setting)} ${JSON.stringify(setting.text)}: expected ${type.expected}`)
}

function invalid(message: string): CacheError {
  return new CacheError('INVALID_ARGUMENT', message)
}
