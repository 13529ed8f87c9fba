import { CacheError } from '../../shared/errors.js'
import type { BatchEntry, BatchFormat, BatchRequest } from './batch.js'

/** RFC 4648 §4, with its padding. */
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Batches as JSON: `{"keys": [base64…]}` in, `{"entries": [{key, value | failure}…]}` out. */
export const batchJson: BatchFormat = {
  mediaType: 'application/json',
  read(body): BatchRequest {
    const { keys } = objectOf(body)
    if (!Array.isArray(keys)) throw invalid('"keys" is a list of keys in base64')
    return { keys: keys.map(bytesOf) }
  },
  write: (entries) => `${JSON.stringify({ entries: entries.map(presented) })}\n`,
}

function objectOf(body: Uint8Array): { readonly keys?: unknown } {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch {
    throw invalid('The body is no JSON')
  }
  if (typeof value !== 'object' || value === null) throw invalid('The body is no JSON object')
  return value
}

function bytesOf(text: unknown): Uint8Array {
  if (typeof text === 'string' && BASE64.test(text)) return Buffer.from(text, 'base64')
  throw invalid('A key is no base64 text')
}

function presented({ key, value, cache, ttlLeftMs, failure }: BatchEntry): object {
  return {
    key: base64(key),
    ...(value !== undefined && { value: base64(value) }),
    ...(cache !== undefined && { cache }),
    ...(ttlLeftMs !== undefined && { ttlLeftMs: Math.floor(ttlLeftMs) }),
    ...(failure !== undefined && { failure }),
  }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}

function invalid(message: string): CacheError {
  return new CacheError('INVALID_ARGUMENT', message)
}
