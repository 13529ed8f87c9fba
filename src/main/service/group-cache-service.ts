import type { GrpcServer } from '../grpc-server.js'
import type { ServedGroups } from '../served-group.js'
import type { CallRecord } from './call-record.js'
import { type GroupKey, groupCacheDefinition } from './group-cache-codec.js'
import { groupOf } from './group-of.js'
import { traceOf } from './trace.js'
import { unaryHandler } from './unary-handler.js'

/** Serves pb.GroupCache, which every client and every Go node speaks: the node finds the owner of a key itself. */
export function registerGroupCacheService(
  server: Pick<GrpcServer, 'addService'>,
  groups: ServedGroups,
  record?: CallRecord,
): void {
  server.addService(groupCacheDefinition, {
    Get: unaryHandler(async (request: GroupKey, call) => {
      const answer = await groupOf(groups, request, 'NOT_FOUND').fetch(request.key, call.options)
      return { response: { value: answer.value }, trailer: traceOf(call.metadata, answer), answers: [answer] }
    }, record),
    Delete: unaryHandler(async (request: GroupKey, call) => {
      await groupOf(groups, request, 'NOT_FOUND').remove(request.key, call.options)
      return { response: { value: true } }
    }, record),
  })
}
