import { randomInt } from 'node:crypto'
import type { MessagePort } from 'node:worker_threads'
import { systemClock } from '../shared/clock.js'
import { CacheError } from '../shared/errors.js'
import { EventLoopMeter } from '../shared/event-loop-meter.js'
import type { HashSeed } from '../shared/hash.js'
import { encodeKey, type Key } from '../shared/key.js'
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from '../shared/limits.js'
import { NodeCounters } from '../shared/node-counters.js'
import { Epochs } from '../shared/store/epoch.js'
import { ReaderPin } from '../shared/store/reader-pin.js'
import { checkNodeOptions } from './check-node-options.js'
import { PeerCalls } from './cluster/peer-calls.js'
import { Peers } from './cluster/peers.js'
import type { Registry, RegistryStatus } from './cluster/registry.js'
import { StaticRegistry } from './cluster/static-registry.js'
import type { Front } from './front.js'
import { newFronts } from './fronts.js'
import type { Group } from './group.js'
import { Groups } from './groups.js'
import { GrpcFront } from './grpc-front.js'
import { tellGauges } from './node-gauges.js'
import { NodeInvalidations } from './node-invalidations.js'
import type { GroupOptions, Log, NodeOptions } from './node-options.js'
import type { CounterSample, NodeView, PeerSample, RingMember } from './node-view.js'
import { PeerClient } from './service/peer-client.js'
import { FETCH_MANY_BYTES_MAX } from './service/peer-codec.js'
import { Snapshots } from './snapshots.js'
import { Attachments } from './threads/attachments.js'
import { TlsFiles } from './tls-files.js'
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
  readonly #counters = new NodeCounters()
  readonly #metrics = this.#counters.row(MAIN_THREAD, 'main')
  readonly #meter = new EventLoopMeter(this.#metrics)
  readonly #peerCalls = new PeerCalls()
  readonly #groups: Groups
  readonly #shards: ShardPool
  readonly #attachments: Attachments
  readonly #invalidations: NodeInvalidations
  readonly #grpc: GrpcFront
  readonly #fronts: readonly Front[]
  readonly #tls: TlsFiles | undefined
  #self: string
  #peers: Peers
  #registry: Registry | undefined
  #snapshots: Snapshots | undefined
  #closing: Promise<void> | undefined

  /** Use {@link startNode}. */
  constructor(options: NodeOptions) {
    checkNodeOptions(options)
    this.#options = options
    this.#log = options.log ?? SILENT
    this.#self = options.self ?? SELF
    this.#tls = options.tls && new TlsFiles(options.tls, this.#log)
    const { keyBytesMax = KEY_BYTES_MAX, valueBytesMax = VALUE_BYTES_MAX } = options
    this.#epochs.admit(MAIN_THREAD)
    this.#peers = this.#newPeers()
    this.#invalidations = this.#newInvalidations()
    this.#groups = new Groups({
      self: () => this.#self,
      peers: {
        owns: (bytes, start, end) => this.#peers.owns(bytes, start, end),
        pick: (key, countMax) => this.#peers.pick(key, countMax),
      },
      invalidations: this.#invalidations.hub,
      shards: () => this.#shards.clients,
      reader: { pin: this.#pin, thread: MAIN_THREAD, seed: this.#seed },
      keyBytesMax,
      valueBytesMax,
      metrics: this.#metrics.front('embed'),
      snapshots: () => this.#snapshots,
      onGroup: (view) => {
        this.#attachments.addGroup(view)
        this.#invalidations.addGroup(view.id, view.name, view.stores.length)
      },
      onGroupGone: (id) => {
        this.#attachments.removeGroup(id)
        this.#invalidations.hub.removeGroup(id)
      },
      onGroupMoved: (view) => this.#attachments.moveGroup(view),
    })
    this.#shards = this.#newShards()
    this.#attachments = new Attachments({
      epochs: this.#epochs,
      seed: this.#seed,
      counters: this.#counters,
      node: this,
      told: this.#invalidations,
      groups: () => this.#groups.views(),
      ring: () => this.#peers.view,
    })
    const parts = {
      options,
      groups: this.#groups,
      node: this.#view(),
      invalidations: this.#invalidations.hub,
      polled: this.#invalidations,
      pin: this.#pin,
      metrics: this.#metrics,
      tls: this.#tls,
      log: this.#log,
      newHandle: () => this.#attachments.handle(),
    }
    const limits = {
      receiveBytesMax: REQUEST_BYTES_MAX,
      sendBytesMax: Math.max(valueBytesMax, FETCH_MANY_BYTES_MAX) + MESSAGE_MARGIN_BYTES,
    }
    this.#grpc = new GrpcFront({ ...parts, limits })
    this.#fronts = newFronts(parts)
  }

  /** HOST:PORT of this node: what it listens on and is registered under. */
  get self(): string {
    return this.#self
  }

  /** HOST:PORT of every front beside gRPC, by its name. */
  get addresses(): Readonly<Record<string, string>> {
    return Object.fromEntries(this.#fronts.map(({ name, address }) => [name, address]))
  }

  /** Called once, by startNode(). */
  async start(): Promise<void> {
    const port = await this.#grpc.listen(this.#self)
    this.#self = this.#self.replace(/\d+$/, String(port))
    this.#snapshots = this.#newSnapshots()
    await this.#snapshots?.prepare()
    for (const [name, group] of Object.entries(this.#options.groups ?? {})) await this.group(name, group)
    this.#peers = this.#newPeers()
    await this.#grpc.startThreads()
    for (const front of this.#fronts) await front.start()
    this.#registry = await this.#newRegistry()
    await this.#registry.start((members) => this.#peers.setMembers(members))
    for (const front of this.#fronts) front.setReady?.(true)
    this.#log.info({ self: this.#self, ...this.addresses, shards: this.#shards.clients.length }, 'Node is up')
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

  /** All counters of all groups, and those of the node as a whole. Reads shared memory, sends no message. */
  stats(): CounterSample[] {
    const ofGroups = [...this.#groups].flatMap((group) =>
      group.stats().map((sample) => ({ group: group.name, ...sample })),
    )
    tellGauges(this.#metrics, this.#peers.ring.members.length, this.registryStatus())
    const ofNode = [...this.#counters.samples(), ...this.#peerCalls.samples()]
    return [...ofNode.map((sample) => ({ group: '', shard: 0, ...sample })), ...ofGroups]
  }

  /** The members of the ring and their shares of the key space. */
  members(): RingMember[] {
    const { ring } = this.#peers
    const shares = ring.shares()
    return ring.members.map((address) => ({
      address,
      share: shares.get(address) ?? 0,
      self: address === this.#self,
    }))
  }

  /** The other members of the ring, and how this node's calls to them went. */
  peers(): PeerSample[] {
    return this.#peerCalls.peers()
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
    this.#grpc.killThread(index)
  }

  /**
   * Leaves the ring, tells health checks, waits at most `drainMs` for calls in flight, writes snapshots, then stops. May be repeated.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (const front of this.#fronts) front.setReady?.(false)
    await this.#registry?.close()
    this.#invalidations.close()
    const { drainMs = DRAIN_MS } = this.#options
    await Promise.all([this.#grpc, ...this.#fronts].map((front) => front.shutdown(drainMs)))
    this.#attachments.close()
    this.#groups.close()
    await this.#groups.save()
    this.#peers.close()
    await this.#shards.close()
    this.#tls?.close()
    this.#meter.close()
    this.#log.info({ self: this.#self }, 'Node is closed')
  }

  #view(): NodeView {
    const node = this
    return {
      get self() {
        return node.self
      },
      counters: () => this.stats(),
      members: () => this.members(),
      peers: () => this.peers(),
      owners: (key) => this.owners(key),
      find: (name) => this.findGroup(name),
    }
  }

  #newShards(): ShardPool {
    return new ShardPool({
      shardCount: this.#options.workers ?? defaultShardCount(),
      epochs: this.#epochs,
      seed: this.#seed,
      counters: this.#counters,
      stallMs: this.#options.workerStallMs ?? WORKER_STALL_MS,
      getters: this.#groups,
      log: this.#log,
      onTold: (group, keys) => this.#invalidations.hub.tellOfShard(group, keys),
      onDeath: (shard) => {
        this.#metrics.add('thread_restarts', ['worker'])
        this.#groups.countRestart(shard)
        this.#invalidations.hub.onDeath(shard)
      },
    })
  }

  #newInvalidations(): NodeInvalidations {
    return new NodeInvalidations({
      self: () => this.#self,
      ownerOf: (key) => this.#peers.ring.owner(key),
      group: (name) => this.#groups.find(name),
      shards: () => this.#shards.clients,
      log: this.#log,
    })
  }

  #newPeers(): Peers {
    return new Peers({
      self: this.#self,
      replicas: this.#options.replicas ?? REPLICAS,
      connect: (address) => new PeerClient(this.#peerCalls.counted(this.#grpc.newCaller(address))),
      onRing: (ring) => {
        this.#log.info({ members: ring.members }, 'Ring changed')
        this.#metrics.add('ring_changes')
        this.#shards.setRing(ring)
        this.#attachments.setRing(ring)
        this.#invalidations.setPeers(this.#peers.connections)
      },
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
