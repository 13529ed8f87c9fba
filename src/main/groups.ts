import type { Cancel } from '../shared/cancel.js'
import { type Clock, systemClock } from '../shared/clock.js'
import { Counter, GroupCounters } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import type { HashSeed } from '../shared/hash.js'
import { STORE_BYTES_MAX, STORE_BYTES_MIN } from '../shared/limits.js'
import type { Failure, GroupSpec, Loaded } from '../shared/messages.js'
import { type AnyGetter, runGetter } from '../shared/run-getter.js'
import { AccessLog } from '../shared/store/access-log.js'
import { allocateStore } from '../shared/store/layout.js'
import type { ReaderPin } from '../shared/store/reader-pin.js'
import { Group } from './group.js'
import { getterFunctionOf, groupSettings, validateGroup } from './group-settings.js'
import { LocalGroup, type StoreOwner } from './local-group.js'
import type { GroupOptions } from './node-options.js'
import type { PeerPicker } from './peer.js'

/** A shard, as groups need it. */
export interface Shard extends StoreOwner {
  attach(spec: GroupSpec): Promise<void>
  detach(group: number): Promise<void>
}

export interface GroupsParts {
  /** Address of this node; its port is known once it listens. */
  readonly self: () => string
  readonly peers: PeerPicker
  /** Known only when the worker threads run, which in turn call the getters of this object. */
  readonly shards: () => readonly Shard[]
  /** Pin and number of the thread that this object is used in. */
  readonly pin: ReaderPin
  readonly thread: number
  readonly seed: HashSeed
  readonly keyBytesMax: number
  readonly valueBytesMax: number
  readonly clock?: Clock
}

interface Entry {
  readonly group: Group
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
  #nextId = 1

  constructor(parts: GroupsParts) {
    this.#parts = parts
  }

  find(name: string): Group | undefined {
    return this.#byId.get(this.#byName.get(name) ?? 0)?.group
  }

  *[Symbol.iterator](): Iterator<Group> {
    for (const { group } of this.#byId.values()) yield group
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
    const { entry, specs } = this.#build(id, name, options)
    // Taken now: a second create() of that name must fail while this one is under way.
    this.#byName.set(name, id)
    this.#byId.set(id, entry)
    const attached = await Promise.allSettled(specs.map((spec, shard) => entry.shards[shard]!.attach(spec)))
    const failure = attached.find((result) => result.status === 'rejected')
    if (failure) {
      await this.remove(name)
      throw failure.reason
    }
    return entry.group
  }

  /** Removes a group and frees its memory. False when there is none of that name. */
  async remove(name: string): Promise<boolean> {
    const id = this.#byName.get(name)
    if (id === undefined) return false
    const entry = this.#byId.get(id)
    this.#byName.delete(name)
    this.#byId.delete(id)
    entry?.group.close()
    await Promise.allSettled(entry?.shards.map((shard) => shard.detach(id)) ?? [])
    return true
  }

  /** Counts the replacement of a shard's thread in all groups that it serves. */
  countRestart(shard: number): void {
    for (const { counters, shards } of this.#byId.values()) {
      if (shard < shards.length) counters.row(this.#parts.thread, shard).add(Counter.shard_restarts)
    }
  }

  /** Runs a getter function for a worker. */
  async run(
    id: number,
    keys: readonly Uint8Array[],
    { cancel, deadlineMs }: { cancel: Cancel; deadlineMs: number },
  ): Promise<(Loaded | Failure)[]> {
    const entry = this.#byId.get(id)
    if (!entry?.getter) throw new CacheError('FAILED_PRECONDITION', 'The group was removed')
    const { valueBytesMax } = this.#parts
    return runGetter(entry.getter, { group: entry.group.name, keys, cancel, deadlineMs, valueBytesMax })
  }

  close(): void {
    for (const { group } of this.#byId.values()) group.close()
  }

  #build(id: number, name: string, options: GroupOptions): { entry: Entry; specs: GroupSpec[] } {
    const { self, peers, pin, thread, seed, keyBytesMax, valueBytesMax, clock = systemClock } = this.#parts
    const all = this.#parts.shards()
    const shardCount = Math.max(1, Math.min(all.length, Math.floor(options.maxBytes / STORE_BYTES_MIN)))
    const shards = all.slice(0, shardCount)
    const counters = new GroupCounters(shardCount)
    const stores = shards.map((owner) => ({
      owner,
      memory: allocateStore(Math.min(options.maxBytes / shardCount, STORE_BYTES_MAX)),
      accessLog: new AccessLog(),
    }))
    const specs = stores.map(
      ({ memory, accessLog }, shard): GroupSpec => ({
        id,
        name,
        ...groupSettings(options, { shard, shardCount }),
        valueBytesMax,
        store: memory,
        accessLog: accessLog.memory,
        counters: counters.memory,
        shardCount,
        shard,
      }),
    )
    const staleMs = Math.max(options.staleWhileRevalidateMs ?? 0, options.staleIfErrorMs ?? 0)
    const local = new LocalGroup({ id, self, stores, counters, pin, seed, thread, staleMs })
    const group = new Group({ name, local, peers, keyBytesMax, clock })
    return { entry: { group, counters, shards, getter: getterFunctionOf(options.getter) }, specs }
  }
}
