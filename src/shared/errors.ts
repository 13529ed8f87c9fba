/**
 * Every way in which a call can fail, and the gRPC status that says so. The list is closed: there are no
 * user-defined codes. Numbers are those of the gRPC status code registry (grpc/doc/statuscodes.md).
 */
export const Code = {
  /** The caller went away before there was an answer. */
  CANCELLED: 1,
  /** The getter failed: it threw, rejected or returned something that is no value. */
  UNKNOWN: 2,
  /** The request itself is wrong: empty key, key or value over its limit, bad option. */
  INVALID_ARGUMENT: 3,
  /** No answer within the caller's deadline or the group's load timeout. */
  DEADLINE_EXCEEDED: 4,
  /** No such group, or the source has no such key. */
  NOT_FOUND: 5,
  /** A group of that name exists already. */
  ALREADY_EXISTS: 6,
  /** A limit of the node stands in the way: message size, loads in flight. */
  RESOURCE_EXHAUSTED: 8,
  /** The node is closed, or was never started. */
  FAILED_PRECONDITION: 9,
  /** The method exists, but not here. */
  UNIMPLEMENTED: 12,
  /** A fault of the cache. Please report it. */
  INTERNAL: 13,
  /** For the moment, nobody can answer: a shard restarts, a peer is gone. Safe to retry. */
  UNAVAILABLE: 14,
} as const

export type CodeName = keyof typeof Code

const CODE_NAMES = Object.keys(Code) as CodeName[]

/** The name of a gRPC status number; UNKNOWN for numbers that are not in our list. */
export function codeNameOf(status: number): CodeName {
  return CODE_NAMES.find((name) => Code[name] === status) ?? 'UNKNOWN'
}

/** Names in messages to a stranger are cut to this length. */
const NAME_LENGTH_MAX = 64

/** The one error of this package: a code of a closed list, a message for people, and the cause kept beside it. */
export class CacheError extends Error {
  override readonly name = 'CacheError'
  readonly code: CodeName

  constructor(code: CodeName, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.code = code
  }

  /** True when the same call may well succeed a moment later. */
  get retryable(): boolean {
    return this.code === 'UNAVAILABLE'
  }

  /**
   * The single funnel from a `catch`: whatever was thrown comes out as a CacheError.
   *
   * @param fallback the code for errors that carry none of their own
   */
  static from(thrown: unknown, fallback: CodeName = 'UNKNOWN'): CacheError {
    if (thrown instanceof CacheError) return thrown
    if (thrown instanceof Error) {
      const code = thrown.name === 'AbortError' ? 'CANCELLED' : fallback
      return new CacheError(code, thrown.message || thrown.name, { cause: thrown })
    }
    return new CacheError(fallback, String(thrown), { cause: thrown })
  }
}

/** There is no group of that name: NOT_FOUND to clients, FAILED_PRECONDITION to peers, for whom NOT_FOUND is about keys. */
export function groupNotFound(name: string, code: CodeName): CacheError {
  return new CacheError(code, `group not found: ${JSON.stringify(name.slice(0, NAME_LENGTH_MAX))}`)
}
