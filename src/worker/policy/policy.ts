/** What a policy may ask of the entry in a slot, from when it is told of it until it has let go of it. */
export interface PolicyEntries {
  /** 32-bit hash of its key; anything when the slot holds no entry. */
  hashOf(slot: number): number
  /** Everything that it costs, in bytes; 0 when the slot holds no entry. */
  sizeOf(slot: number): number
}

/**
 * An eviction policy orders the live entries of one shard of one group. It sees entries only as **slots**: small
 * dense integers, reused after removal. Its state is typed arrays indexed by slot, private to the owner thread, so
 * that a policy of a million entries is a handful of objects to the garbage collector. Hashes and sizes it does not
 * keep: it asks for them, {@link PolicyEntries}.
 *
 * The shard calls it from one thread, never re-entrantly. All calls are O(1) amortised.
 */
export interface EvictionPolicy {
  readonly name: string

  /**
   * Bytes of private state with so many slots in use; the shard charges them to the budget of the group. From one insert
   * to the next, with a slot more, they grow by {@link POLICY_GROWTH_BYTES_MAX} at most, and not otherwise.
   */
  bytesFor(slotCount: number): number

  /**
   * A new entry lives in `slot`.
   *
   * @param hash 32-bit hash of its key, the same for the same key: what ghosts and sketches remember
   * @param sizeBytes everything that the entry costs, from 1 to 2 ** 32 - 1
   */
  onInsert(slot: number, hash: number, sizeBytes: number): void

  /**
   * A reader found the entry. Comes late, in batches, and now and then not at all: so late that the slot may hold
   * another entry by now, which then takes the credit, or none, which changes nothing.
   */
  onHit(slot: number): void

  /**
   * The entry in `slot` has a new value and a new size, the same key. Counts as a hit where writes do.
   *
   * @param oldSizeBytes its size until now
   */
  onReplace(slot: number, oldSizeBytes: number): void

  /** The entry is gone for a reason that is not this policy's: deleted, expired, cleared. */
  onRemove(slot: number): void

  /**
   * Picks the entry to give up, forgets it, and returns its slot; -1 when there is none. Room is made before what it is
   * made for: the shard calls this until a new entry fits, and then {@link onInsert}.
   */
  evict(): number

  /**
   * The bytes that the entries may take together. Called before the first insert, and whenever they change; after they
   * have shrunk, the shard evicts until the entries fit again.
   */
  setCapacity(capacityBytes: number): void

  /** Re-derives every size and link from scratch and throws AssertionError on the first difference. O(n): for tests. */
  check(): void
}

/** What the state of a policy may grow by with an insert: known beforehand, so that room can be made for it. */
export const POLICY_GROWTH_BYTES_MAX = 96

/** Makes a policy for slots 0 … slotCountMax − 1. */
export type PolicyFactory = (slotCountMax: number, entries: PolicyEntries) => EvictionPolicy
