import { CacheError, Code } from '../../shared/errors.js'

/** How a call ended badly, in the shape that gRPC servers take from a handler. */
export interface RpcStatus {
  readonly code: number
  readonly details: string
}

/** Clients refuse header blocks of more than 8 KiB, and percent-encoding can take three characters for a byte. */
const DETAILS_LENGTH_MAX = 1024

/**
 * The one place where errors become gRPC statuses. A CacheError's code is a status by definition; its message becomes
 * the details, its cause and stack stay here. Anything else is a fault of ours and says no more than that.
 */
export function rpcStatusOf(thrown: unknown): RpcStatus {
  if (!(thrown instanceof CacheError)) return { code: Code.INTERNAL, details: 'internal error' }
  return { code: Code[thrown.code], details: wellFormed(thrown.message.slice(0, DETAILS_LENGTH_MAX)) }
}

/** Replaces lone surrogates: there is no percent-encoding for them, so a server would throw where nobody catches. */
function wellFormed(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8')
}
