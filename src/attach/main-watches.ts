import type { Invalidated, Invalidations } from '../main/invalidations.js'
import { Watchers } from '../main/watchers.js'
import { type KeyPack, unpackKeys } from '../shared/key-pack.js'

/** What the watches of a thread need of it. */
export interface MainWatchesParts {
  /** Tells the main thread whether somebody here watches a group. */
  readonly tellWatched: (group: string, isWatched: boolean) => void
  /** Address of the node that owns a key. */
  readonly ownerOf: (key: Uint8Array) => string | undefined
}

/** Those who watch groups in an attached thread; the main thread tells of the keys. */
export class MainWatches implements Invalidations {
  readonly #parts: MainWatchesParts
  readonly #watchers = new Watchers((thrown) => {
    // The others are told first; then it is an uncaught exception of this thread, as from any listener.
    queueMicrotask(() => {
      throw thrown
    })
  })
  readonly #covering = new Map<string, ReadonlySet<string>>()

  constructor(parts: MainWatchesParts) {
    this.#parts = parts
  }

  watch(group: string, listener: (keys: Invalidated) => void): () => void {
    if (!this.#watchers.has(group)) this.#parts.tellWatched(group, true)
    const stop = this.#watchers.add(group, { onInvalidated: listener })
    let hasEnded = false
    return () => {
      if (hasEnded) return
      hasEnded = true
      stop()
      if (this.#watchers.has(group)) return
      this.#covering.delete(group)
      this.#parts.tellWatched(group, false)
    }
  }

  covers(group: string, key: Uint8Array): boolean {
    const covering = this.#covering.get(group)
    const owner = covering && this.#parts.ownerOf(key)
    return owner !== undefined && covering!.has(owner)
  }

  take(group: string, keys: KeyPack | 'all'): void {
    this.#watchers.tell(group, keys === 'all' ? 'all' : unpackKeys(keys))
  }

  setCovering(group: string, addresses: readonly string[]): void {
    if (this.#watchers.has(group)) this.#covering.set(group, new Set(addresses))
  }

  /** Tells everybody of all keys: nothing more is heard from the main thread. */
  close(): void {
    this.#covering.clear()
    for (const group of this.#watchers.groups) this.#watchers.tell(group, 'all')
  }
}
