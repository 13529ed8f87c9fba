import { Metadata } from '@grpc/grpc-js'
import type { Answer } from '../call.js'

/** Request metadata, any value: asks that the trailing metadata say where the value came from. */
export const TRACE = 'geek-cache-trace'
/** Trailing metadata: address of the node that had or loaded the value. */
export const ANSWERED_BY = 'geek-cache-answered-by'
/** Trailing metadata: `hit`, `load` or `coalesced`. */
export const OUTCOME = 'geek-cache-outcome'

/** The trailing metadata that a call asked for, if it did. */
export function traceOf(request: Metadata, answer: Answer): Metadata | undefined {
  if (request.get(TRACE).length === 0) return undefined
  const trailer = new Metadata()
  trailer.set(ANSWERED_BY, answer.answeredBy)
  trailer.set(OUTCOME, answer.outcome)
  return trailer
}
