import { CacheError, type CodeName } from '../../shared/errors.js'
import { groupNamed, type ServedGroup, type ServedGroups } from '../served-group.js'
import type { GroupKey } from './group-cache-codec.js'

/**
 * The group that a request names.
 *
 * @param missing code for a group that this node does not have
 * @throws CacheError `missing`, or INVALID_ARGUMENT for an empty key
 */
export function groupOf(groups: ServedGroups, request: GroupKey, missing: CodeName): ServedGroup {
  const group = groupNamed(groups, request.group, missing)
  if (request.key.length === 0) throw new CacheError('INVALID_ARGUMENT', 'key is empty')
  return group
}
