import type { Invalidated, Watcher } from './invalidations.js'

/** Those who watch groups, by the name of the group. */
export class Watchers {
  readonly #byGroup = new Map<string, Set<Watcher>>()
  readonly #onThrow: (thrown: unknown) => void

  /** @param onThrow takes what a watcher threw, so that the others are told all the same */
  constructor(onThrow: (thrown: unknown) => void) {
    this.#onThrow = onThrow
  }

  get groups(): string[] {
    return [...this.#byGroup.keys()]
  }

  has(group: string): boolean {
    return this.#byGroup.has(group)
  }

  /** The returned function ends it; it may be called again. */
  add(group: string, watcher: Watcher): () => void {
    const own: Watcher = {
      onInvalidated: (keys) => watcher.onInvalidated(keys),
      onCoverage: () => watcher.onCoverage?.(),
    }
    const watching = this.#byGroup.get(group) ?? new Set()
    this.#byGroup.set(group, watching)
    watching.add(own)
    return () => {
      watching.delete(own)
      if (watching.size === 0 && this.#byGroup.get(group) === watching) this.#byGroup.delete(group)
    }
  }

  tell(group: string, keys: Invalidated): void {
    this.#each(group, (watcher) => watcher.onInvalidated(keys))
  }

  tellCoverage(group: string): void {
    this.#each(group, (watcher) => watcher.onCoverage?.())
  }

  #each(group: string, act: (watcher: Watcher) => void): void {
    const watching = this.#byGroup.get(group)
    if (watching === undefined) return
    for (const watcher of [...watching]) {
      // One that was told before may have ended this one.
      if (!watching.has(watcher)) continue
      try {
        act(watcher)
      } catch (thrown) {
        this.#onThrow(thrown)
      }
    }
  }
}
