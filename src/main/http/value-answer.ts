import type { Answer } from '../call.js'
import { isKnown, rangeOf } from './conditional.js'
import type { RequestHead } from './dispatcher.js'
import { etagOf } from './etag.js'
import type { HttpAnswer } from './exchange.js'
import { PROBLEM_TYPE } from './problem.js'

/** What HTTP tells of a value. */
export interface Representation {
  readonly bytes: Uint8Array
  readonly etag: string
  /** Whole seconds; −1 when it is not known. */
  readonly ageS: number
  /** Whole seconds; −1 for no limit. */
  readonly maxAgeS: number
  /** How the node came by it: `hit`, `hot`, `miss`, `peer`, `stale`. */
  readonly cache: string
}

/** Of every value, whatever it is: nobody may take it for a page, and ranges of it can be had. */
export const FIXED_FIELDS = { 'accept-ranges': 'bytes', 'x-content-type-options': 'nosniff' } as const

export const VALUE_TYPE = 'application/octet-stream'

/** @param self address of this node */
export function representationOf(answer: Answer, self: string): Representation {
  const { value, ttlLeftMs } = answer
  return {
    bytes: value,
    etag: etagOf(value),
    ageS: -1,
    maxAgeS: secondsOf(ttlLeftMs),
    cache: cacheOf(answer, self),
  }
}

/** What `x-cache` says. @param self address of this node */
export function cacheOf({ outcome, answeredBy }: Answer, self: string): string {
  return answeredBy === self ? CACHE_OF[outcome] : 'peer'
}

/** The answer to GET or HEAD for a value: whole, in part, or not at all when the client has it. */
export function valueAnswer(
  { bytes, ...about }: Representation,
  { method, headers }: Pick<RequestHead, 'method' | 'headers'>,
): HttpAnswer {
  const { etag } = about
  const fields = { ...fieldsOf(about), ...FIXED_FIELDS }
  if (isKnown(headers.get('if-none-match'), etag)) return { status: 304, headers: fieldsOf(about) }
  const wanted = method === 'GET' ? headers.get('range') : undefined
  const range = rangeOf(wanted, headers.get('if-range'), etag, bytes.length)
  if (range === undefined)
    return { status: 200, headers: { 'content-type': VALUE_TYPE, ...fields }, body: bytes }
  if (range === 'none') return notInRange(bytes.length)
  const { first, last } = range
  const partHeaders = {
    'content-type': VALUE_TYPE,
    ...fields,
    'content-range': `bytes ${first}-${last}/${bytes.length}`,
  }
  return { status: 206, headers: partHeaders, body: bytes.subarray(first, last + 1) }
}

/** Whole seconds, rounded down: an age or a time to live of half a second is none. −1 for no limit. */
export function secondsOf(ms: number): number {
  return ms === Number.POSITIVE_INFINITY ? -1 : Math.floor(ms / 1000)
}

/** Header fields that tell of a value, those of a 304 too. */
export function fieldsOf({
  etag,
  ageS,
  maxAgeS,
  cache,
}: Omit<Representation, 'bytes'>): Record<string, string> {
  return {
    'x-cache': cache,
    etag,
    ...(ageS >= 0 && { age: String(ageS) }),
    ...(maxAgeS >= 0 && { 'cache-control': `max-age=${maxAgeS}` }),
  }
}

const CACHE_OF = { hit: 'hit', load: 'miss', coalesced: 'miss', stale: 'stale', hot: 'hot' } as const

function notInRange(lengthBytes: number): HttpAnswer {
  const detail = `The value has ${lengthBytes} bytes`
  return {
    status: 416,
    headers: { 'content-type': PROBLEM_TYPE, 'content-range': `bytes */${lengthBytes}` },
    body: `${JSON.stringify({ type: 'about:blank', title: 'Range Not Satisfiable', status: 416, detail })}\n`,
  }
}
