import type { GrpcServer } from '../grpc-server.js'
import type { HotGroup } from '../hot-group.js'
import type { PolledNode } from '../invalidation-poll.js'
import type { NodeView } from '../node-view.js'
import type { ServedGroups } from '../served-group.js'
import { groupCacheDefinition } from './group-cache-codec.js'
import { registerGroupCacheService } from './group-cache-service.js'
import { type HealthService, registerHealthService } from './health-service.js'
import { HotGet } from './hot-get.js'
import { NativeServer, type NativeServerOptions } from './native-server.js'
import { registerNodeService } from './node-service.js'
import { peerDefinition } from './peer-codec.js'
import { registerPeerService } from './peer-service.js'
import { registerReflectionService } from './reflection-service.js'

/** Adds every service of a node to a server. */
export function registerServices(
  server: GrpcServer,
  groups: ServedGroups,
  node: NodeView,
  polled: PolledNode,
): HealthService {
  registerGroupCacheService(server, groups)
  registerPeerService(server, groups, polled)
  registerNodeService(server, node)
  registerReflectionService(server)
  return registerHealthService(server)
}

/** A server on the node's own engine that answers hits of Get and Fetch from bytes to bytes. */
export function newHotServer(options: NativeServerOptions, groups: Iterable<HotGroup>): NativeServer {
  const server = new NativeServer(options)
  const hot = new HotGet(groups)
  server.addHotMethod(groupCacheDefinition.Get.path, hot.get)
  server.addHotMethod(peerDefinition.Fetch.path, hot.fetch)
  return server
}
