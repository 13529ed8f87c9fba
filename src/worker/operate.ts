import { unreachable } from '../shared/assert.js'
import type { KeyFacts, Operation, OperationOf, OperationResults } from '../shared/operation.js'
import type { ShardGroup } from './shard-group.js'
import { restoreSnapshots } from './snapshot/restore.js'
import { saveSnapshot } from './snapshot/save.js'

/**
 * Does something to a shard's part of a group while it is in use.
 *
 * @param owns whether this node owns a key, by the latest ring
 */
export async function operate(
  group: ShardGroup,
  operation: Operation,
  owns: (key: Uint8Array) => boolean,
): Promise<OperationResults[keyof OperationResults]> {
  switch (operation.kind) {
    case 'resize':
      await group.store.moveTo(operation)
      return undefined
    case 'settle':
      group.store.settle(operation.usesNew)
      // Some entries were left behind.
      group.told.addAll()
      return counted(group, undefined)
    case 'explain':
      return explain(group, operation)
    case 'hotKeys':
      return group.hotKeys.list(operation.countMax)
    case 'save':
      return saveSnapshot(group.store.current, { group: group.spec.name, ...operation }, group.clock)
    case 'restore':
      return counted(group, await restoreSnapshots(group, operation, owns))
    default:
      return unreachable(operation)
  }
}

/** Has the counters tell what changed before anybody hears of it. */
function counted<Result>(group: ShardGroup, result: Result): Result {
  group.maintain()
  return result
}

function explain({ store, hotKeys }: ShardGroup, { key, hash }: OperationOf<'explain'>): KeyFacts {
  const hits = hotKeys.hitsOf(hash)
  const known = store.inspect(key, hash)
  const heat = hits === undefined ? {} : { hits }
  if (!known) return { present: false, notFound: false, valueBytes: 0, costBytes: 0, ...heat }
  const { notFound, value, ttlLeftMs, ageMs } = known.resident
  return {
    present: true,
    notFound,
    valueBytes: value.length,
    costBytes: known.costBytes,
    ...(ttlLeftMs !== Number.POSITIVE_INFINITY && { ttlLeftMs }),
    ...(ageMs !== undefined && { ageMs }),
    ...heat,
  }
}
