import { shardOf } from '../../shared/hash.js'
import type { Freshness, GroupSpec } from '../../shared/messages.js'
import type { SnapshotResult } from '../../shared/operation.js'
import type { Put, PutResult } from '../put.js'
import type { SnapshotEntry } from './format.js'
import { SnapshotReader } from './reader.js'

export interface RestoreOptions {
  /** All snapshots of the group, whatever shard wrote them. */
  readonly files: readonly string[]
  /** After this long, what was not read is left out. */
  readonly timeoutMs: number
}

/** What a snapshot is read into. */
export interface RestoreTarget {
  readonly spec: Pick<GroupSpec, 'name' | 'shard' | 'shardCount'> & {
    readonly freshness: Pick<Freshness, 'ttlMs'>
  }
  readonly hashOf: (key: Uint8Array) => number
  readonly store: { put(put: Put): PutResult; readonly current: { readonly budgetBytes: number } }
}

/**
 * Reads the entries of this shard from all snapshots of its group: others may have written them, by another hash. All
 * files are read to their end before the first entry is taken, so a damaged one leaves the store as it was.
 *
 * Time goes on while a node is down: what is left of a time to live is cut by what the wall clock says. When it says
 * that the snapshot comes from the future, nobody knows how long that was, and every entry that expires has expired.
 *
 * @param owns whether this node owns a key
 * @throws CacheError FAILED_PRECONDITION that names the file and says what is wrong with it
 */
export async function restoreSnapshots(
  target: RestoreTarget,
  { files, timeoutMs }: RestoreOptions,
  owns: (key: Uint8Array) => boolean,
  wallClockMs: () => number = Date.now,
): Promise<SnapshotResult> {
  const endsMs = performance.now() + timeoutMs
  const readers: SnapshotReader[] = []
  try {
    for (const file of files) readers.push(await SnapshotReader.open(file, target.spec.name))
    let entryCount = 0
    for (const { reader, block } of coldestFirst(readers, groupBytes(target))) {
      const entries = await reader.entries(block)
      if (performance.now() > endsMs) return { entryCount, isComplete: false }
      const downMs = wallClockMs() - reader.head.savedAtMs
      for (const entry of entries.reverse()) if (keep(target, entry, downMs, owns)) entryCount++
    }
    return { entryCount, isComplete: true }
  } finally {
    for (const reader of readers) await reader.close()
  }
}

function groupBytes({ spec, store }: RestoreTarget): number {
  return store.current.budgetBytes * spec.shardCount
}

/** Blocks that may fit into a group of `bytesMax`, in the order in which their entries are to be put: worth least first. */
function coldestFirst(readers: readonly SnapshotReader[], bytesMax: number) {
  const blocks = readers
    .flatMap((reader) =>
      reader.blocks.map((block, index) => ({ reader, block, rank: index / reader.blocks.length })),
    )
    .sort((one, other) => one.rank - other.rank)
  let bytes = 0
  const fitting = blocks.findIndex(({ block }) => {
    bytes += block.length
    return bytes > bytesMax
  })
  return blocks.slice(0, fitting < 0 ? blocks.length : fitting + 1).reverse()
}

/** True when the entry is this shard's and was put into its store. */
function keep(
  { spec, hashOf, store }: RestoreTarget,
  { key, value, notFound, renewable, ttlLeftMs, ageMs = 0 }: SnapshotEntry,
  downMs: number,
  owns: (key: Uint8Array) => boolean,
): boolean {
  const hash = hashOf(key)
  if (shardOf(hash, spec.shardCount) !== spec.shard || !owns(key)) return false
  const isTimed = ttlLeftMs !== Number.POSITIVE_INFINITY
  if (isTimed && !(downMs >= 0 && downMs < ttlLeftMs)) return false
  // A group that has a time to live by now has it for what came before, too.
  const put = isTimed
    ? { ttlMs: ttlLeftMs - downMs, ageMs: ageMs + downMs, renewable }
    : { ttlMs: spec.freshness.ttlMs, renewable: !notFound }
  return store.put({ key, hash, value, notFound, ...put }) === 'stored'
}
