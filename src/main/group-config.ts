import { existsSync } from 'node:fs'
import { dirname, isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CacheError } from '../shared/errors.js'
import {
  STALE_MS_MAX,
  STORE_BYTES_MIN,
  TIMER_MS_MAX,
  TTL_MS_MAX,
  WORKER_COUNT_MAX,
} from '../shared/limits.js'
import { DEFAULT_POLICY, POLICY_NAMES } from '../shared/policy-names.js'
import {
  BATCH_SIZE_MAX,
  GROUP_DEFAULTS,
  HOT_COPIES_SHARE_MAX,
  HOT_COPIES_TTL_MS_MAX,
} from './group-settings.js'
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
import { anything, byteSize, duration, integer, oneOf, share, text } from './option/option-type.js'

const HOUR_MS = 3_600_000
// In whole hours, so that messages stay readable.
const TIMER_MAX_MS = Math.floor(TIMER_MS_MAX / HOUR_MS) * HOUR_MS
const TTL_MAX_MS = Math.floor(TTL_MS_MAX / HOUR_MS) * HOUR_MS
const STALE_MAX_MS = Math.floor(STALE_MS_MAX / HOUR_MS) * HOUR_MS
/** More calls of the source, or loads that wait for one, than a node can have. */
const LOADS_MAX = 1_000_000
/** What shared memory can hold: 2 GiB for each shard. */
const GROUP_BYTES_MAX = WORKER_COUNT_MAX * 2 ** 31

/** Everything that `groups: { NAME: … }` in a configuration file can say. */
export const GROUP_OPTIONS = {
  maxBytes: {
    path: 'maxBytes',
    type: byteSize(STORE_BYTES_MIN, GROUP_BYTES_MAX),
    required: true,
    help: 'Memory of the group on each node, everything included',
  },
  policy: {
    path: 'policy',
    type: oneOf('POLICY', POLICY_NAMES),
    default: DEFAULT_POLICY,
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
  ttlJitter: {
    path: 'ttlJitter',
    type: share(),
    default: GROUP_DEFAULTS.ttlJitter,
    help: 'Part of every time to live that is cut off at random, so that values do not expire together',
  },
  staleWhileRevalidate: {
    path: 'staleWhileRevalidate',
    type: duration(0, STALE_MAX_MS),
    default: GROUP_DEFAULTS.staleWhileRevalidateMs,
    help: 'How long after its time to live a value is served at once while one load refreshes it',
  },
  staleIfError: {
    path: 'staleIfError',
    type: duration(0, STALE_MAX_MS),
    default: GROUP_DEFAULTS.staleIfErrorMs,
    help: 'How long after its time to live a value is served when its load fails',
  },
  refreshAhead: {
    path: 'refreshAhead',
    type: share(),
    default: GROUP_DEFAULTS.refreshAhead,
    help: 'Last part of a time to live in which a hit has the value loaded again',
  },
  softTimeout: {
    path: 'softTimeout',
    type: duration(1, TIMER_MAX_MS),
    defaultHelp: 'to the end',
    help: 'How long to wait for a load before a value that staleIfError allows is served',
  },
  loadTimeout: {
    path: 'loadTimeout',
    type: duration(1, TIMER_MAX_MS),
    default: GROUP_DEFAULTS.loadTimeoutMs,
    help: 'Longest call of the source',
  },
  errorBackoff: {
    path: 'errorBackoff',
    type: duration(0, HOUR_MS),
    default: GROUP_DEFAULTS.errorBackoffMs,
    help: 'How long the error of a failed load answers for its key; doubled with every failure in a row',
  },
  loadConcurrencyMax: {
    path: 'loadConcurrencyMax',
    type: integer(1, LOADS_MAX),
    defaultHelp: 'no limit',
    help: 'Calls of the source at a time by each node, split over its shards, at least one each',
  },
  loadQueueMax: {
    path: 'loadQueueMax',
    type: integer(0, LOADS_MAX),
    default: GROUP_DEFAULTS.loadQueueMax,
    help: 'Loads that may wait for their turn on each node; more fail at once',
  },
  batchSizeMax: {
    path: 'batchSizeMax',
    type: integer(1, BATCH_SIZE_MAX),
    default: GROUP_DEFAULTS.batchSizeMax,
    help: 'Most keys of one call of a source that takes many',
  },
  hotCopiesShare: {
    path: 'hotCopiesShare',
    type: share(HOT_COPIES_SHARE_MAX),
    default: GROUP_DEFAULTS.hotCopiesShare,
    help: 'Part of maxBytes for copies of values that other nodes own, of keys asked for often; 0 for none',
  },
  hotCopiesTtl: {
    path: 'hotCopiesTtl',
    type: duration(1, HOT_COPIES_TTL_MS_MAX),
    default: GROUP_DEFAULTS.hotCopiesTtlMs,
    help: 'Longest life of such a copy',
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
    ttlJitter: values.ttlJitter,
    staleWhileRevalidateMs: values.staleWhileRevalidate,
    staleIfErrorMs: values.staleIfError,
    refreshAhead: values.refreshAhead,
    ...(values.softTimeout !== undefined && { softTimeoutMs: values.softTimeout }),
    loadTimeoutMs: values.loadTimeout,
    errorBackoffMs: values.errorBackoff,
    ...(values.loadConcurrencyMax !== undefined && { loadConcurrencyMax: values.loadConcurrencyMax }),
    loadQueueMax: values.loadQueueMax,
    batchSizeMax: values.batchSizeMax,
    hotCopiesShare: values.hotCopiesShare,
    hotCopiesTtlMs: values.hotCopiesTtl,
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
