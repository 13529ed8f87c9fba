import type { Cancel } from '../shared/cancel.js'
import { type Clock, systemClock } from '../shared/clock.js'
import { CopyFence } from '../shared/copy-fence.js'
import { Counter, GroupCounters } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import type { FrontMetrics } from '../shared/front-metrics.js'
import { GroupReader, type ReaderThread } from '../shared/group-reader.js'
import { STORE_BYTES_MAX, STORE_BYTES_MIN } from '../shared/limits.js'
import type { Failure, GroupSpec, GroupView, Loaded, StoreMemory } from '../shared/messages.js'
import { type AnyGetter, runGetter } from '../shared/run-getter.js'
import { AccessLog } from '../shared/store/access-log.js'
import { allocateStore } from '../shared/store/layout.js'
import type { TraceParent } from '../shared/tracing.js'
import { Group } from './group.js'
import { GroupOperations, type OperatedShard } from './group-operations.js'
import { getterFunctionOf, groupSettings, hotCopiesOptions, validateGroup } from './group-settings.js'
import { HotCopies, type HotCopiesParts } from './hot-copies.js'
import type { InvalidationTeller } from './invalidations.js'
import { LocalGroup, type StoreOwner } from './local-group.js'
import type { GroupOptions } from './node-options.js'
import type { PeerPicker } from './peer.js'
import { PeerRoute } from './peer-route.js'
import type { Snapshots } from './snapshots.js'

/** A shard, as groups need it. */
export interface Shard extends StoreOwner, OperatedShard {
  attach(spec: GroupSpec): Promise<void>
  detach(group: number): Promise<void>
}

export interface GroupsParts {
  /** Address of this node; its port is known once it listens. */
  readonly self: () => string
  readonly peers: PeerPicker
  readonly invalidations: InvalidationTeller
  /** Known only when the worker threads run, which in turn call the getters of this object. */
  readonly shards: () => readonly Shard[]
  /** The thread that this object is used in. */
  readonly reader: ReaderThread
  readonly keyBytesMax: number
  readonly valueBytesMax: number
  /** Of the calls of the embedding process. */
  readonly metrics: FrontMetrics
  /** Absent when nothing is kept over a restart. */
  readonly snapshots?: () => Snapshots | undefined
  /** Told of every group that comes, and of the number of every one that goes. */
  readonly onGroup: (view: GroupView) => void
  readonly onGroupGone: (id: number) => void
  /** Told that a group has other memory. Resolves when no thread but this one reads the memory that it had. */
  readonly onGroupMoved: (view: GroupView) => Promise<void>
  readonly clock?: Clock
}

interface Entry {
  readonly group: Group
  readonly operations: GroupOperations
  view: GroupView
  readonly counters: GroupCounters
  readonly shards: readonly Shard[]
  /** When the getter is a function of this thread. */
  readonly getter: AnyGetter | undefined
}

/** All groups of a node: makes them, finds them, removes them, and runs those getters that are functions. */
export class Groups {
  readonly #parts: GroupsParts
  readonly #byName = new Map<string, number>()
  readonly #byId = new Map<number, Entry>()
  /** Groups that are not ready to be used. */
  readonly #opening = new Set<number>()
  #nextId = 1

  constructor(parts: GroupsParts) {
    this.#parts = parts
  }

  find(name: string): Group | undefined {
    const id = this.#byName.get(name)
    return id === undefined || this.#opening.has(id) ? undefined : this.#byId.get(id)?.group
  }

  *[Symbol.iterator](): Iterator<Group> {
    for (const { group } of this.#byId.values()) yield group
  }

  /** What other threads need to read the stores of each group. */
  views(): GroupView[] {
    return [...this.#byId].flatMap(([id, { view }]) => (this.#opening.has(id) ? [] : [view]))
  }

  /**
   * Makes a group and gives every shard its part of it.
   *
   * @throws CacheError ALREADY_EXISTS; INVALID_ARGUMENT for a bad option or a getter module that cannot be loaded
   */
  async create(name: string, options: GroupOptions): Promise<Group> {
    if (this.#byName.has(name)) throw new CacheError('ALREADY_EXISTS', `There is a group "${name}" already`)
    validateGroup(name, options)
    const id = this.#nextId++
    // Taken now: a second create() of that name must fail while this one is under way.
    this.#byName.set(name, id)
    this.#opening.add(id)
    try {
      const { entry, specs } = this.#build(id, name, options)
      this.#byId.set(id, entry)
      const attached = await Promise.allSettled(specs.map((spec, shard) => entry.shards[shard]!.attach(spec)))
      const failure = attached.find((result) => result.status === 'rejected')
      if (failure) throw failure.reason
      await this.#parts.snapshots?.()?.restore(name, entry.operations)
      if (this.#byId.has(id)) this.#parts.onGroup(entry.view)
      return entry.group
    } catch (thrown) {
      if (this.#byName.get(name) === id) await this.remove(name)
      throw thrown
    } finally {
      this.#opening.delete(id)
    }
  }

  /** Removes a group and frees its memory. False when there is none of that name. */
  async remove(name: string): Promise<boolean> {
    const id = this.#byName.get(name)
    if (id === undefined) return false
    const entry = this.#byId.get(id)
    this.#byName.delete(name)
    this.#byId.delete(id)
    entry?.group.close()
    this.#parts.onGroupGone(id)
    await Promise.allSettled(entry?.shards.map((shard) => shard.detach(id)) ?? [])
    return true
  }

  /** Counts the replacement of a shard's thread in all groups that it serves. */
  countRestart(shard: number): void {
    for (const { counters, shards } of this.#byId.values()) {
      if (shard < shards.length) counters.row(this.#parts.reader.thread, shard).add(Counter.shard_restarts)
    }
  }

  /** Runs a getter function for a worker. */
  async run(
    id: number,
    keys: readonly Uint8Array[],
    { cancel, deadlineMs, traces }: { cancel: Cancel; deadlineMs: number; traces: readonly TraceParent[] },
  ): Promise<(Loaded | Failure)[]> {
    const entry = this.#byId.get(id)
    if (!entry?.getter) throw new CacheError('FAILED_PRECONDITION', 'The group was removed')
    const { valueBytesMax } = this.#parts
    return runGetter(entry.getter, {
      group: entry.group.name,
      keys,
      cancel,
      deadlineMs,
      valueBytesMax,
      traces,
    })
  }

  close(): void {
    for (const { group } of this.#byId.values()) group.close()
  }

  /** Writes what the groups hold, after close(). */
  async save(): Promise<void> {
    const snapshots = this.#parts.snapshots?.()
    if (!snapshots) return
    const ready = [...this.#byId].filter(([id]) => !this.#opening.has(id))
    await Promise.all(ready.map(([, { group, operations }]) => snapshots.save(group.name, operations)))
  }

  #build(id: number, name: string, options: GroupOptions): { entry: Entry; specs: GroupSpec[] } {
    const { keyBytesMax, valueBytesMax } = this.#parts
    const all = this.#parts.shards()
    const shardCount = Math.max(1, Math.min(all.length, Math.floor(options.maxBytes / STORE_BYTES_MIN)))
    const shards = all.slice(0, shardCount)
    const counters = new GroupCounters(shardCount)
    const fence = new CopyFence()
    const view: GroupView = {
      id,
      name,
      keyBytesMax,
      staleMs: Math.max(options.staleWhileRevalidateMs ?? 0, options.staleIfErrorMs ?? 0),
      stores: shards.map(() => ({
        store: allocateStore(Math.min(options.maxBytes / shardCount, STORE_BYTES_MAX)),
        accessLog: AccessLog.allocate(),
      })),
      counters: counters.memory,
      copyFence: fence.memory,
    }
    const specs = view.stores.map(
      (memory, shard): GroupSpec => ({
        id,
        name,
        ...groupSettings(options, { shard, shardCount }),
        valueBytesMax,
        ...memory,
        counters: counters.memory,
        shardCount,
        shard,
      }),
    )
    return { entry: this.#entryOf(view, options, { fence, counters, shards }), specs }
  }

  #entryOf(
    view: GroupView,
    options: GroupOptions,
    { fence, counters, shards }: Pick<Entry, 'counters' | 'shards'> & { fence: CopyFence },
  ): Entry {
    const { self, peers, invalidations, keyBytesMax, metrics, clock = systemClock } = this.#parts
    const { id, name } = view
    const { seed } = this.#parts.reader
    const reader = new GroupReader(view, this.#parts.reader)
    const operations = new GroupOperations({
      id,
      shards,
      seed,
      switchReaders: (stores) => {
        reader.move(stores)
        return this.#tellMoved(id, stores)
      },
    })
    const local = new LocalGroup({ id, self, reader, owners: shards })
    const keep: HotCopiesParts['keep'] = (copy) => local.keepCopy(copy)
    const memory = hotCopiesOptions(options)
    const copies = new HotCopies({ name, ...memory, reader, fence, invalidations, clock, keep })
    const route = new PeerRoute({ name, local, peers, invalidations, copies, clock })
    const group = new Group({
      name,
      self,
      local,
      operations,
      peers,
      route,
      invalidations,
      keyBytesMax,
      metrics,
    })
    return { group, operations, view, counters, shards, getter: getterFunctionOf(options.getter) }
  }

  async #tellMoved(id: number, stores: readonly StoreMemory[]): Promise<void> {
    const entry = this.#byId.get(id)
    if (!entry) return
    entry.view = { ...entry.view, stores }
    await this.#parts.onGroupMoved(entry.view)
  }
}
