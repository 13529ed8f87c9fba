import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Cancel } from '../shared/cancel.js'
import { type Clock, systemClock } from '../shared/clock.js'
import { Counter, GroupCounters } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import type { Getter } from '../shared/getter.js'
import { GroupReader, type ReaderThread } from '../shared/group-reader.js'
import { decodeKey } from '../shared/key.js'
import { STORE_BYTES_MAX, STORE_BYTES_MIN } from '../shared/limits.js'
import { LoadContext } from '../shared/load-context.js'
import { toLoaded } from '../shared/loaded.js'
import type { GetterSpec, GroupSpec, GroupView, Loaded } from '../shared/messages.js'
import { isPolicyName, POLICY_NAMES } from '../shared/policy-names.js'
import { AccessLog } from '../shared/store/access-log.js'
import { allocateStore } from '../shared/store/layout.js'
import { Group } from './group.js'
import { LocalGroup, type StoreOwner } from './local-group.js'
import type { GetterSource, GroupOptions } from './node-options.js'
import type { PeerPicker } from './peer.js'

const NAME_LENGTH_MAX = 255

const LOAD_TIMEOUT_MS = 30_000

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
  /** The thread that this object is used in. */
  readonly reader: ReaderThread
  readonly keyBytesMax: number
  readonly valueBytesMax: number
  /** Told of every group that comes, and of the number of every one that goes. */
  readonly onGroup: (view: GroupView) => void
  readonly onGroupGone: (id: number) => void
  readonly clock?: Clock
}

interface Entry {
  readonly group: Group
  readonly view: GroupView
  readonly counters: GroupCounters
  readonly shards: readonly Shard[]
  /** When the getter is a function of this thread. */
  readonly getter: Getter | undefined
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

  /** What other threads need to read the stores of each group. */
  views(): GroupView[] {
    return [...this.#byId.values()].map(({ view }) => view)
  }

  /**
   * Makes a group and gives every shard its part of it.
   *
   * @throws CacheError ALREADY_EXISTS; INVALID_ARGUMENT for a bad option or a getter module that cannot be loaded
   */
  async create(name: string, options: GroupOptions): Promise<Group> {
    if (this.#byName.has(name)) throw new CacheError('ALREADY_EXISTS', `There is a group "${name}" already`)
    validate(name, options)
    const id = this.#nextId++
    const { entry, specs } = this.#build(id, name, options)
    // Taken now: a second create() of that name must fail while this one is under way.
    this.#byName.set(name, id)
    this.#byId.set(id, entry)
    this.#parts.onGroup(entry.view)
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
    key: Uint8Array,
    { cancel, deadlineMs }: { cancel: Cancel; deadlineMs: number },
  ): Promise<Loaded> {
    const entry = this.#byId.get(id)
    if (!entry?.getter) throw new CacheError('FAILED_PRECONDITION', 'The group was removed')
    const result = await entry.getter(
      decodeKey(key),
      new LoadContext(entry.group.name, key, cancel, deadlineMs),
    )
    return toLoaded(result, this.#parts.valueBytesMax)
  }

  close(): void {
    for (const { group } of this.#byId.values()) group.close()
  }

  #build(id: number, name: string, options: GroupOptions): { entry: Entry; specs: GroupSpec[] } {
    const { self, peers, reader, keyBytesMax, valueBytesMax, clock = systemClock } = this.#parts
    const all = this.#parts.shards()
    const shardCount = Math.max(1, Math.min(all.length, Math.floor(options.maxBytes / STORE_BYTES_MIN)))
    const shards = all.slice(0, shardCount)
    const counters = new GroupCounters(shardCount)
    const view: GroupView = {
      id,
      name,
      keyBytesMax,
      stores: shards.map(() => ({
        memory: allocateStore(Math.min(options.maxBytes / shardCount, STORE_BYTES_MAX)),
        accessLog: AccessLog.allocate(),
      })),
      counters: counters.memory,
    }
    const specs = view.stores.map(
      ({ memory, accessLog }, shard): GroupSpec => ({
        id,
        name,
        getter: getterSpec(options.getter),
        policy: options.policy ?? 'lru',
        ttlMs: options.ttlMs ?? Number.POSITIVE_INFINITY,
        notFoundTtlMs: options.notFoundTtlMs ?? 0,
        loadTimeoutMs: options.loadTimeoutMs ?? LOAD_TIMEOUT_MS,
        valueBytesMax,
        store: memory,
        accessLog,
        counters: counters.memory,
        shardCount,
        shard,
      }),
    )
    const local = new LocalGroup({ id, self, reader: new GroupReader(view, reader), owners: shards })
    const group = new Group({ name, local, peers, keyBytesMax, clock })
    const getter = typeof options.getter === 'function' ? options.getter : undefined
    return { entry: { group, view, counters, shards, getter }, specs }
  }
}

function getterSpec(source: GetterSource): GetterSpec {
  if (typeof source === 'function') return { kind: 'function' }
  const { module, options } =
    typeof source === 'string' || source instanceof URL ? { module: source, options: undefined } : source
  return { kind: 'module', url: moduleUrl(module), options }
}

/** A path or URL of a module as a URL; the name of a package is left as it is. */
function moduleUrl(module: string | URL): string {
  if (module instanceof URL) return module.href
  return /^\.{0,2}\//.test(module) ? pathToFileURL(resolve(module)).href : module
}

function validate(name: string, options: GroupOptions): void {
  const fail = (message: string): never => {
    throw new CacheError('INVALID_ARGUMENT', `Group "${name}": ${message}`)
  }
  if (name.length === 0 || name.length > NAME_LENGTH_MAX)
    fail(`its name has 1 to ${NAME_LENGTH_MAX} characters`)
  const { maxBytes, policy, getter, ttlMs = 1, notFoundTtlMs = 0, loadTimeoutMs = 1 } = options
  if (!(maxBytes >= STORE_BYTES_MIN)) fail(`maxBytes is ${maxBytes}, it must be at least ${STORE_BYTES_MIN}`)
  if (policy !== undefined && !isPolicyName(policy)) {
    fail(`there is no policy "${policy}"; there are ${POLICY_NAMES.join(', ')}`)
  }
  if (!(ttlMs > 0)) fail(`ttlMs is ${ttlMs}, it must be over 0`)
  if (!(notFoundTtlMs >= 0)) fail(`notFoundTtlMs is ${notFoundTtlMs}, it must be 0 or more`)
  if (!(loadTimeoutMs > 0)) fail(`loadTimeoutMs is ${loadTimeoutMs}, it must be over 0`)
  if (getter === undefined || getter === null) fail('it has no getter')
  if (typeof getter === 'object' && 'options' in getter && !canCrossThreads(getter.options)) {
    fail('the options of its getter module cannot be handed to another thread')
  }
}

function canCrossThreads(value: unknown): boolean {
  try {
    structuredClone(value)
    return true
  } catch {
    return false
  }
}
