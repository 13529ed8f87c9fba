import type { FrontMetrics } from '../../shared/front-metrics.js'
import type { ReaderPin } from '../../shared/store/reader-pin.js'
import type { GrpcServer } from '../grpc-server.js'
import type { HotGroup } from '../hot-group.js'
import type { PolledNode } from '../invalidation-poll.js'
import type { NodeView } from '../node-view.js'
import type { ServedGroups } from '../served-group.js'
import { CallRecord } from './call-record.js'
import { groupCacheDefinition } from './group-cache-codec.js'
import { registerGroupCacheService } from './group-cache-service.js'
import type { GrpcMetrics } from './grpc-metrics.js'
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
  metrics: FrontMetrics,
): HealthService {
  const record = new CallRecord(metrics, () => node.self)
  registerGroupCacheService(server, groups, record)
  registerPeerService(server, groups, polled, record)
  registerNodeService(server, node, record)
  registerReflectionService(server)
  return registerHealthService(server)
}

/** What the hot path of a thread needs. */
export interface HotServerOptions extends Omit<NativeServerOptions, 'onReadStart' | 'onReadEnd' | 'metrics'> {
  /** Of the thread: held for all requests of one socket read. */
  readonly pin: ReaderPin
  readonly metrics: GrpcMetrics
}

/** A server on the node's own engine that answers hits of Get and Fetch from bytes to bytes. */
export function newHotServer(options: HotServerOptions, groups: Iterable<HotGroup>): NativeServer {
  const { pin, metrics } = options
  const hot = new HotGet(groups)
  const server = new NativeServer({
    ...options,
    onReadStart: () => {
      pin.enter()
      metrics.readStarted()
    },
    onReadEnd: () => {
      pin.leave()
      metrics.readEnded(hot.takeHits())
    },
  })
  server.addHotMethod(groupCacheDefinition.Get.path, hot.get)
  server.addHotMethod(peerDefinition.Fetch.path, hot.fetch)
  return server
}
