import type { LiveAnswer } from '../live/live-reply.js'
import type { LiveCall } from '../live/live-request.js'
import { CacheError } from '../shared/errors.js'
import type { LiveLink } from './live-link.js'

const DEADLINE_MS = 30_000

export interface RequestOptions {
  /** How long to wait for the answer, in ms; default 30 000, and a node gives up after 300 000. */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal
}

/** Makes a call whose answer is of the kind `kind`. Rejects with CacheError. */
export async function ask<Kind extends LiveAnswer['kind']>(
  link: LiveLink,
  call: LiveCall,
  kind: Kind,
  { deadlineMs = DEADLINE_MS, signal }: RequestOptions,
): Promise<Extract<LiveAnswer, { kind: Kind }>> {
  const answer = await link.call(call, deadlineMs, signal)
  if (answer.kind === kind) return answer as Extract<LiveAnswer, { kind: Kind }>
  throw new CacheError('INTERNAL', `The node answered ${answer.kind}, not ${kind}`)
}
