import { CacheError } from '../../shared/errors.js'
import type { Answer } from '../call.js'
import type { GrpcServer } from '../grpc-server.js'
import type { PolledNode, PollRequest } from '../invalidation-poll.js'
import { groupNamed, type ServedGroups } from '../served-group.js'
import type { CallRecord } from './call-record.js'
import type { GroupKey } from './group-cache-codec.js'
import { groupOf } from './group-of.js'
import { FETCH_MANY_BYTES_MAX, type FetchManyResult, type GroupKeys, peerDefinition } from './peer-codec.js'
import { rpcStatusOf } from './rpc-status.js'
import { traceOf } from './trace.js'
import { unaryHandler } from './unary-handler.js'

const FORWARDED = true

/** Part of the time left in which all keys of a call must answer, so that those that did reach the caller in time. */
const MANY_TIME_SHARE = 0.9

/**
 * Serves geekcache.v1.Peer: calls of our own peers, never forwarded again. NOT_FOUND says that the source has no such
 * key. A group that this node lacks is FAILED_PRECONDITION instead: the peer has to ask somebody else.
 */
export function registerPeerService(
  server: Pick<GrpcServer, 'addService'>,
  groups: ServedGroups,
  polled: PolledNode,
  record?: CallRecord,
): void {
  server.addService(peerDefinition, {
    Fetch: unaryHandler(
      async (request: GroupKey, call) => {
        const answer = await groupOf(groups, request, 'FAILED_PRECONDITION').fetch(request.key, call.options)
        return { response: answer, trailer: traceOf(call.metadata, answer), answers: [answer] }
      },
      record,
      FORWARDED,
    ),
    FetchMany: unaryHandler(
      async ({ group, keys }: GroupKeys, call) => {
        const { deadlineMs = Number.POSITIVE_INFINITY, signal, forwarded = true } = call.options
        const answers = await groupNamed(groups, group, 'FAILED_PRECONDITION').fetchMany(keys, {
          deadlineMs: deadlineMs * MANY_TIME_SHARE,
          forwarded,
          ...(signal && { signal }),
        })
        const told = withinLimit(answers)
        return { response: { results: told.map(toResult) }, answers: told }
      },
      record,
      FORWARDED,
    ),
    Remove: unaryHandler(
      async (request: GroupKey, call) => {
        await groupOf(groups, request, 'FAILED_PRECONDITION').remove(request.key, call.options)
        return { response: {} }
      },
      record,
      FORWARDED,
    ),
    Invalidations: unaryHandler(
      async (request: PollRequest, { options: { deadlineMs, signal } }) => {
        const options = { ...(deadlineMs !== undefined && { deadlineMs }), ...(signal && { signal }) }
        return { response: await polled.poll(request, options) }
      },
      undefined,
      FORWARDED,
    ),
  })
}

/** As many of the answers as go into one message; at least one. */
function withinLimit(answers: readonly (Answer | CacheError)[]): readonly (Answer | CacheError)[] {
  let bytes = 0
  const end = answers.findIndex((answer, index) => {
    bytes += RESULT_BYTES + (answer instanceof CacheError ? answer.message.length : answer.value.length)
    return index > 0 && bytes > FETCH_MANY_BYTES_MAX
  })
  return end < 0 ? answers : answers.slice(0, end)
}

/** What a result takes beside its value, at most. */
const RESULT_BYTES = 32

function toResult(answer: Answer | CacheError): FetchManyResult {
  if (!(answer instanceof CacheError)) return { ...answer, code: 0, message: '' }
  const { code, details: message } = rpcStatusOf(answer)
  return { value: EMPTY, outcome: undefined, ttlLeftMs: 0, code, message }
}

const EMPTY = new Uint8Array(0)
