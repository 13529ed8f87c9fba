import { unreachable } from '../shared/assert.js'
import { Cancel } from '../shared/cancel.js'
import { CacheError } from '../shared/errors.js'
import type {
  Failure,
  GroupSpec,
  Loaded,
  RingView,
  ShardReply,
  ShardRequest,
  ShardSpec,
} from '../shared/messages.js'
import { Ring } from '../shared/ring.js'
import { TransientMap } from '../shared/transient-map.js'
import { type Callback, createLoader, type LoadLimits } from './loader.js'
import { operate } from './operate.js'
import { ShardGroup } from './shard-group.js'
import type { ToldKeys } from './told-keys.js'

/** Membership changes that a sweep takes into account at a time; past that, the oldest is left out. */
const RINGS_MAX = 16

/** What became of one key. */
type Outcome = Loaded | Failure

/** Number of a reply that nobody waits for. */
const NO_REQUEST = 0

/**
 * A shard: this thread's part of every group. Takes requests, sends replies, and is the only thread that writes to its
 * stores.
 */
export class Shard implements Callback {
  readonly #spec: ShardSpec
  readonly #reply: (reply: ShardReply) => void
  /** Groups by number; a promise while, and after, their getter module was loaded. */
  readonly #groups = new Map<number, Promise<ShardGroup>>()
  readonly #ready = new Map<number, ShardGroup>()
  /** Groups whose getter module could not be loaded: the next call tries again. */
  readonly #failed = new Map<number, GroupSpec>()
  readonly #loads = new TransientMap<number, Cancel>()
  /** Those with something to tell in this turn of the event loop. */
  #telling: ToldKeys[] = []
  readonly #calls = new TransientMap<
    number,
    { resolve(outcomes: readonly Outcome[]): void; reject(error: unknown): void }
  >()
  #nextCall = 1
  /** Whether this node owns a key, by every ring since the last full sweep: an entry stays if all of them say yes. */
  readonly #rings: ((key: Uint8Array) => boolean)[] = []
  #owns: ((key: Uint8Array) => boolean) | undefined
  #sweepGroups: ShardGroup[] = []
  #sweepFrom = 1

  constructor(spec: ShardSpec, reply: (reply: ShardReply) => void) {
    this.#spec = spec
    this.#reply = reply
  }

  handle(request: ShardRequest): void {
    switch (request.kind) {
      case 'load':
        void this.#load(request)
        break
      case 'cancel':
        this.#loads.get(request.id)?.abort()
        break
      case 'remove':
        void this.#withGroup(request, (group) => group.remove(request.key, request.hash))
        break
      case 'keep':
        this.#ready.get(request.group)?.keepCopy(request.key, request.hash, request)
        break
      case 'clear':
        void this.#withGroup(request, (group) => group.clear())
        break
      case 'operate':
        void this.#operate(request)
        break
      case 'policy':
        void this.#withGroup(request, (group) => group.setPolicy(request.policy))
        break
      case 'watch':
        void this.#withGroup(request, ({ told }) => this.#watch(told, request.isWatched))
        break
      case 'attach':
        void this.#attach(request.id, request.spec)
        break
      case 'detach':
        this.#groups.delete(request.group)
        this.#ready.delete(request.group)
        this.#failed.delete(request.group)
        this.#reply({ kind: 'done', id: request.id })
        break
      case 'called':
        this.#called(request)
        break
      case 'ring':
        this.#startSweep(request.ring)
        break
      default:
        unreachable(request)
    }
  }

  /** Housekeeping of all groups; called many times a second. */
  maintain(): void {
    for (const group of this.#ready.values()) group.maintain()
    this.#sweep()
  }

  /** The replies so far are about to be sent. */
  endTurn(): void {
    for (const told of this.#telling) told.seal()
    this.#telling = []
  }

  /** Runs a getter function in the thread that has it. */
  call(
    group: number,
    keys: readonly Uint8Array[],
    { cancel, over, deadlineMs, traces }: LoadLimits,
  ): Promise<readonly Outcome[]> {
    const call = this.#nextCall++
    return new Promise<readonly Outcome[]>((resolve, reject) => {
      this.#calls.set(call, { resolve, reject })
      cancel.addEventListener('abort', () => {
        if (this.#calls.has(call)) this.#reply({ kind: 'uncall', call })
      })
      over.addEventListener('abort', () => this.#calls.delete(call))
      this.#reply({ kind: 'call', call, group, keys, deadlineMs, ...(traces && { traces }) })
    })
  }

  #watch(told: ToldKeys, isWatched: boolean): void {
    if (!isWatched) {
      told.watch(undefined)
      return
    }
    told.watch((reply) => {
      this.#telling.push(told)
      this.#reply(reply)
    })
  }

  async #load(request: Extract<ShardRequest, { kind: 'load' }>): Promise<void> {
    const { id } = request
    const cancel = new Cancel()
    this.#loads.set(id, cancel)
    try {
      const group = this.#ready.get(request.group) ?? (await this.#find(request.group))
      const { value, outcome, ttlLeftMs } = await group.get(request, cancel)
      this.#reply({ kind: 'value', id, value, outcome, ttlLeftMs })
    } catch (thrown) {
      this.#fail(id, thrown)
    } finally {
      this.#loads.delete(id)
    }
  }

  async #withGroup(request: { id: number; group: number }, act: (group: ShardGroup) => void): Promise<void> {
    try {
      act(this.#ready.get(request.group) ?? (await this.#find(request.group)))
      this.#reply({ kind: 'done', id: request.id })
    } catch (thrown) {
      this.#fail(request.id, thrown)
    }
  }

  async #operate({ id, group, operation }: Extract<ShardRequest, { kind: 'operate' }>): Promise<void> {
    try {
      const found = this.#ready.get(group) ?? (await this.#find(group))
      const result = await operate(found, operation, (key) => this.#owns?.(key) ?? true)
      this.#reply({ kind: 'operated', id, result })
    } catch (thrown) {
      this.#fail(id, thrown)
    }
  }

  async #find(group: number): Promise<ShardGroup> {
    const failed = this.#failed.get(group)
    if (failed) void this.#attach(NO_REQUEST, failed)
    const found = this.#groups.get(group)
    if (!found) throw new CacheError('FAILED_PRECONDITION', 'The group was removed')
    try {
      return await found
    } catch (thrown) {
      const { message } = CacheError.from(thrown)
      throw new CacheError('UNAVAILABLE', message, { cause: thrown })
    }
  }

  async #attach(id: number, spec: GroupSpec): Promise<void> {
    const attached = createLoader(spec, this).then((loader) => new ShardGroup(spec, this.#spec, loader))
    this.#groups.set(spec.id, attached)
    this.#failed.delete(spec.id)
    try {
      const group = await attached
      if (this.#groups.has(spec.id)) this.#open(spec.id, group)
      this.#reply({ kind: 'done', id })
    } catch (thrown) {
      if (this.#groups.has(spec.id)) this.#failed.set(spec.id, spec)
      this.#fail(id, thrown)
    }
  }

  #open(id: number, group: ShardGroup): void {
    this.#ready.set(id, group)
    if (!this.#owns) return
    // It may hold entries of the thread before this one, which did not live to see the latest ring.
    if (this.#rings.length === 0) this.#rings.push(this.#owns)
    this.#sweepGroups.push(group)
  }

  #called({ call, outcome }: Extract<ShardRequest, { kind: 'called' }>): void {
    const waiting = this.#calls.get(call)
    // An answer may come after its load was given up.
    if (!waiting) return
    this.#calls.delete(call)
    if ('code' in outcome) waiting.reject(new CacheError(outcome.code, outcome.message))
    else waiting.resolve(outcome)
  }

  #fail(id: number, thrown: unknown): void {
    const { code, message } = CacheError.from(thrown)
    this.#reply({ kind: 'failed', id, failure: { code, message } })
  }

  /**
   * Entries of keys that now belong to other nodes go: a delete of theirs would not reach this node, and if the keys
   * came back to it later, it would serve what was deleted meanwhile.
   */
  #startSweep({ self, members, replicas }: RingView): void {
    const ring = new Ring(members, { replicas })
    if (this.#rings.length === RINGS_MAX) this.#rings.shift()
    const owns = (key: Uint8Array): boolean => ring.owner(key) === self
    this.#owns = owns
    this.#rings.push(owns)
    this.#sweepGroups = [...this.#ready.values()]
    this.#sweepFrom = 1
  }

  #sweep(): void {
    const group = this.#sweepGroups[0]
    if (!group) return
    this.#sweepFrom = group.sweep(this.#sweepFrom, (key) => this.#rings.every((owns) => owns(key)))
    if (this.#sweepFrom !== 0) return
    this.#sweepGroups.shift()
    this.#sweepFrom = 1
    if (this.#sweepGroups.length === 0) this.#rings.length = 0
  }
}
