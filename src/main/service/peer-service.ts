import type { GrpcServer } from '../grpc-server.js'
import type { GroupKey } from './group-cache-codec.js'
import { peerDefinition } from './peer-codec.js'
import { groupOf, type ServedGroups } from './served-group.js'
import { traceOf } from './trace.js'
import { unaryHandler } from './unary-handler.js'

const FORWARDED = true

/**
 * Serves geekcache.v1.Peer: calls of our own peers, never forwarded again. NOT_FOUND says that the source has no such
 * key. A group that this node lacks is FAILED_PRECONDITION instead: the peer has to ask somebody else.
 */
export function registerPeerService(server: Pick<GrpcServer, 'addService'>, groups: ServedGroups): void {
  server.addService(peerDefinition, {
    Fetch: unaryHandler(async (request: GroupKey, call) => {
      const answer = await groupOf(groups, request, 'FAILED_PRECONDITION').fetch(request.key, call.options)
      return { response: answer, trailer: traceOf(call.metadata, answer) }
    }, FORWARDED),
    Remove: unaryHandler(async (request: GroupKey, call) => {
      await groupOf(groups, request, 'FAILED_PRECONDITION').remove(request.key, call.options)
      return { response: {} }
    }, FORWARDED),
  })
}
