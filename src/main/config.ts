import { readFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { CacheError } from '../shared/errors.js'
import {
  GRPC_THREAD_COUNT_MAX,
  HTTP_THREAD_COUNT_MAX,
  KEY_BYTES_MAX,
  VALUE_BYTES_MAX,
  WORKER_COUNT_MAX,
} from '../shared/limits.js'
import { GROUP_OPTIONS, type GroupConfig, groupConfigOf } from './group-config.js'
import { LOG_LEVELS } from './log.js'
import type { NodeOptions } from './node-options.js'
import { readFileSettings } from './option/file.js'
import {
  type OptionTable,
  type Resolved,
  readEnvironment,
  resolveOptions,
  type Settings,
  whereOf,
} from './option/option.js'
import {
  address,
  addressOrOff,
  byteSize,
  duration,
  integer,
  list,
  oneOf,
  secret,
  text,
  toggle,
} from './option/option-type.js'

const HOUR_MS = 3_600_000

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
  grpcEngine: {
    flag: 'grpc-engine',
    path: 'grpcEngine',
    type: oneOf('ENGINE', ['native', 'grpc-js']),
    default: 'native',
    help: 'What serves gRPC and calls peers: native, the engine of this package, or grpc-js',
  },
  grpcThreads: {
    flag: 'grpc-threads',
    path: 'grpcThreads',
    type: integer(1, GRPC_THREAD_COUNT_MAX),
    default: 1,
    help: 'Threads that serve gRPC, the main thread among them; only with --grpc-engine native',
  },
  http: {
    flag: 'http',
    path: 'http',
    type: addressOrOff(),
    default: 'off',
    help: 'Address for HTTP and WebSocket; port 0 takes a free one',
  },
  httpThreads: {
    flag: 'http-threads',
    path: 'httpThreads',
    type: integer(1, HTTP_THREAD_COUNT_MAX),
    default: 1,
    help: 'Threads that serve HTTP, beside the main thread',
  },
  httpEngine: {
    flag: 'http-engine',
    path: 'httpEngine',
    type: oneOf('ENGINE', ['auto', 'uws', 'node']),
    default: 'auto',
    help: 'What serves HTTP: uws, uWebSockets.js; node, what comes with Node.js; auto, the first that can be loaded',
  },
  httpHosts: {
    flag: 'http-hosts',
    path: 'httpHosts',
    type: list(text('NAME')),
    defaultHelp: 'any; on the machine itself none',
    help: 'Names under which --http and --admin may be asked for, beside addresses and localhost; .NAME for all below it',
  },
  resp: {
    flag: 'resp',
    path: 'resp',
    type: addressOrOff(),
    default: 'off',
    help: 'Address for clients of the Redis protocol; port 0 takes a free one',
  },
  respPassword: {
    flag: 'resp-password',
    path: 'respPassword',
    type: secret('PASSWORD'),
    help: 'What clients of the Redis protocol must show; other users of the machine see flags, so use the environment or the file',
  },
  respDefaultGroup: {
    flag: 'resp-default-group',
    path: 'respDefaultGroup',
    type: text('GROUP'),
    help: 'Group of the keys that clients of the Redis protocol name without GROUP:',
  },
  respDeadline: {
    flag: 'resp-deadline',
    path: 'respDeadline',
    type: duration(1, HOUR_MS),
    default: 10_000,
    help: 'How long a request of the Redis protocol may take',
  },
  admin: {
    flag: 'admin',
    path: 'admin',
    type: addressOrOff(),
    default: 'off',
    help: 'Address for statistics, metrics, dashboard and deletes; --http then serves data only',
  },
  workers: {
    flag: 'workers',
    path: 'workers',
    type: integer(1, WORKER_COUNT_MAX),
    default: Math.min(WORKER_COUNT_MAX, Math.max(1, availableParallelism() - 1)),
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
    type: byteSize(1, KEY_BYTES_MAX),
    default: KEY_BYTES_MAX,
    help: 'Largest key',
  },
  valueBytesMax: {
    flag: 'value-bytes-max',
    path: 'valueBytesMax',
    type: byteSize(1, VALUE_BYTES_MAX),
    default: VALUE_BYTES_MAX,
    help: 'Largest value',
  },
  workerStall: {
    flag: 'worker-stall',
    path: 'workerStall',
    type: duration(100, HOUR_MS),
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
  snapshot: {
    flag: 'snapshot',
    path: 'snapshot.dir',
    type: text('DIR'),
    help: 'Keep what is in memory over a restart: written by a graceful stop, loaded by the next start',
  },
  snapshotTimeout: {
    flag: 'snapshot-timeout',
    path: 'snapshot.timeout',
    type: duration(1, HOUR_MS),
    default: 10_000,
    help: 'How long writing the snapshots of a group may take, and loading them',
  },
  logLevel: {
    flag: 'log-level',
    path: 'logLevel',
    type: oneOf('LEVEL', LOG_LEVELS),
    default: 'info',
    help: `Least important lines to log: ${LOG_LEVELS.join(', ')}`,
  },
  tlsCert: {
    flag: 'tls-cert',
    path: 'tls.cert',
    type: text('FILE'),
    help: 'Serve and call peers over TLS with this certificate (PEM); goes with --tls-key',
  },
  tlsKey: {
    flag: 'tls-key',
    path: 'tls.key',
    type: text('FILE'),
    help: 'Key of the certificate (PEM). Both files are read again when they change',
  },
  tlsCa: {
    flag: 'tls-ca',
    path: 'tls.ca',
    type: text('FILE'),
    help: 'Authorities that peers and clients must have their certificates from (PEM)',
  },
  tlsClientAuth: {
    flag: 'tls-client-auth',
    path: 'tls.clientAuth',
    type: toggle(),
    default: false,
    help: 'Take connections only from who shows a certificate of --tls-ca (mTLS)',
  },
  config: {
    flag: 'config',
    type: text('FILE'),
    help: 'Configuration file (YAML); the only place for groups',
  },
} as const satisfies OptionTable

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
    grpcEngine: values.grpcEngine,
    grpcThreads: values.grpcThreads,
    ...(values.http !== 'off' && {
      http: values.http,
      httpThreads: values.httpThreads,
      httpEngine: values.httpEngine,
    }),
    ...(values.httpHosts && { httpHosts: values.httpHosts }),
    ...(values.resp !== 'off' && respOptionsOf(values)),
    ...(values.admin !== 'off' && { admin: values.admin }),
    workers: values.workers,
    replicas: values.replicas,
    keyBytesMax: values.keyBytesMax,
    valueBytesMax: values.valueBytesMax,
    workerStallMs: values.workerStall,
    drainMs: values.drain,
    ...(values.snapshot !== undefined && {
      snapshotDir: values.snapshot,
      snapshotTimeoutMs: values.snapshotTimeout,
    }),
    ...(values.tlsCert && { tls: tlsOptionsOf(values, values.tlsCert) }),
  }
}

function respOptionsOf({
  resp,
  respPassword,
  respDefaultGroup,
  respDeadline,
}: Config['values']): NodeOptions {
  return {
    resp,
    respDeadlineMs: respDeadline,
    ...(respPassword !== undefined && { respPassword }),
    ...(respDefaultGroup !== undefined && { respDefaultGroup }),
  }
}

function tlsOptionsOf(
  { tlsKey, tlsCa, tlsClientAuth }: Config['values'],
  certFile: string,
): NonNullable<NodeOptions['tls']> {
  const requireClientCert = tlsClientAuth
  return { certFile, keyFile: tlsKey ?? certFile, requireClientCert, ...(tlsCa && { caFile: tlsCa }) }
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

function invalid(message: string): CacheError {
  return new CacheError('INVALID_ARGUMENT', message)
}
