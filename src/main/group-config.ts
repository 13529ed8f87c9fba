import { existsSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CacheError } from '../shared/errors.js'
import { POLICY_NAMES } from '../shared/policy-names.js'
import type { GetterModule, GroupOptions } from './node-options.js'
import type { Section } from './option/file.js'
import {
  type OptionTable,
  type OptionValues,
  type Resolved,
  resolveOptions,
  type Setting,
  whereOf,
} from './option/option.js'
import { anything, byteSize, duration, oneOf, text } from './option/option-type.js'

const KIB = 2 ** 10
const GIB = 2 ** 30
const HOUR_MS = 3_600_000
/** What a timer of Node can wait: 2^31 − 1 ms, rounded down to hours. */
const TIMER_MAX_MS = 596 * HOUR_MS
const TTL_MAX_MS = 10 * 366 * 24 * HOUR_MS

/** Everything that `groups: { NAME: … }` in a configuration file can say. */
export const GROUP_OPTIONS = {
  maxBytes: {
    path: 'maxBytes',
    type: byteSize(64 * KIB, 1024 * GIB),
    required: true,
    help: 'Memory of the group on each node, everything included',
  },
  policy: {
    path: 'policy',
    type: oneOf('POLICY', POLICY_NAMES),
    default: 'lru',
    help: 'Which entries to give up first',
  },
  ttl: {
    path: 'ttl',
    type: duration(1, TTL_MAX_MS),
    defaultHelp: 'for ever',
    help: 'How long values whose source sets no time are kept',
  },
  notFoundTtl: {
    path: 'notFoundTtl',
    type: duration(0, TTL_MAX_MS),
    default: 0,
    help: 'How long it is remembered that the source has no such key',
  },
  loadTimeout: {
    path: 'loadTimeout',
    type: duration(1, TIMER_MAX_MS),
    default: 30_000,
    help: 'Longest load of one key',
  },
  json: {
    path: 'origin.json',
    type: text('FILE'),
    help: 'Take values from a JSON file, { "key": value, … }; it may change at any time',
  },
  module: {
    path: 'origin.module',
    type: text('FILE'),
    help: 'Take values from a JavaScript module: a file, or the name of a package',
  },
  options: {
    path: 'origin.options',
    type: anything(),
    help: "Handed to the module's createGetter(options)",
  },
} as const satisfies OptionTable

/** A group as it is configured; paths are absolute. */
export interface GroupConfig extends Resolved<typeof GROUP_OPTIONS> {
  readonly name: string
}

/**
 * Checks what a configuration file says about one group.
 *
 * @param file the configuration file: paths in it are relative to its folder
 * @throws CacheError INVALID_ARGUMENT: what is wrong, and where, in one line
 */
export function groupConfigOf({ name, place, settings }: Section, file: string): GroupConfig {
  if (name === '') throw invalid(`${place}: a group needs a name`)
  const { values, origins } = resolveOptions(GROUP_OPTIONS, [settings], `${place}.`)
  const { json, module, options } = values
  if ((json === undefined) === (module === undefined)) {
    throw invalid(`${place}.origin: expected either json: FILE or module: FILE`)
  }
  if (options !== undefined && module === undefined) {
    throw invalid(`${whereOf(origins.get('options')!)}: only an origin with a module takes options`)
  }
  const located = {
    json: json === undefined ? undefined : locate(json, file, origins.get('json')),
    module:
      module === undefined
        ? undefined
        : isPackage(module)
          ? module
          : locate(module, file, origins.get('module')),
  }
  return Object.freeze({ name, origins, values: Object.freeze({ ...values, ...located }) })
}

/** What `node.group` is to be told. */
export function groupOptionsOf({ values }: GroupConfig): GroupOptions {
  return {
    maxBytes: values.maxBytes,
    getter: getterModuleOf(values),
    policy: values.policy,
    ...(values.ttl !== undefined && { ttlMs: values.ttl }),
    notFoundTtlMs: values.notFoundTtl,
    loadTimeoutMs: values.loadTimeout,
  }
}

function getterModuleOf(values: OptionValues<typeof GROUP_OPTIONS>): GetterModule {
  if (values.json !== undefined) {
    // By URL: the module is loaded in the worker threads, never in this one.
    return { module: new URL('../worker/origin/json.js', import.meta.url), options: { path: values.json } }
  }
  return { module: values.module!, ...(values.options !== undefined && { options: values.options }) }
}

/** `./getter.js`, `/srv/getter.js` and `getter.js` are files, `@acme/getter` is a package. */
function isPackage(module: string): boolean {
  return !(/^(\.{0,2}\/|file:)/.test(module) || /\.[cm]?js$/.test(module) || isAbsolute(module))
}

/** The absolute path of a file that a configuration file names: relative to itself, wherever the process was started. */
function locate(path: string, file: string, setting: Setting | undefined): string {
  const absolute = path.startsWith('file:') ? fileURLToPath(path) : resolve(dirname(file), path)
  if (existsSync(absolute)) return absolute
  throw invalid(`${whereOf(setting!)}: there is no file ${absolute}`)
}

function invalid(message: string): CacheError {
  return new CacheError('INVALID_ARGUMENT', message)
}
