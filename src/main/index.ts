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
export type { HotKey, KeyFacts } from '../shared/operation.js'
export type { CallOptions } from './call.js'
export type { Explanation, Group } from './group.js'
export type { Invalidated, Invalidations } from './invalidations.js'
export { type Node, startNode } from './node.js'
export type { GetterModule, GetterSource, GroupOptions, Log, NodeOptions } from './node-options.js'
export type { CounterSample, RingMember } from './node-view.js'
