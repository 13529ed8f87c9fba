import type { Answer, CallOptions } from '../main/call.js'
import { answerAttributes, getSpan } from '../main/group-spans.js'
import type { Invalidated, Invalidations } from '../main/invalidations.js'
import { Counter } from '../shared/counters.js'
import { CacheError } from '../shared/errors.js'
import type { FrontMetrics } from '../shared/front-metrics.js'
import { countCopyHit, type GroupReader } from '../shared/group-reader.js'
import { encodeKey, type Key } from '../shared/key.js'
import { MANY_KEYS_MAX } from '../shared/limits.js'
import type { Failure } from '../shared/messages.js'
import { RequestOutcome } from '../shared/node-metrics.js'
import { activeParent, type TraceParent, traced } from '../shared/tracing.js'
import type { MainLink } from './main-link.js'

/** Where a group lives on this node, as its attached thread sees it. */
export interface Whereabouts {
  /** Address of the node. */
  readonly self: string
  /** Of the calls of this thread's own code. */
  readonly metrics: FrontMetrics
  /** True when this node owns the key `bytes[start…end)`. */
  owns(bytes: Uint8Array, start: number, end: number): boolean
  readonly invalidations: Invalidations
}

/** What this thread knows of a group that exists. */
export interface KnownGroup {
  readonly reader: GroupReader
  readonly keyBytesMax: number
}

/** How the fronts call a group. */
export interface AttachedFetchOptions extends CallOptions {
  /** The call comes from a peer: it is answered from this node alone. */
  readonly forwarded?: boolean
}

/**
 * A group of the node, used in an attached thread: hits are read in place, everything else is asked of the main thread.
 * A group that this thread has not heard of yet is no error: the main thread knows.
 */
export class AttachedGroup {
  readonly name: string
  readonly #link: MainLink
  readonly #where: Whereabouts
  #known: KnownGroup | undefined

  /** Use {@link AttachedCache.group}. */
  constructor(name: string, link: MainLink, where: Whereabouts) {
    this.name = name
    this.#link = link
    this.#where = where
  }

  /**
   * The value of a key.
   *
   * @throws CacheError as the group's `get` on the main thread does, NOT_FOUND also when there is no such group;
   *   UNAVAILABLE when the node is gone, FAILED_PRECONDITION after close()
   */
  async get(key: Key, options: CallOptions = {}): Promise<Uint8Array> {
    this.#link.assertOpen()
    const bytes = encodeKey(key)
    const { metrics, self } = this.#where
    const trace = options.trace ?? activeParent()
    if (trace) return (await metrics.time(this.#fetchTraced(bytes, options, trace), self)).value
    const found = this.#hitOrError(bytes, false)
    if (!found) return (await metrics.time(this.#ask<Answer>('fetch', bytes, options), self)).value
    // As on the main thread, hits are not timed: that would cost a fifth of one.
    metrics.count(found instanceof CacheError ? RequestOutcome.not_found : RequestOutcome.hit)
    if (found instanceof CacheError) throw found
    return found.value
  }

  /**
   * The value if it lies in this node's memory. Sends no message, waits for nothing, never loads.
   *
   * @param options.stale true: also a value past its time to live that the options of the group let be served
   */
  peek(key: Key, { stale = false }: { readonly stale?: boolean } = {}): Uint8Array | undefined {
    this.#link.assertOpen()
    const bytes = encodeKey(key)
    const reader = this.#known?.reader
    const found = reader?.read(bytes)?.value ?? reader?.readCopy(bytes)?.value
    return found ?? (stale ? reader?.readStale(bytes) : undefined)
  }

  /** Resolves once the owner of the key holds it no more, whether it held it before or not. */
  async delete(key: Key, options: CallOptions = {}): Promise<void> {
    await this.remove(encodeKey(key), options)
  }

  /** As the group's `onInvalidate` on the main thread. */
  onInvalidate(listener: (keys: Invalidated) => void): () => void {
    return this.#where.invalidations.watch(this.name, listener)
  }

  /** As the group's `covers` on the main thread. */
  covers(key: Key): boolean {
    return this.#where.invalidations.covers(this.name, encodeKey(key))
  }

  /** As get(), for fronts: says where the value came from. */
  async fetch(key: Uint8Array, options: AttachedFetchOptions = {}): Promise<Answer> {
    this.#link.assertOpen()
    const { trace, forwarded = false } = options
    if (trace === undefined) return this.#hit(key, forwarded) ?? this.#ask<Answer>('fetch', key, options)
    return this.#fetchTraced(key, options, trace)
  }

  /** As fetch() for each of the keys, in order: what is not in memory is asked for in one call. */
  async fetchMany(
    keys: readonly Uint8Array[],
    options: AttachedFetchOptions = {},
  ): Promise<(Answer | CacheError)[]> {
    this.#link.assertOpen()
    const { deadlineMs = Number.POSITIVE_INFINITY, signal, forwarded = false, trace } = options
    // Whether there is such a group, and whether so many keys are too many, is the main thread's to say.
    const looks = this.#known !== undefined && keys.length <= MANY_KEYS_MAX
    const answers = keys.map((key) => (looks ? this.#hitOrError(key, forwarded) : undefined))
    const missing = keys.filter((_, index) => answers[index] === undefined)
    if (looks && missing.length === 0) return answers as (Answer | CacheError)[]
    const call = {
      kind: 'fetchMany',
      group: this.name,
      keys: missing,
      deadlineMs,
      forwarded,
      ...(trace && { trace }),
    } as const
    const asked = await this.#link.call<(Answer | Failure)[]>(call, { deadlineMs, ...(signal && { signal }) })
    const rest = asked.values()
    return answers.map((answer) => answer ?? present(rest.next().value!))
  }

  /** As delete(), for fronts. */
  async remove(key: Uint8Array, options: AttachedFetchOptions = {}): Promise<void> {
    await this.#ask<void>('remove', key, options)
  }

  /**
   * A hit for the key `bytes[start…end)`, answered in place. For pinned callers.
   *
   * @returns length of the value, to be taken with copyFound(); −1 when fetch() has to answer
   */
  find(bytes: Uint8Array, start: number, end: number, forwarded: boolean): number {
    const known = this.#known
    if (known === undefined || end - start > known.keyBytesMax) return -1
    if (forwarded || this.#where.owns(bytes, start, end)) return known.reader.find(bytes, start, end)
    return known.reader.findCopy(bytes, start, end)
  }

  /** Copies the value that find() found to `target` from `at` on. */
  copyFound(target: Uint8Array, at: number): void {
    this.#known?.reader.copyFound(target, at)
  }

  /** Milliseconds that the value which find() found may be kept; Infinity for no limit. */
  foundTtlLeftMs(): number {
    return this.#known?.reader.foundTtlLeftMs() ?? Number.POSITIVE_INFINITY
  }

  /** Milliseconds since the value which find() found was stored; Infinity when nobody noted it. */
  foundAgeMs(): number {
    return this.#known?.reader.foundAgeMs() ?? Number.POSITIVE_INFINITY
  }

  /** The value that find() found, where it lies in shared memory: good under the pin alone. */
  foundView(): Uint8Array {
    return this.#known?.reader.foundView() ?? new Uint8Array(0)
  }

  /** Where find() found it, to be compared with another find. */
  get foundStore(): object | undefined {
    return this.#known?.reader.foundStore
  }

  get foundPlace(): number {
    return this.#known?.reader.foundPlace ?? 0
  }

  get foundIsCopy(): boolean {
    return this.#known?.reader.foundIsCopy ?? false
  }

  /** True while this thread knows of no such group, or of none any more. */
  get isClosed(): boolean {
    return this.#known === undefined
  }

  /** Called by the cache with what the main thread tells. */
  setKnown(known: KnownGroup | undefined): void {
    this.#known = known
  }

  #hit(key: Uint8Array, forwarded: boolean): Answer | undefined {
    const known = this.#known
    if (known === undefined || key.length > known.keyBytesMax) return undefined
    const { reader } = known
    if (!forwarded && !this.#where.owns(key, 0, key.length)) return this.#hotCopy(reader, key)
    const found = reader.read(key)
    if (found === undefined) return undefined
    const counters = reader.countersOf(key)
    counters.add(Counter.gets)
    counters.add(Counter.hits)
    const { value, ttlLeftMs } = found
    if (value === null) throw new CacheError('NOT_FOUND', 'The source has no such key')
    return { value, outcome: 'hit', answeredBy: this.#where.self, ttlLeftMs }
  }

  #hotCopy(reader: GroupReader, key: Uint8Array): Answer | undefined {
    const copy = reader.readCopy(key)
    if (!copy?.value) return undefined
    countCopyHit(reader.countersOf(key))
    return { value: copy.value, outcome: 'hot', answeredBy: this.#where.self, ttlLeftMs: copy.ttlLeftMs }
  }

  /** A hit has its span here; everything else has it on the main thread. */
  #fetchTraced(key: Uint8Array, options: AttachedFetchOptions, trace: TraceParent): Promise<Answer> {
    const found = this.#hitOrError(key, options.forwarded ?? false)
    if (!found) return this.#ask<Answer>('fetch', key, { ...options, trace })
    return traced(
      trace,
      getSpan(this.name),
      async () => {
        if (found instanceof CacheError) throw found
        return found
      },
      (answer) => answerAttributes(answer, this.#where.self),
    )
  }

  #hitOrError(key: Uint8Array, forwarded: boolean): Answer | CacheError | undefined {
    try {
      return this.#hit(key, forwarded)
    } catch (thrown) {
      return CacheError.from(thrown, 'INTERNAL')
    }
  }

  #ask<Result>(kind: 'fetch' | 'remove', key: Uint8Array, options: AttachedFetchOptions): Promise<Result> {
    const { deadlineMs = Number.POSITIVE_INFINITY, signal, forwarded = false, trace } = options
    // Bytes of our own: the caller may use its buffer again while the message waits to be sent.
    const call = {
      kind,
      group: this.name,
      key: new Uint8Array(key),
      deadlineMs,
      forwarded,
      ...(trace && { trace }),
    }
    return this.#link.call<Result>(call, { deadlineMs, ...(signal && { signal }) })
  }
}

function present(answer: Answer | Failure): Answer | CacheError {
  return 'code' in answer ? new CacheError(answer.code, answer.message) : answer
}
