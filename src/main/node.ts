import { randomInt } from 'node:crypto'
import type { MessagePort } from 'node:worker_threads'
import { ServerCredentials } from '@grpc/grpc-js'
import { systemClock } from '../shared/clock.js'
import { CacheError } from '../shared/errors.js'
import type { HashSeed } from '../shared/hash.js'
import { encodeKey, type Key } from '../shared/key.js'
import { GRPC_THREAD_COUNT_MAX, KEY_BYTES_MAX, VALUE_BYTES_MAX, WORKER_COUNT_MAX } from '../shared/limits.js'
import { Epochs } from '../shared/store/epoch.js'
import { ReaderPin } from '../shared/store/reader-pin.js'
import { parseAddress } from './cluster/address.js'
import { Peers } from './cluster/peers.js'
import type { Registry, RegistryStatus } from './cluster/registry.js'
import { StaticRegistry } from './cluster/static-registry.js'
import type { Group } from './group.js'
import { Groups } from './groups.js'
import { GrpcClient } from './grpc/client/grpc-client.js'
import type { GrpcServer, MessageLimits } from './grpc-server.js'
import { GrpcThread } from './grpc-thread/grpc-thread.js'
import type { GroupOptions, Log, NodeOptions } from './node-options.js'
import { GrpcJsCaller } from './service/grpc-js-caller.js'
import { GrpcJsServer } from './service/grpc-js-server.js'
import type { HealthService } from './service/health-service.js'
import { newHotServer, registerServices } from './service/node-server.js'
import { PeerClient } from './service/peer-client.js'
import { FETCH_MANY_BYTES_MAX } from './service/peer-codec.js'
import { Snapshots } from './snapshots.js'
import { Attachments } from './threads/attachments.js'
import { TlsFiles } from './tls-files.js'
import type { UnaryCaller } from './unary-caller.js'
import { warnOfPolicy } from './warn-of-policy.js'
import { defaultShardCount, ShardPool } from './workers/shard-pool.js'

/** The main thread's number among the threads of the node. */
const MAIN_THREAD = 0

const SELF = '127.0.0.1:8001'
const SERVICE = 'geek-cache'
const REPLICAS = 150
const WORKER_STALL_MS = 5000
const DRAIN_MS = 5000
const SNAPSHOT_TIMEOUT_MS = 10_000

/** Largest gRPC message with a request in it: far more than a key, so that one that is too long gets an answer. */
const REQUEST_BYTES_MAX = 4 * 1024 * 1024

/** What a gRPC message may be longer than the value in it: field tags, lengths. */
const MESSAGE_MARGIN_BYTES = 4096

/** Nodes that `ring KEY` names: the owner and who takes over. */
const OWNERS_SHOWN = 3

const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} }

/** One sample of one counter of the node. */
export interface CounterSample {
  readonly name: string
  readonly group: string
  readonly shard: number
  readonly value: number
}

/** A member of the ring, as this node sees it. */
export interface Member {
  readonly address: string
  /** Part of the key space that it owns, 0…1. */
  readonly share: number
  readonly self: boolean
}

/**
 * Starts a node: worker threads, gRPC server, groups, and last its place in the ring.
 *
 * @throws CacheError INVALID_ARGUMENT for a bad option, FAILED_PRECONDITION when the address is in use
 */
export async function startNode(options: NodeOptions = {}): Promise<Node> {
  const node = new Node(options)
  try {
    await node.start()
    return node
  } catch (thrown) {
    await node.close()
    throw thrown
  }
}

/**
 * A running node. Holds no module-level state: a process may have several.
 *
 * The composition root: everything is built here, in order, handed what it needs, and closed in the opposite order.
 */
export class Node {
  readonly #options: NodeOptions
  readonly #log: Log
  readonly #epochs = new Epochs()
  readonly #seed: HashSeed = { k0: randomInt(2 ** 32) | 0, k1: randomInt(2 ** 32) | 0 }
  readonly #pin = new ReaderPin(this.#epochs, MAIN_THREAD, systemClock)
  readonly #groups: Groups
  readonly #shards: ShardPool
  readonly #attachments: Attachments
  readonly #server: GrpcServer
  readonly #health: HealthService
  readonly #tls: TlsFiles | undefined
  readonly #grpcThreads: GrpcThread[] = []
  /** Of the servers; those of clients are the other way round. */
  readonly #messageLimits: MessageLimits
  #self: string
  #peers: Peers
  #registry: Registry | undefined
  #snapshots: Snapshots | undefined
  #closing: Promise<void> | undefined

  /** Use {@link startNode}. */
  constructor(options: NodeOptions) {
    validate(options)
    this.#options = options
    this.#log = options.log ?? SILENT
    this.#self = options.self ?? SELF
    this.#tls = options.tls && new TlsFiles(options.tls, this.#log)
    const { keyBytesMax = KEY_BYTES_MAX, valueBytesMax = VALUE_BYTES_MAX } = options
    this.#messageLimits = {
      receiveBytesMax: REQUEST_BYTES_MAX,
      sendBytesMax: Math.max(valueBytesMax, FETCH_MANY_BYTES_MAX) + MESSAGE_MARGIN_BYTES,
    }
    this.#epochs.admit(MAIN_THREAD)
    this.#peers = this.#newPeers()
    this.#groups = new Groups({
      self: () => this.#self,
      peers: {
        owns: (bytes, start, end) => this.#peers.owns(bytes, start, end),
        pick: (key, countMax) => this.#peers.pick(key, countMax),
      },
      shards: () => this.#shards.clients,
      reader: { pin: this.#pin, thread: MAIN_THREAD, seed: this.#seed },
      keyBytesMax,
      valueBytesMax,
      snapshots: () => this.#snapshots,
      onGroup: (view) => this.#attachments.addGroup(view),
      onGroupGone: (id) => this.#attachments.removeGroup(id),
      onGroupMoved: (view) => this.#attachments.moveGroup(view),
    })
    this.#shards = new ShardPool({
      shardCount: options.workers ?? defaultShardCount(),
      epochs: this.#epochs,
      seed: this.#seed,
      stallMs: options.workerStallMs ?? WORKER_STALL_MS,
      getters: this.#groups,
      log: this.#log,
      onDeath: (shard) => this.#groups.countRestart(shard),
    })
    this.#attachments = new Attachments({
      epochs: this.#epochs,
      seed: this.#seed,
      node: this,
      groups: () => this.#groups.views(),
      ring: () => this.#peers.view,
    })
    this.#server = this.#newServer()
    this.#health = this.#register(this.#server)
  }

  /** HOST:PORT of this node: what it listens on and is registered under. */
  get self(): string {
    return this.#self
  }

  /** Called once, by startNode(). */
  async start(): Promise<void> {
    const port = await this.#server.listen(this.#self)
    this.#self = this.#self.replace(/\d+$/, String(port))
    this.#snapshots = this.#newSnapshots()
    await this.#snapshots?.prepare()
    for (const [name, group] of Object.entries(this.#options.groups ?? {})) await this.group(name, group)
    this.#peers = this.#newPeers()
    await this.#startGrpcThreads()
    this.#registry = await this.#newRegistry()
    await this.#registry.start((members) => this.#peers.setMembers(members))
    this.#log.info({ self: this.#self, shards: this.#shards.clients.length }, 'Node is up')
  }

  /**
   * Makes a group.
   *
   * @throws CacheError ALREADY_EXISTS when there is one of that name; INVALID_ARGUMENT for a bad option, or when the
   *   getter module cannot be loaded
   */
  group(name: string, options: GroupOptions): Promise<Group> {
    this.#assertOpen()
    warnOfPolicy(name, options, this.#log)
    return this.#groups.create(name, options)
  }

  /** The group of that name, if there is one. */
  findGroup(name: string): Group | undefined {
    return this.#groups.find(name)
  }

  /** Removes a group and frees its memory; false when there is none of that name. Calls in flight may still end well. */
  removeGroup(name: string): Promise<boolean> {
    return this.#groups.remove(name)
  }

  /**
   * A handle by which one other thread of this process shares the cache: send it there, in the message and in its
   * transferList, and `attach` it (package entry `geek-cache/worker`). The thread may end at any time.
   *
   *     new Worker(file, { workerData: { handle }, transferList: [handle] })
   *
   * @throws CacheError RESOURCE_EXHAUSTED: a node has at most 64 threads, its main and worker threads among them
   */
  handle(): MessagePort {
    this.#assertOpen()
    return this.#attachments.handle()
  }

  /** All counters of all groups. Reads shared memory, sends no message. */
  stats(): CounterSample[] {
    return [...this.#groups].flatMap((group) =>
      group.stats().map((sample) => ({ group: group.name, ...sample })),
    )
  }

  /** The members of the ring and their shares of the key space. */
  members(): Member[] {
    const { ring } = this.#peers
    const shares = ring.shares()
    return ring.members.map((address) => ({
      address,
      share: shares.get(address) ?? 0,
      self: address === this.#self,
    }))
  }

  /** Addresses of the owner of a key and of the nodes that would take over from it. */
  owners(key: Key): string[] {
    return this.#peers.ring.owners(encodeKey(key), OWNERS_SHOWN)
  }

  /** How the membership stands. */
  registryStatus(): RegistryStatus | undefined {
    return this.#registry?.status()
  }

  /** Ends a worker thread as a fault of its getter would. To try out what happens then. */
  killWorker(shard: number): void {
    this.#shards.kill(shard)
  }

  /** Ends one of the threads that serve gRPC beside the main thread, as a fault would; they are counted from 0. */
  killGrpcThread(index: number): void {
    this.#grpcThreads[index]?.kill()
  }

  /**
   * Leaves the ring, tells health checks, waits at most `drainMs` for calls in flight, writes snapshots, then stops. May be repeated.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    await this.#registry?.close()
    this.#health.shutdown()
    const { drainMs = DRAIN_MS } = this.#options
    await Promise.all([this.#server, ...this.#grpcThreads].map((server) => server.shutdown(drainMs)))
    this.#attachments.close()
    this.#groups.close()
    await this.#groups.save()
    this.#peers.close()
    await this.#shards.close()
    this.#tls?.close()
    this.#log.info({ self: this.#self }, 'Node is closed')
  }

  #register(server: GrpcServer): HealthService {
    const node = this
    return registerServices(server, this.#groups, {
      get self() {
        return node.self
      },
      counters: () => this.stats(),
      members: () => this.members(),
      owners: (key) => this.owners(key),
      find: (name) => this.findGroup(name),
    })
  }

  #newServer(): GrpcServer {
    const credentials = this.#tls?.serverCredentials() ?? ServerCredentials.createInsecure()
    if (this.#options.grpcEngine === 'grpc-js') return new GrpcJsServer(this.#messageLimits, credentials)
    const options = {
      ...this.#messageLimits,
      credentials,
      onReadStart: () => this.#pin.enter(),
      onReadEnd: () => this.#pin.leave(),
      onFault: (error: unknown) => this.#log.error({ err: error }, 'Fault in the gRPC engine'),
    }
    const server = newHotServer(options, this.#groups)
    this.#tls?.watch((context) => server.setSecureContext(context))
    return server
  }

  async #startGrpcThreads(): Promise<void> {
    const { descriptor } = this.#server
    const { grpcThreads = 1, tls } = this.#options
    const newSpec = () => ({
      handle: this.#attachments.handle(),
      descriptor,
      limits: this.#messageLimits,
      tls,
    })
    // The main thread is the first of them.
    for (let i = 1; i < grpcThreads; i++) this.#grpcThreads.push(new GrpcThread({ newSpec, log: this.#log }))
    await Promise.all(this.#grpcThreads.map((thread) => thread.start()))
  }

  #newPeers(): Peers {
    return new Peers({
      self: this.#self,
      replicas: this.#options.replicas ?? REPLICAS,
      connect: (address) => new PeerClient(this.#newCaller(address)),
      onRing: (ring) => {
        this.#log.info({ members: ring.members }, 'Ring changed')
        this.#shards.setRing(ring)
        this.#attachments.setRing(ring)
      },
    })
  }

  #newCaller(address: string): UnaryCaller {
    const { receiveBytesMax, sendBytesMax } = this.#messageLimits
    const limits = { receiveBytesMax: sendBytesMax, sendBytesMax: receiveBytesMax }
    const tls = this.#tls
    if (this.#options.grpcEngine === 'grpc-js') {
      return new GrpcJsCaller(address, { ...limits, ...(tls && { credentials: tls.channelCredentials() }) })
    }
    return new GrpcClient(address, {
      ...limits,
      ...(tls && { scheme: 'https', connect: () => tls.connect(address) }),
      onFault: (error) => this.#log.error({ error, address }, 'Fault of the peer client'),
    })
  }

  async #newRegistry(): Promise<Registry> {
    const { etcd, peers, service = SERVICE } = this.#options
    if (!etcd) return new StaticRegistry(this.#self, peers)
    // Its client takes a tenth of a second to load, which a node without etcd need not wait for.
    const { EtcdRegistry } = await import('./cluster/etcd-registry.js')
    return new EtcdRegistry({ self: this.#self, service, log: this.#log, ...etcd })
  }

  #newSnapshots(): Snapshots | undefined {
    const { snapshotDir, snapshotTimeoutMs = SNAPSHOT_TIMEOUT_MS } = this.#options
    if (snapshotDir === undefined) return undefined
    return new Snapshots({
      directory: snapshotDir,
      self: this.#self,
      timeoutMs: snapshotTimeoutMs,
      log: this.#log,
    })
  }

  #assertOpen(): void {
    if (this.#closing) throw new CacheError('FAILED_PRECONDITION', 'The node is closed')
  }
}

function validate({
  self = SELF,
  etcd,
  peers,
  workers = 1,
  grpcEngine,
  grpcThreads = 1,
  keyBytesMax = 1,
  valueBytesMax = 0,
}: NodeOptions): void {
  const fail = (message: string): never => {
    throw new CacheError('INVALID_ARGUMENT', message)
  }
  parseAddress(self)
  for (const address of [...(peers ?? []), ...(etcd?.hosts ?? [])]) parseAddress(address)
  if (etcd && peers) fail('Membership comes from etcd or from peers, not from both')
  if (etcd && etcd.hosts.length === 0) fail('etcd.hosts is empty')
  if (!Number.isInteger(workers) || workers < 1 || workers > WORKER_COUNT_MAX) {
    fail(`workers is ${workers}, not a whole number from 1 to ${WORKER_COUNT_MAX}`)
  }
  if (!Number.isInteger(grpcThreads) || grpcThreads < 1 || grpcThreads > GRPC_THREAD_COUNT_MAX) {
    fail(`grpcThreads is ${grpcThreads}, not a whole number from 1 to ${GRPC_THREAD_COUNT_MAX}`)
  }
  if (grpcThreads > 1 && grpcEngine === 'grpc-js') fail('grpc-js serves on the main thread alone')
  if (!(keyBytesMax >= 1 && keyBytesMax <= KEY_BYTES_MAX)) {
    fail(`keyBytesMax is ${keyBytesMax}, not within 1 to ${KEY_BYTES_MAX}`)
  }
  if (!(valueBytesMax >= 0 && valueBytesMax <= VALUE_BYTES_MAX)) {
    fail(`valueBytesMax is ${valueBytesMax}, not within 0 to ${VALUE_BYTES_MAX}`)
  }
}
