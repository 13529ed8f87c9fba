import { CacheError } from '../shared/errors.js'
import { type HashSeed, hashBytes, shardOf } from '../shared/hash.js'
import { STORE_BYTES_MAX, STORE_BYTES_MIN } from '../shared/limits.js'
import type { StoreMemory } from '../shared/messages.js'
import type {
  HotKey,
  KeyFacts,
  Operation,
  OperationOf,
  OperationResults,
  SnapshotResult,
} from '../shared/operation.js'
import { AccessLog } from '../shared/store/access-log.js'
import { allocateStore } from '../shared/store/layout.js'

/** The owner of one shard, as somebody sees it who operates a group. */
export interface OperatedShard {
  /** Changes when the owner's thread dies. */
  readonly life: number
  operate<Kind extends Operation['kind']>(
    group: number,
    operation: OperationOf<Kind>,
  ): Promise<OperationResults[Kind]>
  /** The memory that the next owner is told of, should this one die. */
  moveTo(group: number, memory: StoreMemory): void
  clear(group: number): Promise<void>
}

export interface GroupOperationsParts {
  readonly id: number
  readonly shards: readonly OperatedShard[]
  readonly seed: HashSeed
  /** Has all readers look into new memory, those of this thread at once. Resolves when the others do. */
  readonly switchReaders: (memories: readonly StoreMemory[]) => Promise<void>
}

/** What can be done to a group of this node while it is used, by asking the owners of its shards. */
export class GroupOperations {
  readonly #parts: GroupOperationsParts
  readonly #id: number
  #isResizing = false

  constructor(parts: GroupOperationsParts) {
    this.#parts = parts
    this.#id = parts.id
  }

  get shardCount(): number {
    return this.#parts.shards.length
  }

  /**
   * Gives the group `maxBytes` of memory in place of what it has. Every owner copies its entries, a bounded step at a
   * time, while readers go on with the old memory; then all readers switch, and then the owners let go of the old. When
   * one of them fails, all stay with what they had.
   */
  async resize(maxBytes: number): Promise<void> {
    const { shards } = this.#parts
    const memories = this.#allocate(maxBytes)
    if (this.#isResizing) throw new CacheError('FAILED_PRECONDITION', 'The group is being resized already')
    this.#isResizing = true
    try {
      const lives = shards.map(({ life }) => life)
      const copied = await Promise.allSettled(
        shards.map((shard, index) => {
          return shard.operate(this.#id, { kind: 'resize', ...memories[index]! })
        }),
      )
      const failure = copied.find((result) => result.status === 'rejected')
      // A new owner knows nothing of the copy that the one before it made.
      const usesNew = !failure && shards.every(({ life }, index) => life === lives[index])
      if (usesNew) await this.#switch(memories)
      await Promise.allSettled(shards.map((shard) => shard.operate(this.#id, { kind: 'settle', usesNew })))
      if (failure) throw failure.reason
      if (!usesNew) throw new CacheError('UNAVAILABLE', 'A shard was restarted meanwhile; try again')
    } finally {
      this.#isResizing = false
    }
  }

  /** What the owner of a key's shard knows of it, and which shard that is. */
  async explain(key: Uint8Array): Promise<KeyFacts & { readonly shard: number }> {
    const hash = hashBytes(key, 0, key.length, this.#parts.seed)
    const shard = shardOf(hash, this.shardCount)
    const facts = await this.#parts.shards[shard]!.operate(this.#id, { kind: 'explain', key, hash })
    return { ...facts, shard }
  }

  /** At most `countMax` keys, the most frequent first. */
  async hotKeys(countMax: number): Promise<HotKey[]> {
    const lists = await Promise.all(
      this.#parts.shards.map((shard) => shard.operate(this.#id, { kind: 'hotKeys', countMax })),
    )
    return lists
      .flat()
      .sort((one, other) => other.hits - one.hits)
      .slice(0, countMax)
  }

  /** Has every shard write its entries to its file, which takes what is in memory apart: for a group that is closed. */
  save(files: readonly string[], timeoutMs: number): Promise<SnapshotResult[]> {
    return this.#onAll((shard, index) =>
      shard.operate(this.#id, { kind: 'save', file: files[index]!, timeoutMs }),
    )
  }

  /** Has every shard read its entries from all files. Rejects when one of them is refused: some may have been read then. */
  restore(files: readonly string[], timeoutMs: number): Promise<SnapshotResult[]> {
    return this.#onAll((shard) => shard.operate(this.#id, { kind: 'restore', files, timeoutMs }))
  }

  async clear(): Promise<void> {
    await this.#onAll((shard) => shard.clear(this.#id))
  }

  /** Waits for all, also when one fails. */
  async #onAll<T>(act: (shard: OperatedShard, index: number) => Promise<T>): Promise<T[]> {
    const results = await Promise.allSettled(this.#parts.shards.map(act))
    return results.map((result) => {
      if (result.status === 'rejected') throw result.reason
      return result.value
    })
  }

  #allocate(maxBytes: number): StoreMemory[] {
    const storeBytes = Math.min(maxBytes / this.shardCount, STORE_BYTES_MAX)
    if (!(storeBytes >= STORE_BYTES_MIN)) {
      throw new CacheError(
        'INVALID_ARGUMENT',
        `maxBytes is ${maxBytes}, it must be at least ${STORE_BYTES_MIN * this.shardCount}: ${STORE_BYTES_MIN} for each shard of the group`,
      )
    }
    try {
      return this.#parts.shards.map(() => ({
        store: allocateStore(storeBytes),
        accessLog: AccessLog.allocate(),
      }))
    } catch (thrown) {
      throw new CacheError('RESOURCE_EXHAUSTED', `There is no memory for ${maxBytes} bytes`, {
        cause: thrown,
      })
    }
  }

  /** All in one stretch of code: who reads or dies after it, in this thread, finds the new memory everywhere. */
  async #switch(memories: readonly StoreMemory[]): Promise<void> {
    memories.forEach((memory, shard) => {
      this.#parts.shards[shard]!.moveTo(this.#id, memory)
    })
    await this.#parts.switchReaders(memories)
  }
}
