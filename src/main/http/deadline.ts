import { CacheError } from '../../shared/errors.js'

/** How long a request may take whose client sets no limit, in ms. */
const DEADLINE_MS = 30_000

/** Longer limits are cut to this, in ms. */
const DEADLINE_MS_MAX = 300_000

const GRPC_UNIT_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
}

/**
 * Milliseconds that a request may take: by `x-timeout-ms`, a whole number, or by `grpc-timeout` as gRPC has it (`500m`).
 *
 * @throws CacheError INVALID_ARGUMENT
 */
export function deadlineOf(headers: ReadonlyMap<string, string>): number {
  const timeoutMs = headers.get('x-timeout-ms')
  if (timeoutMs !== undefined) {
    if (!/^[1-9]\d{0,9}$/.test(timeoutMs)) throw malformed('x-timeout-ms')
    return Math.min(Number(timeoutMs), DEADLINE_MS_MAX)
  }
  const grpcTimeout = headers.get('grpc-timeout')
  if (grpcTimeout === undefined) return DEADLINE_MS
  const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(grpcTimeout) ?? []
  if (digits === undefined || unit === undefined) throw malformed('grpc-timeout')
  return Math.min(Number(digits) * GRPC_UNIT_MS[unit]!, DEADLINE_MS_MAX)
}

function malformed(name: string): CacheError {
  return new CacheError('INVALID_ARGUMENT', `The header ${name} is malformed`)
}
