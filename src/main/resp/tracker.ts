import type { Clock } from '../../shared/clock.js'
import { TransientMap } from '../../shared/transient-map.js'
import type { Invalidated, Invalidations } from '../invalidations.js'
import type { LocatedKey } from './key-space.js'
import type { RespLimits } from './limits.js'
import type { RespMetrics } from './resp-metrics.js'
import type { Copies, Session, TrackedRead } from './session.js'
import { keepsCopies } from './tracking.js'
import { type Copy, TrackingTable } from './tracking-table.js'

/** Copies of values that expire are told to be dropped at this pace, in ms. */
const EXPIRY_TICK_MS = 250

/** Own deletes that a broadcasting client is not told of, at most so many at a time. */
const OWN_DELETES_MAX = 1024

export interface TrackerParts {
  readonly invalidations: Invalidations
  readonly metrics: RespMetrics
  readonly limits: RespLimits
  readonly clock: Clock
  readonly defaultGroup: string | undefined
}

/**
 * Client-side caching: knows which client keeps a copy of what, hears of changes, and tells the clients to drop their
 * copies. Rather once too often than once too few: a copy of what is not covered, of a value that changed while it was
 * on its way, or of "not found" is called back right behind its reply.
 */
export class Tracker implements Copies {
  readonly #parts: TrackerParts
  readonly #table: TrackingTable<Session>
  readonly #clients = new Set<Session>()
  /** What ends the watch of each group that somebody keeps copies of. */
  readonly #watches = new Map<string, () => void>()
  /** Reads under way, by value. */
  readonly #reads = new TransientMap<string, Set<TrackedRead>>()
  readonly #ownDeletes = new Map<Session, Set<string>>()
  #timer: NodeJS.Timeout | undefined

  constructor(parts: TrackerParts) {
    this.#parts = parts
    this.#table = new TrackingTable(parts.limits.trackedBytesMax, EXPIRY_TICK_MS)
  }

  get trackedCount(): number {
    return this.#table.count
  }

  get clientCount(): number {
    return this.#clients.size
  }

  /** From now on, the client is told of what it keeps. Its session says how. */
  start(session: Session, groups: Iterable<string>): void {
    this.#clients.add(session)
    this.#counted()
    if (session.tracking?.mode === 'broadcast') for (const group of groups) this.#watch(group)
  }

  /** The client keeps no copies any more. */
  stop(session: Session): void {
    if (!this.#clients.delete(session)) return
    this.#ownDeletes.delete(session)
    this.#table.removeReader(session)
    this.#counted()
    if (this.#clients.size > 0) return
    for (const end of this.#watches.values()) end()
    this.#watches.clear()
  }

  /** To be called before the value is looked for. Undefined when the client keeps no copy of it. */
  begin(session: Session, name: Buffer, located: LocatedKey): TrackedRead | undefined {
    const { tracking } = session
    if (tracking === undefined || !keepsCopies(tracking)) return undefined
    this.#watch(located.group.name)
    const value = valueFor(located.group.name, located.key)
    // What is covered only once it was fetched may have changed before, unheard.
    const isStale = !this.#parts.invalidations.covers(located.group.name, located.key)
    const read = { session, located, name: name.toString('latin1'), value, isStale }
    const reads = this.#reads.get(value)
    if (reads === undefined) this.#reads.set(value, new Set([read]))
    else reads.add(read)
    return read
  }

  /**
   * To be called when the value was answered. Calls the copy back where it cannot be vouched for.
   *
   * @param ttlLeftMs 0 for what must not be kept, as "not found" and errors; Infinity for no limit
   */
  end(read: TrackedRead | undefined, ttlLeftMs: number): void {
    if (read === undefined) return
    const { session, located, name, value, isStale } = read
    this.#forget(read)
    if (session.tracking === undefined || session.host.isClosed) return
    const { group, key } = located
    if (isStale || ttlLeftMs <= 0 || !this.#parts.invalidations.covers(group.name, key)) {
      this.#tell(session, [name])
      return
    }
    this.#ownDeletes.get(session)?.delete(value)
    if (session.tracking.mode === 'broadcast') return
    const expiresAtMs = this.#parts.clock.nowMs() + ttlLeftMs
    this.#tellCopies(this.#table.add(value, session, name, expiresAtMs))
    if (this.#table.hasTimed) this.#timer ??= setInterval(() => this.#expire(), EXPIRY_TICK_MS).unref()
  }

  /** A read that brought an answer to nobody. */
  abandon(read: TrackedRead | undefined): void {
    if (read !== undefined) this.#forget(read)
  }

  /** The value is not in memory although it was answered: nobody would hear of its end. */
  disown(session: Session, located: LocatedKey, name: string): void {
    const value = valueFor(located.group.name, located.key)
    if (
      session.tracking === undefined ||
      (session.tracking.mode !== 'broadcast' && !this.#table.has(value, session))
    )
      return
    this.#table.removeCopy(value, session)
    this.#tell(session, [name])
  }

  /** The client deletes a value itself, and may not want to hear of that. */
  ownDelete(session: Session, { group, key }: LocatedKey): void {
    if (!session.tracking?.noLoop) return
    const value = valueFor(group.name, key)
    this.#table.removeCopy(value, session)
    if (session.tracking.mode !== 'broadcast') return
    const own = this.#ownDeletes.get(session) ?? new Set()
    this.#ownDeletes.set(session, own)
    own.add(value)
    // What is forgotten is told once more than was asked for.
    if (own.size > OWN_DELETES_MAX) own.delete(own.values().next().value!)
  }

  close(): void {
    clearInterval(this.#timer)
    for (const end of this.#watches.values()) end()
    this.#watches.clear()
  }

  #watch(group: string): void {
    if (this.#watches.has(group)) return
    const end = this.#parts.invalidations.watch(group, (keys) => this.#onInvalidated(group, keys))
    this.#watches.set(group, end)
  }

  #onInvalidated(group: string, keys: Invalidated): void {
    if (keys === 'all') {
      this.#onGroupInvalidated(`${latin1(group)}:`)
      return
    }
    const names = new Map<Session, string[]>()
    const broadcasting = [...this.#clients].filter(({ tracking }) => tracking?.mode === 'broadcast')
    for (const key of keys) {
      const value = valueFor(group, key)
      for (const read of this.#reads.get(value) ?? []) read.isStale = true
      for (const copy of this.#table.take(value)) addTo(names, copy)
      for (const reader of broadcasting) {
        if (this.#ownDeletes.get(reader)?.has(value)) continue
        for (const name of this.#namesOf(group, key, value)) {
          if (reader.tracking!.prefixes.some((prefix) => name.startsWith(prefix)))
            addTo(names, { reader, name })
        }
      }
    }
    for (const [session, of] of names) this.#tell(session, of)
    this.#counted()
  }

  /** What clients may call the value: without its group, too, when that is the default. */
  #namesOf(group: string, key: Uint8Array, value: string): string[] {
    return group === this.#parts.defaultGroup && !key.includes(58) ? [value, latin1(key)] : [value]
  }

  #onGroupInvalidated(prefix: string): void {
    for (const reads of this.#reads.values()) {
      for (const read of reads) if (read.value.startsWith(prefix)) read.isStale = true
    }
    const readers = this.#table.takeAll(prefix)
    for (const session of this.#clients) {
      if (readers.has(session) || session.tracking?.mode === 'broadcast') this.#tell(session, undefined)
    }
    this.#counted()
  }

  #expire(): void {
    this.#tellCopies(this.#table.takeDue(this.#parts.clock.nowMs()))
    if (this.#table.hasTimed) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #tellCopies(copies: readonly Copy<Session>[]): void {
    const names = new Map<Session, string[]>()
    for (const copy of copies) addTo(names, copy)
    for (const [session, of] of names) this.#tell(session, of)
    this.#counted()
  }

  #tell(session: Session, names: readonly string[] | undefined): void {
    this.#parts.metrics.invalidated(names?.length ?? 1)
    session.invalidate(names)
  }

  #counted(): void {
    this.#parts.metrics.setTracked(this.#clients.size, this.#table.count)
  }

  #forget(read: TrackedRead): void {
    const reads = this.#reads.get(read.value)
    reads?.delete(read)
    if (reads?.size === 0) this.#reads.delete(read.value)
  }
}

/** One name for a value, whoever names it. */
function valueFor(group: string, key: Uint8Array): string {
  return `${latin1(group)}:${latin1(key)}`
}

function latin1(bytes: string | Uint8Array): string {
  return Buffer.from(bytes as Uint8Array).toString('latin1')
}

function addTo(names: Map<Session, string[]>, { reader, name }: Copy<Session>): void {
  const known = names.get(reader)
  if (known === undefined) names.set(reader, [name])
  else known.push(name)
}
