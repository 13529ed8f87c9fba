import { CacheError } from '../../shared/errors.js'

/** A shard, as it is told that somebody watches a group. */
export interface WatchedShard {
  watch(group: number, isWatched: boolean): Promise<void>
}

/** A group of this node: its number, and its shards in order. */
export interface WatchedGroup {
  readonly id: number
  readonly name: string
  readonly shards: readonly WatchedShard[]
}

/** How long a shard is left alone that could not be told. */
const RETRY_MS = 100

/**
 * Has the shards of one group tell of keys, and knows whether all of them do:
 *
 *     off ── asked ──► asked ── answered ──► telling ── its thread dies ──► asked …
 */
export class LocalWatch {
  readonly #onCoverage: () => void
  #group: WatchedGroup | undefined
  /** By shard. */
  #isTelling: boolean[] = []
  /** Changes when a shard is to be asked anew: answers to what was asked before count no more. */
  #terms: number[] = []
  readonly #retries = new Set<NodeJS.Timeout>()

  /** @param onCoverage all shards tell now; that they do no more is the caller's to know */
  constructor(onCoverage: () => void) {
    this.#onCoverage = onCoverage
  }

  /** True while all shards tell. */
  get isTelling(): boolean {
    return this.#group !== undefined && this.#isTelling.every(Boolean)
  }

  /** Watches another group of that name, or none any more. */
  setGroup(group: WatchedGroup | undefined): void {
    const before = this.#group
    this.#group = group
    for (const timer of this.#retries) clearTimeout(timer)
    this.#retries.clear()
    // A group that is gone, or a thread that died, has nothing to tell.
    for (const shard of before?.shards ?? []) shard.watch(before!.id, false).catch(() => {})
    this.#isTelling = group?.shards.map(() => false) ?? []
    this.#terms = group?.shards.map(() => 0) ?? []
    group?.shards.forEach((_, shard) => {
      void this.#ask(shard, group)
    })
  }

  /** The thread of a shard died. True when all shards told, up to now. */
  onDeath(shard: number): boolean {
    const { isTelling } = this
    const group = this.#group
    // One that was asked, and did not answer, is asked again when that has failed.
    if (group && this.#isTelling[shard]) {
      this.#isTelling[shard] = false
      void this.#ask(shard, group)
      return isTelling
    }
    return false
  }

  async #ask(shard: number, group: WatchedGroup): Promise<void> {
    const term = ++this.#terms[shard]!
    const isCurrent = (): boolean => this.#group === group && this.#terms[shard] === term
    try {
      await group.shards[shard]!.watch(group.id, true)
      if (!isCurrent()) return
      this.#isTelling[shard] = true
      if (this.isTelling) this.#onCoverage()
    } catch (thrown) {
      // The group was removed, or the node closed.
      if (!isCurrent() || CacheError.from(thrown).code === 'FAILED_PRECONDITION') return
      const timer = setTimeout(() => {
        this.#retries.delete(timer)
        if (isCurrent()) void this.#ask(shard, group)
      }, RETRY_MS).unref()
      this.#retries.add(timer)
    }
  }
}
