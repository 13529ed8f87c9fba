import type { CancelSignal } from '../../shared/cancel.js'
import type { Clock } from '../../shared/clock.js'
import type { DropCause } from '../../shared/node-metrics.js'
import type { NodeView } from '../node-view.js'
import type { Protocol, Reply } from './compose.js'
import type { KeySpace, LocatedKey } from './key-space.js'
import type { RespLimits } from './limits.js'
import type { Settled } from './reply-queue.js'
import type { RespMetrics } from './resp-metrics.js'
import type { Tracking } from './tracking.js'
import type { Transaction } from './transaction.js'

/** Where invalidations go for clients of RESP2, which have no push messages. */
export const INVALIDATE_CHANNEL = '__redis__:invalidate'

/** The connection of a session, as commands need it. */
export interface SessionHost {
  /** HOST:PORT */
  readonly remoteAddress: string
  readonly localAddress: string
  /** Bytes of requests and replies that it keeps in memory. */
  readonly queryBytes: number
  readonly replyBytes: number
  readonly isClosed: boolean
  /** Aborted when the client goes away. */
  readonly signal: CancelSignal
  /** Answers the request at hand later. A barrier: what follows is not looked at before. */
  later(work: Promise<Settled>, isBarrier: boolean): void
  /** Answers these requests, in their order, before anything else of this client. */
  runAll(requests: readonly (readonly Buffer[])[]): void
  /** Writes what was not asked for, behind all replies so far. */
  push(write: (reply: Reply) => void): void
  /** Sends what is there, then closes. */
  end(): void
}

/** `all` replies, none, or all but the next one. */
export type ReplyMode = 'on' | 'off' | 'skip' | 'skip-next'

/** A read of which a client will keep the value, from before it is looked for until it was answered. */
export interface TrackedRead {
  readonly session: Session
  readonly located: LocatedKey
  /** As the client named it, one character a byte. */
  readonly name: string
  readonly value: string
  /** The value changed meanwhile, or nobody would have heard of it at the start. */
  isStale: boolean
}

/** Who knows which client keeps a copy of what. */
export interface Copies {
  /** Copies in all, and clients that ask to be told. */
  readonly trackedCount: number
  readonly clientCount: number
  /** From now on, the client is told of what it keeps. Its session says how. */
  start(session: Session, groups: Iterable<string>): void
  /** The client keeps no copies any more. */
  stop(session: Session): void
  /** To be called before the value is looked for. Undefined when the client keeps no copy of it. */
  begin(session: Session, name: Buffer, located: LocatedKey): TrackedRead | undefined
  /**
   * To be called when the value was answered. Calls the copy back where it cannot be vouched for.
   *
   * @param ttlLeftMs 0 for what must not be kept, as "not found" and errors; Infinity for no limit
   */
  end(read: TrackedRead | undefined, ttlLeftMs: number): void
  /** A read that brought an answer to nobody. */
  abandon(read: TrackedRead | undefined): void
  /** The value is not in memory although it was answered: nobody would hear of its end. */
  disown(session: Session, located: LocatedKey, name: string): void
  /** The client deletes a value itself, and may not want to hear of that. */
  ownDelete(session: Session, located: LocatedKey): void
}

/** What the sessions of a server share. */
export interface RespContext {
  readonly keys: KeySpace
  readonly node: NodeView
  readonly tracker: Copies
  readonly metrics: RespMetrics
  readonly limits: RespLimits
  readonly clock: Clock
  /** What clients must know; undefined when anybody may read. */
  readonly password: string | undefined
  /** How long a request may take, in ms. */
  readonly deadlineMs: number
  /** Milliseconds of the wall clock when the server started. */
  readonly startedAtMs: number
  /** Of this package. */
  readonly version: string
  /** HOST:PORT that is listened on. */
  readonly address: string
  groupNames(): Iterable<string>
  clients(): Iterable<Session>
  /** A connection was closed for what its client did. */
  onDropped(session: Session, cause: DropCause, why: string): void
  client(id: number): Session | undefined
}

/** What a client has told of itself and asked for, on one connection. */
export class Session {
  readonly id: number
  readonly context: RespContext
  readonly host: SessionHost
  readonly createdMs: number
  lastMs: number
  lastCommand = ''
  name = ''
  libraryName = ''
  libraryVersion = ''
  protocol: Protocol = 2
  database = 0
  isAuthenticated: boolean
  replyMode: ReplyMode = 'on'
  noEvict = false
  noTouch = false
  readonly channels = new Set<string>()
  tracking: Tracking | undefined
  transaction: Transaction | undefined

  constructor(id: number, context: RespContext, host: SessionHost) {
    this.id = id
    this.context = context
    this.host = host
    this.createdMs = context.clock.nowMs()
    this.lastMs = this.createdMs
    this.isAuthenticated = context.password === undefined
  }

  /** In RESP2, a client that subscribes may send little else: it could not tell replies from messages. */
  get isSubscriber(): boolean {
    return this.protocol === 2 && this.channels.size > 0
  }

  /** True when all that a GET takes is to look into memory and to answer. */
  get isPlain(): boolean {
    return (
      this.isAuthenticated &&
      this.replyMode === 'on' &&
      !this.tracking &&
      !this.transaction &&
      this.channels.size === 0
    )
  }

  /** @throws CacheError as {@link KeySpace.located} */
  located(name: Buffer): LocatedKey {
    return this.context.keys.located(name)
  }

  /** Answers the request at hand with what `work` comes to. */
  later(work: Promise<Settled>, isBarrier = false): void {
    this.host.later(work, isBarrier)
  }

  /** As it was when the client connected; the connection and its number stay. */
  reset(): void {
    this.context.tracker.stop(this)
    this.tracking = undefined
    this.transaction = undefined
    this.channels.clear()
    this.protocol = 2
    this.database = 0
    this.name = ''
    this.replyMode = 'on'
    this.noEvict = false
    this.noTouch = false
    this.isAuthenticated = this.context.password === undefined
  }

  /** Tells this client, or the one that it redirects to, to drop copies; `undefined` stands for all. */
  invalidate(names: readonly string[] | undefined): void {
    const redirect = this.tracking?.redirect ?? 0
    if (redirect === 0) {
      this.takeInvalidation(names)
      return
    }
    const target = this.context.client(redirect)
    if (target !== undefined) target.takeInvalidation(names)
    else this.#tellBroken(redirect)
  }

  /** Writes an invalidation to this client, whoever keeps the copies. */
  takeInvalidation(names: readonly string[] | undefined): void {
    if (this.protocol === 3) {
      this.host.push((reply) => {
        reply.push(2)
        reply.text('invalidate')
        writeNames(reply, names)
      })
    } else if (this.channels.has(INVALIDATE_CHANNEL)) {
      this.host.push((reply) => {
        reply.array(3)
        reply.text('message')
        reply.text(INVALIDATE_CHANNEL)
        writeNames(reply, names)
      })
    }
  }

  #tellBroken(redirect: number): void {
    const tracking = this.tracking!
    if (tracking.isBroken) return
    tracking.isBroken = true
    if (this.protocol === 2) return
    this.host.push((reply) => {
      reply.push(2)
      reply.text('tracking-redir-broken')
      reply.integer(redirect)
    })
  }
}

function writeNames(reply: Reply, names: readonly string[] | undefined): void {
  if (names === undefined) {
    reply.nullArray()
    return
  }
  reply.array(names.length)
  for (const name of names) reply.bulk(Buffer.from(name, 'latin1'))
}
