import type { Clock } from '../shared/clock.js'
import type { CopyFence } from '../shared/copy-fence.js'
import { Counter, type CounterRow } from '../shared/counters.js'
import type { GroupReader } from '../shared/group-reader.js'
import { HotKeys } from '../shared/hot-keys.js'
import { binaryKey } from '../shared/key.js'
import type { Answer } from './call.js'
import type { InvalidationTeller } from './invalidations.js'

/** A key is hot that was asked for so often, older asks counting half for every second: some 5 to 10 a second. */
export const HOT_ASKS = 10
const HALF_LIFE_MS = 1000

/** Copies of a group on a node. Fewer than that are ever hot. */
const COPY_COUNT_MAX = 1024

/** What a copy costs beside its key and value: header, index, policy state. */
const COPY_OVERHEAD_BYTES = 64

/** A key is kept anew once in so long: who has no thread that keeps it, or changes more often, gets no more copies. */
const KEPT_AGAIN_MS = 1000

/** After so long without a copy that was kept, nobody is asked to tell of keys any more. */
const IDLE_MS = 60_000

/** What of the options of a group concerns hot copies. */
export interface HotCopiesOptions {
  /** Part of the memory of the group that copies may take; 0 for none at all. */
  readonly share: number
  /** Longest life of a copy. */
  readonly ttlMs: number
  /** Memory of the group. */
  readonly maxBytes: number
}

export interface HotCopiesParts extends HotCopiesOptions {
  /** Of the group. */
  readonly name: string
  readonly reader: GroupReader
  readonly fence: CopyFence
  readonly invalidations: InvalidationTeller
  readonly clock: Clock
  /** Has the owner of the key's shard keep the copy. */
  readonly keep: (copy: {
    key: Uint8Array
    hash: number
    value: Uint8Array
    ttlMs: number
    stamp: number
  }) => void
}

interface Kept {
  readonly hash: number
  readonly bytes: number
  readonly counters: CounterRow
  readonly keptMs: number
  readonly endsMs: number
}

/**
 * Copies of values that other nodes own, of keys that are asked for often here, so that a hot key costs its owner no call
 * for each request. They lie in the stores of the group and are found by all threads.
 *
 * A copy is kept by the rules of {@link Invalidations}: only while the owner of the key tells of changes, only if it told
 * of none since the value began to be fetched, and never longer than the owner says that the value is good. What is told
 * of a key makes its copy worthless at once, for all threads, by the {@link CopyFence}; its memory is free when its time
 * is over. Until then it counts against the share.
 */
export class HotCopies {
  readonly #parts: HotCopiesParts
  readonly #asked: HotKeys
  readonly #kept = new Map<string, Kept>()
  #maxBytes: number
  #bytes = 0
  #lastKeptMs = 0
  #unwatch: (() => void) | undefined
  #timer: NodeJS.Timeout | undefined

  constructor(parts: HotCopiesParts) {
    this.#parts = parts
    this.#maxBytes = parts.maxBytes * parts.share
    this.#asked = new HotKeys(parts.clock.nowMs(), HALF_LIFE_MS)
  }

  /** The group has another amount of memory. */
  resize(maxBytes: number): void {
    this.#maxBytes = maxBytes * this.#parts.share
  }

  /** Somebody asked this node for a key that another owns, and no copy was there. */
  note(key: Uint8Array): void {
    if (this.#maxBytes === 0) return
    this.#asked.age(this.#parts.clock.nowMs())
    this.#asked.note(this.#parts.reader.hash(key), key, 0, key.length)
  }

  /**
   * A call to the owner of the key begins. The first for a hot key has the owners tell of changes.
   *
   * @returns what keep() is to be told; undefined when the value may not be kept
   */
  begin(key: Uint8Array): number | undefined {
    if (this.#maxBytes === 0) return undefined
    const hash = this.#parts.reader.hash(key)
    if (this.#unwatch === undefined && this.#isHot(hash)) this.#watch()
    if (this.#unwatch === undefined || !this.#covers(key)) return undefined
    return this.#parts.fence.stampOf(hash)
  }

  /** Keeps what the owner answered, if the key is hot and the value good for a while. */
  keep(key: Uint8Array, stamp: number | undefined, { value, ttlLeftMs }: Answer): void {
    if (stamp === undefined) return
    const { reader, fence, clock, keep } = this.#parts
    const hash = reader.hash(key)
    const ttlMs = Math.min(ttlLeftMs, this.#parts.ttlMs)
    if (ttlMs < 1 || !this.#isHot(hash) || fence.stampOf(hash) !== stamp || !this.#covers(key)) return
    const nowMs = clock.nowMs()
    const name = binaryKey(key)
    const before = this.#kept.get(name)
    if (before && nowMs - before.keptMs < KEPT_AGAIN_MS) return
    const bytes = key.length + value.length + COPY_OVERHEAD_BYTES
    this.#release(name)
    this.#expire(nowMs)
    if (this.#kept.size >= COPY_COUNT_MAX || this.#bytes + bytes > this.#maxBytes) return
    const counters = reader.countersOf(key)
    this.#kept.set(name, { hash, bytes, counters, keptMs: nowMs, endsMs: nowMs + ttlMs })
    this.#bytes += bytes
    this.#lastKeptMs = nowMs
    counters.add(Counter.hot_bytes, bytes)
    counters.add(Counter.hot_kept)
    // Bytes of its own: a message takes all of the memory that a view is of.
    keep({ key, hash, value: new Uint8Array(value), ttlMs, stamp })
  }

  /** Whatever copy there is of a key is found no more, by any thread. */
  drop(key: Uint8Array): void {
    const kept = this.#kept.get(binaryKey(key))
    if (kept) this.#parts.fence.raise(kept.hash)
  }

  /** As drop() for all keys. */
  dropAll(): void {
    if (this.#kept.size > 0) this.#parts.fence.raiseAll()
  }

  /** Lets go of what is over; called every second while there are copies. */
  maintain(): void {
    const nowMs = this.#parts.clock.nowMs()
    this.#expire(nowMs)
    if (this.#kept.size === 0 && nowMs - this.#lastKeptMs >= IDLE_MS) this.close()
  }

  close(): void {
    clearInterval(this.#timer)
    this.dropAll()
    this.#unwatch?.()
    this.#unwatch = undefined
  }

  /** What is told reaches drop() before those who watch: this watcher only has the owners tell. */
  #watch(): void {
    this.#lastKeptMs = this.#parts.clock.nowMs()
    this.#unwatch = this.#parts.invalidations.watch(this.#parts.name, () => {})
    this.#timer = setInterval(() => this.maintain(), HALF_LIFE_MS).unref()
  }

  #isHot(hash: number): boolean {
    return this.#asked.certainHitsOf(hash) >= HOT_ASKS
  }

  #covers(key: Uint8Array): boolean {
    return this.#parts.invalidations.covers(this.#parts.name, key)
  }

  /** Copies whose time is over; some may wait behind one that lives longer, for `ttlMs` at most. */
  #expire(nowMs: number): void {
    for (const [name, { endsMs }] of this.#kept) {
      if (endsMs > nowMs) return
      this.#release(name)
    }
  }

  #release(name: string): void {
    const kept = this.#kept.get(name)
    if (!kept) return
    this.#kept.delete(name)
    this.#bytes -= kept.bytes
    kept.counters.add(Counter.hot_bytes, -kept.bytes)
  }
}
