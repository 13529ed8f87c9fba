import { CacheError, type CodeName } from '../../shared/errors.js'

/**
 * First word of the error of each code, which is what clients of Redis tell errors apart by. TRYAGAIN, BUSY, OOM,
 * MASTERDOWN are words that Redis has for like cases; NOGROUP stands before the name of a group that is not there.
 */
const PREFIXES: Readonly<Record<CodeName, string>> = {
  CANCELLED: 'CANCELLED',
  UNKNOWN: 'ERR',
  INVALID_ARGUMENT: 'ERR',
  DEADLINE_EXCEEDED: 'TIMEOUT',
  NOT_FOUND: 'NOGROUP',
  ALREADY_EXISTS: 'ERR',
  RESOURCE_EXHAUSTED: 'BUSY',
  FAILED_PRECONDITION: 'ERR',
  UNIMPLEMENTED: 'ERR',
  INTERNAL: 'ERR',
  UNAVAILABLE: 'TRYAGAIN',
}

/**
 * The error reply of whatever was thrown. NOT_FOUND of a key is no error but a null, and never comes here. What is
 * no error of the cache is not told to strangers.
 */
export function errorReplyOf(thrown: unknown): string {
  if (!(thrown instanceof CacheError)) return 'ERR internal error'
  return `${PREFIXES[thrown.code]} ${thrown.message}`
}
