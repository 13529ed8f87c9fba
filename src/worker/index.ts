/** For getter modules: the types of what they export. */
export type { Getter, GetterContext, GetterResult, GetterValue } from '../shared/getter.js'
