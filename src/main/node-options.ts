import type { BatchGetter, Getter } from '../shared/getter.js'
import type { PolicyName } from '../shared/policy-names.js'
import type { TlsOptions } from './tls-options.js'

/** What the node writes its log to: a pino logger, or anything that has these four methods. */
export interface Log {
  debug(fields: object, message: string): void
  info(fields: object, message: string): void
  warn(fields: object, message: string): void
  error(fields: object, message: string): void
}

/** How a node is started. Everything has a default: `startNode({})` is a single node that listens on 127.0.0.1:8001. */
export interface NodeOptions {
  /** HOST:PORT that is registered and listened on for gRPC. Port 0 takes a free one. Default 127.0.0.1:8001. */
  readonly self?: string
  /** Name of the service in etcd: nodes of one name form one ring. Default `geek-cache`. */
  readonly service?: string
  /** Membership by etcd. Excludes `peers`. */
  readonly etcd?: { readonly hosts: readonly string[]; readonly leaseTtlSeconds?: number }
  /** A fixed list of members, HOST:PORT; `self` need not be among them. Excludes `etcd`. */
  readonly peers?: readonly string[]
  /** What serves gRPC and calls peers: the engine of this package, or `@grpc/grpc-js`. Default `native`. */
  readonly grpcEngine?: 'native' | 'grpc-js'
  /** Threads that serve gRPC, the main thread among them, 1 to 16; only with the native engine. Default 1. */
  readonly grpcThreads?: number
  /** HOST:PORT for HTTP and WebSocket; port 0 takes a free one. Default: none. */
  readonly http?: string
  /** Threads that serve HTTP, beside the main thread, 1 to 8. Default 1. */
  readonly httpThreads?: number
  /** What serves HTTP: uWebSockets.js, or `node:http` where that cannot be loaded (`auto`, the default); or one of them. */
  readonly httpEngine?: 'auto' | 'uws' | 'node'
  /**
   * Names under which HTTP and the operator's address are asked for, beside addresses and `localhost`; one that begins
   * with a dot stands for all names below it. Default: any name; none when it listens on the machine itself alone.
   */
  readonly httpHosts?: readonly string[]
  /** HOST:PORT for the Redis protocol; port 0 takes a free one. Default: none. */
  readonly resp?: string
  /** What clients of the Redis protocol must show with AUTH or HELLO. Default: nothing, anybody may read. */
  readonly respPassword?: string
  /** Group of the keys that clients of the Redis protocol name without a group. Default: none. */
  readonly respDefaultGroup?: string
  /** How long a request of the Redis protocol may take, in ms. Default 10 000. */
  readonly respDeadlineMs?: number
  /**
   * HOST:PORT for whoever operates the node, over HTTP: statistics, metrics, dashboard, deletes. With it, the other
   * address serves data only. Port 0 takes a free one. Default: none.
   */
  readonly admin?: string
  /** TLS for clients and between peers. Default: plain text. */
  readonly tls?: TlsOptions
  /** Worker threads, one shard of every group each. Default: processors − 1, at least 1. */
  readonly workers?: number
  /** Groups to make before the node listens and joins its ring; more can be made at any time. */
  readonly groups?: Readonly<Record<string, GroupOptions>>
  /** Virtual nodes of each member on the ring. All nodes of a ring must agree. Default 150. */
  readonly replicas?: number
  /** Largest key in bytes, at most and by default 65536. */
  readonly keyBytesMax?: number
  /** Largest value in bytes, at most and by default 64 MiB. Also the limit of a gRPC message, with room for its frame. */
  readonly valueBytesMax?: number
  /** How long a worker thread may be blocked by its getter before it is replaced, in ms. Default 5000. */
  readonly workerStallMs?: number
  /** How long close() waits for calls in flight, in ms. Default 5000. */
  readonly drainMs?: number
  /**
   * Directory for snapshots: close() writes what the groups hold, the next start of a node with this address loads it.
   * Deletes by which other nodes or the source changed meanwhile are not known to a snapshot. Default: none.
   */
  readonly snapshotDir?: string
  /** How long writing the snapshots of a group may take, and loading them, in ms. Default 10 000. */
  readonly snapshotTimeoutMs?: number
  /** Default: silent. */
  readonly log?: Log
}

/**
 * Where a group's values come from: a function or an object with `getMany`, called in the thread that created the group,
 * or a module, loaded in every worker thread so that loads run on all cores.
 */
export type GetterSource = Getter | BatchGetter | string | URL | GetterModule

/**
 * A module exports its getter as `default` or `getter`, a function or an object with `getMany`; or it exports `getMany`
 * itself; or `createGetter(options)`, which may be async and is called once in every worker thread.
 */
export interface GetterModule {
  /** A file: URL, a path, or the name of a package. */
  readonly module: string | URL
  /** Handed to `createGetter`: anything that structuredClone takes. */
  readonly options?: unknown
}

/** How a group is made. */
export interface GroupOptions {
  /** Bytes that the group may take on this node, everything included, split evenly over the shards. */
  readonly maxBytes: number
  readonly getter: GetterSource
  /** Eviction policy. Default `auto`, which chooses while it runs. `sieve` can collapse for good; the log says so. */
  readonly policy?: PolicyName
  /** Time to live of values whose getter set none, in ms. Default: for ever. */
  readonly ttlMs?: number
  /**
   * Part of every time to live that is cut off at random, 0…1, so that what was loaded together does not expire together.
   * Default 0: a time to live is what it says.
   */
  readonly ttlJitter?: number
  /** How long "not found" is remembered when the getter set no time, in ms. Default 0: not at all. */
  readonly notFoundTtlMs?: number
  /** How long after its time to live a value is served at once while one load refreshes it, in ms. Default 0. */
  readonly staleWhileRevalidateMs?: number
  /** How long after its time to live a value is served when its load fails, in ms. Default 0. */
  readonly staleIfErrorMs?: number
  /**
   * Last part of a time to live, 0…1, in which a hit has the value loaded again, so that values in use do not expire.
   * Default 0: not before they expire.
   */
  readonly refreshAhead?: number
  /** How long a call waits for a load before it takes the value that `staleIfErrorMs` allows. Default: to the end. */
  readonly softTimeoutMs?: number
  /** Longest call of the getter, in ms. Default 30 000. */
  readonly loadTimeoutMs?: number
  /**
   * For how long the error of a failed load answers further calls for its key, in ms; doubled, up to 32 times, with
   * every failure in a row. Default 0: every call tries again.
   */
  readonly errorBackoffMs?: number
  /**
   * Calls of the getter at a time on this node, split evenly over the shards, at least one each. Default: no limit.
   */
  readonly loadConcurrencyMax?: number
  /** Loads that may wait for their turn on this node, split likewise; more fail at once. Default 10 000. */
  readonly loadQueueMax?: number
  /** Most keys of one call of `getMany`. Default 256. */
  readonly batchSizeMax?: number
  /**
   * Part of `maxBytes`, 0…0.5, that copies of values which other nodes own may take: of keys that are asked for often
   * here, and only while their owner tells of changes. 0 for no copies. Default 1/8.
   */
  readonly hotCopiesShare?: number
  /** Longest life of such a copy, in ms, at most 60 000; never longer than the owner says. Default 10 000. */
  readonly hotCopiesTtlMs?: number
}
