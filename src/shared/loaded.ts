import { CacheError } from './errors.js'
import type { Loaded } from './messages.js'

const encoder = new TextEncoder()

/**
 * What a getter returned, as the cache keeps it. Getters are user code: anything may come.
 *
 * @throws CacheError UNKNOWN for what is no value; RESOURCE_EXHAUSTED for a value over `valueBytesMax`
 */
export function toLoaded(result: unknown, valueBytesMax: number): Loaded {
  if (result === null) return { value: null }
  if (typeof result === 'string' || result instanceof Uint8Array) {
    return { value: toBytes(result, valueBytesMax) }
  }
  if (typeof result === 'object' && 'value' in result) {
    const { value, ttlMs, notFoundTtlMs } = result as {
      value: unknown
      ttlMs?: unknown
      notFoundTtlMs?: unknown
    }
    if (value === null) {
      return notFoundTtlMs === undefined
        ? { value }
        : { value, notFoundTtlMs: toMs('notFoundTtlMs', notFoundTtlMs) }
    }
    const bytes = toBytes(value, valueBytesMax)
    return ttlMs === undefined ? { value: bytes } : { value: bytes, ttlMs: toMs('ttlMs', ttlMs) }
  }
  throw noValue(result)
}

function toBytes(value: unknown, valueBytesMax: number): Uint8Array {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) throw noValue(value)
  const bytes = typeof value === 'string' ? encoder.encode(value) : value
  if (bytes.length > valueBytesMax) {
    throw new CacheError(
      'RESOURCE_EXHAUSTED',
      `The value has ${bytes.length} bytes, the limit is ${valueBytesMax}`,
    )
  }
  // A copy: the getter may use its buffer again, share it, or have it stand in a much larger one.
  return bytes === value ? new Uint8Array(bytes) : bytes
}

function toMs(name: string, value: unknown): number {
  if (typeof value === 'number' && value >= 0) return value
  throw new CacheError(
    'UNKNOWN',
    `The getter returned ${name} ${String(value)}; it is a number of ms, 0 or more`,
  )
}

function noValue(value: unknown): CacheError {
  const what =
    value === undefined ? 'nothing' : Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`
  return new CacheError(
    'UNKNOWN',
    `The getter returned ${what}; it returns a string, a Uint8Array, { value } or null`,
  )
}
