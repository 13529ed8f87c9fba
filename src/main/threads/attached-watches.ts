import type { AttachedReply } from '../../shared/attach-messages.js'
import { packKeys } from '../../shared/key-pack.js'
import type { Invalidated, Watcher } from '../invalidations.js'

/** Messages `invalidated` that the thread may have before it; instead of more it gets one "all", when it takes them. */
export const UNHEARD_MAX = 256

/** Groups that one thread may watch. */
export const WATCHED_GROUPS_MAX = 10_000

/** What tells of keys. */
export interface WatchedNode {
  subscribe(group: string, watcher: Watcher): () => void
  /** Addresses of the nodes whose keys of the group are covered. */
  covering(group: string): readonly string[]
}

/** What one attached thread watches: tells it of keys, as fast as it takes them. */
export class AttachedWatches {
  readonly #node: WatchedNode
  readonly #tell: (news: AttachedReply) => void
  readonly #stops = new Map<string, () => void>()
  /** Groups of which the thread has missed something. */
  readonly #missed = new Set<string>()
  #unheard = 0

  constructor(node: WatchedNode, tell: (news: AttachedReply) => void) {
    this.#node = node
    this.#tell = tell
  }

  /** Groups beyond WATCHED_GROUPS_MAX are never covered. */
  watch(group: string, isWatched: boolean): void {
    if (!isWatched) {
      this.#stops.get(group)?.()
      this.#stops.delete(group)
      this.#missed.delete(group)
      return
    }
    if (this.#stops.has(group) || this.#stops.size === WATCHED_GROUPS_MAX) return
    const stop = this.#node.subscribe(group, {
      onInvalidated: (keys) => this.#onInvalidated(group, keys),
      onCoverage: () => this.#tellCovering(group),
    })
    this.#stops.set(group, stop)
    this.#tellCovering(group)
  }

  /** The thread has taken so many messages. */
  heard(count: number): void {
    this.#unheard -= count
    if (this.#unheard > UNHEARD_MAX / 2) return
    const missed = [...this.#missed]
    this.#missed.clear()
    for (const group of missed) this.#onInvalidated(group, 'all')
  }

  /** Tells of what the thread has missed of a group, whatever it has before it: an answer that follows is to find it told. */
  catchUp(group: string): void {
    if (!this.#missed.delete(group)) return
    this.#unheard++
    this.#tell({ kind: 'invalidated', group, keys: 'all' })
  }

  close(): void {
    for (const stop of this.#stops.values()) stop()
    this.#stops.clear()
  }

  #onInvalidated(group: string, keys: Invalidated): void {
    if (this.#unheard >= UNHEARD_MAX) {
      this.#missed.add(group)
      return
    }
    this.#unheard++
    this.#tell({ kind: 'invalidated', group, keys: keys === 'all' ? 'all' : packKeys(keys) })
  }

  #tellCovering(group: string): void {
    this.#tell({ kind: 'covering', group, addresses: this.#node.covering(group) })
  }
}
