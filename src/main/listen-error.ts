import { CacheError } from '../shared/errors.js'

/** Errors of the system that say what is wrong with an address, though it is one. */
const REASONS: readonly (readonly [systemCode: string, what: string])[] = [
  ['EADDRINUSE', 'is in use'],
  ['EADDRNOTAVAIL', 'is not an address of this machine'],
  ['EACCES', 'may not be listened on by this user'],
]

/**
 * One clear error for an address that a server cannot listen on, whoever implements the server.
 *
 * @param cause an error whose message names the system's error; grpc-js passes on no more than that text
 */
export function listenError(address: string, cause: unknown): CacheError {
  const text = cause instanceof Error ? cause.message : String(cause)
  const [, what] = REASONS.find(([systemCode]) => text.includes(systemCode)) ?? []
  if (what !== undefined) return new CacheError('FAILED_PRECONDITION', `${address} ${what}`, { cause })
  return new CacheError('INVALID_ARGUMENT', `cannot listen on ${JSON.stringify(address)}`, { cause })
}
