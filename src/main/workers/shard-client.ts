import { Cancel, type CancelSignal } from '../../shared/cancel.js'
import { CacheError } from '../../shared/errors.js'
import { unpackKeys } from '../../shared/key-pack.js'
import type {
  Failure,
  GroupSpec,
  Loaded,
  RingView,
  ShardReply,
  ShardRequest,
  StoreMemory,
} from '../../shared/messages.js'
import type { Operation, OperationOf, OperationResults } from '../../shared/operation.js'
import type { PolicyName } from '../../shared/policy-names.js'
import type { TraceParent } from '../../shared/tracing.js'
import { TransientMap } from '../../shared/transient-map.js'
import type { ShardThread } from './shard-thread.js'

/** Calls to one shard that may be under way; more are refused. */
const PENDING_MAX = 200_000

type Operated = Extract<ShardReply, { kind: 'operated' }>
type Load = Extract<ShardRequest, { kind: 'load' }>
type Value = Extract<ShardReply, { kind: 'value' }>
type Request = Extract<ShardRequest, { id: number }>

/** Runs the getter functions of the main thread for a worker. */
export interface GetterRunner {
  /** Resolves with an outcome for each key, in order; rejects when all of them failed. */
  run(
    group: number,
    keys: readonly Uint8Array[],
    context: { cancel: Cancel; deadlineMs: number; traces: readonly TraceParent[] },
  ): Promise<(Loaded | Failure)[]>
}

/** Hears of keys of a group whose value is in a shard's memory no more. */
export type ToldListener = (group: number, keys: readonly Uint8Array[] | 'all') => void

interface Pending {
  resolve(reply: ShardReply): void
  reject(error: CacheError): void
}

/**
 * One shard, seen from the main thread: requests out, answers in, matched by number. All requests of one turn of the
 * event loop go in one message. When the thread dies, what it had not answered rejects with UNAVAILABLE, which is safe
 * to retry, and its successor is told of all groups before anything else.
 */
export class ShardClient {
  readonly #getters: GetterRunner
  readonly #onTold: ToldListener
  readonly #groups = new Map<number, GroupSpec>()
  readonly #pending = new TransientMap<number, Pending>()
  readonly #calls = new TransientMap<number, Cancel>()
  #thread: Pick<ShardThread, 'send'> | undefined
  /** Of this turn, in order. */
  #requests = new Set<ShardRequest>()
  #isUp = false
  #nextId = 1
  #ring: RingView | undefined
  #closedBy: CacheError | undefined
  #life = 0

  constructor(getters: GetterRunner, onTold: ToldListener) {
    this.#getters = getters
    this.#onTold = onTold
  }

  /** Gives the client the thread that it talks to. Before anything else. */
  connect(thread: Pick<ShardThread, 'send'>): void {
    this.#thread = thread
  }

  /** Makes the shard the owner of a part of a group. Rejects when the getter module cannot be loaded. */
  async attach(spec: GroupSpec): Promise<void> {
    this.#groups.set(spec.id, spec)
    try {
      await this.#call({ kind: 'attach', id: this.#nextId++, spec })
    } catch (thrown) {
      this.#groups.delete(spec.id)
      throw thrown
    }
  }

  /**
   * Whether the shard is to tell of keys of the group. It does so from when this has resolved, or earlier, until its
   * thread dies.
   */
  async watch(group: number, isWatched: boolean): Promise<void> {
    await this.#call({ kind: 'watch', id: this.#nextId++, group, isWatched })
  }

  async detach(group: number): Promise<void> {
    this.#groups.delete(group)
    await this.#call({ kind: 'detach', id: this.#nextId++, group })
  }

  /**
   * Loads a key, or joins the load that is under way. Aborting the signal gives up this call, not the load of others: in
   * the turn in which it was made, the shard never hears of it.
   */
  load(
    { group, key, hash, deadlineMs, ttlMsMax, trace }: Omit<Load, 'kind' | 'id'>,
    signal: CancelSignal,
  ): Promise<Value> {
    const id = this.#nextId++
    const load: Load = { kind: 'load', id, group, key, hash, deadlineMs, ttlMsMax, trace }
    signal.addEventListener('abort', () => {
      if (!this.#withdraw(load) && this.#pending.has(id)) this.#push({ kind: 'cancel', id })
    })
    return this.#call(load) as Promise<Value>
  }

  /** Keeps a copy of a value that another node owns, if there is a thread to do so. */
  keep(copy: Omit<Extract<ShardRequest, { kind: 'keep' }>, 'kind'>): void {
    if (this.#isUp) this.#push({ kind: 'keep', ...copy })
  }

  async remove(group: number, key: Uint8Array, hash: number): Promise<void> {
    await this.#call({ kind: 'remove', id: this.#nextId++, group, key, hash })
  }

  async clear(group: number): Promise<void> {
    await this.#call({ kind: 'clear', id: this.#nextId++, group })
  }

  /** Gives the shard's part of a group another policy; a new thread will have it from the start. */
  async setPolicy(group: number, policy: PolicyName): Promise<void> {
    const spec = this.#groups.get(group)
    if (spec) this.#groups.set(group, { ...spec, policy })
    await this.#call({ kind: 'policy', id: this.#nextId++, group, policy })
  }

  /** Changes when the thread dies: what its owner alone knew is gone. */
  get life(): number {
    return this.#life
  }

  /** Has the owner do something to its part of a group. */
  async operate<Kind extends Operation['kind']>(
    group: number,
    operation: OperationOf<Kind>,
  ): Promise<OperationResults[Kind]> {
    const reply = await this.#call({ kind: 'operate', id: this.#nextId++, group, operation })
    return (reply as Operated).result as OperationResults[Kind]
  }

  /** The memory of a group that the next thread is told of. */
  moveTo(group: number, { store, accessLog }: StoreMemory): void {
    const spec = this.#groups.get(group)
    if (spec) this.#groups.set(group, { ...spec, store, accessLog })
  }

  /** Tells the shard who owns what, so that it lets go of entries that are no longer this node's. */
  setRing(ring: RingView): void {
    this.#ring = ring
    if (this.#isUp) this.#push({ kind: 'ring', ring })
  }

  /** A new thread: it knows no group. The attachments go first, ahead of what waits. */
  onStart(): void {
    const waiting = this.#requests
    const announced = new Set(
      [...waiting].map((request) => (request.kind === 'attach' ? request.spec.id : undefined)),
    )
    this.#requests = new Set()
    this.#isUp = true
    for (const spec of this.#groups.values()) {
      if (!announced.has(spec.id)) this.#push({ kind: 'attach', id: this.#nextId++, spec })
    }
    if (this.#ring) this.#push({ kind: 'ring', ring: this.#ring })
    for (const request of waiting) this.#push(request)
  }

  onReply(reply: ShardReply): void {
    if (reply.kind === 'told') {
      this.#onTold(reply.group, reply.keys === 'all' ? 'all' : unpackKeys(reply.keys))
      return
    }
    if (reply.kind === 'call') {
      void this.#runGetter(reply)
      return
    }
    if (reply.kind === 'uncall') {
      this.#calls.get(reply.call)?.abort()
      return
    }
    const pending = this.#pending.get(reply.id)
    this.#pending.delete(reply.id)
    if (reply.kind === 'failed') pending?.reject(new CacheError(reply.failure.code, reply.failure.message))
    else pending?.resolve(reply)
  }

  onDeath(error: CacheError): void {
    this.#life++
    const lost = this.#pending.values()
    this.#pending.clear()
    this.#requests = new Set()
    this.#isUp = false
    for (const cancel of this.#calls.values()) cancel.abort(error)
    this.#calls.clear()
    for (const { reject } of lost) reject(error)
  }

  /** There will be no thread any more: what is under way rejects, and whatever comes later. */
  close(): void {
    this.#closedBy = new CacheError('FAILED_PRECONDITION', 'The node is closed')
    this.onDeath(this.#closedBy)
  }

  #call(request: Request): Promise<ShardReply> {
    if (this.#closedBy) throw this.#closedBy
    if (this.#pending.size >= PENDING_MAX) {
      throw new CacheError('RESOURCE_EXHAUSTED', `${PENDING_MAX} calls to one shard are under way`)
    }
    return new Promise((resolve, reject) => {
      this.#pending.set(request.id, { resolve, reject })
      this.#push(request)
    })
  }

  #push(request: ShardRequest): void {
    // While there is no thread, requests wait for the next one.
    if (this.#requests.size === 0 && this.#isUp) setImmediate(() => this.#flush())
    this.#requests.add(request)
  }

  /** Takes back what was not sent. False when it was. */
  #withdraw(request: Request): boolean {
    if (!this.#requests.delete(request)) return false
    this.#pending.get(request.id)?.reject(new CacheError('CANCELLED', 'The caller went away'))
    this.#pending.delete(request.id)
    return true
  }

  #flush(): void {
    if (!this.#isUp || this.#requests.size === 0) return
    this.#thread?.send([...this.#requests])
    this.#requests = new Set()
  }

  async #runGetter(request: Extract<ShardReply, { kind: 'call' }>): Promise<void> {
    const { call, group, keys, deadlineMs, traces = [] } = request
    const cancel = new Cancel()
    this.#calls.set(call, cancel)
    // The successor of a dead thread counts its calls from 1 again: an answer for the dead one must not go to it.
    const isAwaited = (): boolean => this.#calls.get(call) === cancel
    try {
      const outcome = await this.#getters.run(group, keys, { cancel, deadlineMs, traces })
      if (isAwaited()) this.#push({ kind: 'called', call, outcome })
    } catch (thrown) {
      const { code, message } = CacheError.from(thrown)
      if (isAwaited()) this.#push({ kind: 'called', call, outcome: { code, message } })
    } finally {
      if (isAwaited()) this.#calls.delete(call)
    }
  }
}
