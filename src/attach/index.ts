/** For threads beside the main one: the cache of a node, and the types of what getter modules export. */
export type { CallOptions } from '../main/call.js'
export type { Invalidated, Invalidations } from '../main/invalidations.js'
export { CacheError, type Code, type CodeName } from '../shared/errors.js'
export type {
  BatchGetter,
  BatchGetterContext,
  BatchGetterResult,
  Getter,
  GetterContext,
  GetterResult,
  GetterValue,
} from '../shared/getter.js'
export type { Key } from '../shared/key.js'
export { attach, type CacheHandle } from './attach.js'
export type { AttachedCache } from './attached-cache.js'
export type { AttachedGroup } from './attached-group.js'
