/** For getter modules: the types of what they export. */
export type {
  BatchGetter,
  BatchGetterContext,
  BatchGetterResult,
  Getter,
  GetterContext,
  GetterResult,
  GetterValue,
} from '../shared/getter.js'
