import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { dirname, isAbsolute, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CacheError } from '../shared/errors.js'
import { POLICY_NAMES } from '../shared/policy-names.js'
import { LOG_LEVELS } from './log.js'
import type { GetterModule, GroupOptions, NodeOptions } from './node-options.js'
import { readFileSettings, type Section } from './option/file.js'
import {
  type OptionTable,
  type OptionValues,
  type Resolved,
  readEnvironment,
  resolveOptions,
  type Setting,
  type Settings,
  whereOf,
} from './option/option.js'
import { address, anything, byteSize, duration, integer, list, oneOf, text } from './option/option-type.js'

const KIB = 2 ** 10
const MIB = 2 ** 20
const HOUR_MS = 3_600_000
/** What a timer of Node can wait: 2^31 − 1 ms, rounded down to hours. */
const TIMER_MAX_MS = 596 * HOUR_MS
const TTL_MAX_MS = 10 * 366 * 24 * HOUR_MS

/** Everything that a node can be told. */
export const NODE_OPTIONS = {
  self: {
    flag: 'self',
    path: 'self',
    type: address({ anyPort: true }),
    default: '127.0.0.1:8001',
    help: 'Address that is listened on for gRPC and registered; port 0 takes a free one',
  },
  service: {
    flag: 'service',
    path: 'service',
    type: text('NAME'),
    default: 'geek-cache',
    help: 'Name in etcd: nodes of one name form one ring',
  },
  etcd: {
    flag: 'etcd',
    path: 'etcd.hosts',
    type: list(address()),
    help: 'Find the other nodes by etcd; excludes --peers',
  },
  leaseTtlSeconds: {
    flag: 'etcd-lease-ttl-seconds',
    path: 'etcd.leaseTtlSeconds',
    type: integer(1, 3600),
    default: 2,
    help: 'How long etcd lists a node that has died',
  },
  peers: {
    flag: 'peers',
    path: 'peers',
    type: list(address()),
    help: 'A fixed list of nodes; excludes --etcd',
  },
  workers: {
    flag: 'workers',
    path: 'workers',
    type: integer(1, 64),
    default: Math.min(64, Math.max(1, availableParallelism() - 1)),
    defaultHelp: 'processors − 1',
    help: 'Worker threads, each with a shard of every group',
  },
  replicas: {
    flag: 'replicas',
    path: 'replicas',
    type: integer(1, 10_000),
    default: 150,
    help: 'Virtual nodes of each node on the ring; the same on all nodes',
  },
  keyBytesMax: {
    flag: 'key-bytes-max',
    path: 'keyBytesMax',
    type: byteSize(1, 64 * KIB),
    default: 64 * KIB,
    help: 'Largest key',
  },
  valueBytesMax: {
    flag: 'value-bytes-max',
    path: 'valueBytesMax',
    type: byteSize(1, 64 * MIB),
    default: 64 * MIB,
    help: 'Largest value',
  },
  workerStall: {
    flag: 'worker-stall',
    path: 'workerStall',
    type: duration(100, TIMER_MAX_MS),
    default: 5000,
    help: 'Replace a worker thread that its getter has blocked for so long',
  },
  drain: {
    flag: 'drain',
    path: 'drain',
    type: duration(0, HOUR_MS),
    default: 5000,
    help: 'How long a node that stops waits for calls in flight',
  },
  logLevel: {
    flag: 'log-level',
    path: 'logLevel',
    type: oneOf('LEVEL', LOG_LEVELS),
    default: 'info',
    help: `Least important lines to log: ${LOG_LEVELS.join(', ')}`,
  },
  config: {
    flag: 'config',
    type: text('FILE'),
    help: 'Configuration file (YAML); the only place for groups',
  },
} as const satisfies OptionTable

/** Everything that `groups: { NAME: … }` in a configuration file can say. */
export const GROUP_OPTIONS = {
  maxBytes: {
    path: 'maxBytes',
    type: byteSize(64 * KIB, 1024 * 2 ** 30),
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

/** A checked configuration, and where each part of it comes from. */
export interface Config extends Resolved<typeof NODE_OPTIONS> {
  readonly groups: readonly GroupConfig[]
}

/**
 * Defaults, then the file, then the environment, then flags: the later ones win.
 *
 * @param flags what `parseFlags` made of the command line with NODE_OPTIONS
 * @throws CacheError INVALID_ARGUMENT: what is wrong, and where, in one line
 */
export function loadConfig(flags: Settings, environment: NodeJS.ProcessEnv): Config {
  const fromEnvironment = readEnvironment(NODE_OPTIONS, environment)
  const file = (flags.get('config') ?? fromEnvironment.get('config'))?.text
  const fromFile =
    file === undefined
      ? { settings: new Map(), sections: [] }
      : readFileSettings(file, readConfigFile(file), {
          options: NODE_OPTIONS,
          sectionsKey: 'groups',
          sectionOptions: GROUP_OPTIONS,
        })
  const resolved = resolveOptions(NODE_OPTIONS, [fromFile.settings, fromEnvironment, flags])
  const [etcd, peers] = [resolved.origins.get('etcd'), resolved.origins.get('peers')]
  if (etcd !== undefined && peers !== undefined) {
    throw invalid(`${whereOf(etcd)} and ${whereOf(peers)} exclude each other: leave one out`)
  }
  return Object.freeze({
    ...resolved,
    groups: fromFile.sections.map((section) => groupConfigOf(section, file!)),
  })
}

/** What `startNode` is to be told. */
export function nodeOptionsOf({ values }: Config): NodeOptions {
  return {
    self: values.self,
    service: values.service,
    ...(values.etcd && { etcd: { hosts: values.etcd, leaseTtlSeconds: values.leaseTtlSeconds } }),
    ...(values.peers && { peers: values.peers }),
    workers: values.workers,
    replicas: values.replicas,
    keyBytesMax: values.keyBytesMax,
    valueBytesMax: values.valueBytesMax,
    workerStallMs: values.workerStall,
    drainMs: values.drain,
  }
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

function readConfigFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (thrown) {
    const reason =
      (thrown as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : CacheError.from(thrown).message
    throw invalid(`Cannot read the configuration file ${file}: ${reason}`)
  }
}

function groupConfigOf({ name, place, settings }: Section, file: string): GroupConfig {
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
