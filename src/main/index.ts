export { CacheError, type Code, type CodeName } from '../shared/errors.js'
export type { Getter, GetterContext, GetterResult, GetterValue } from '../shared/getter.js'
