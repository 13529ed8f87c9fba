import type { GrpcServer } from '../grpc-server.js'
import { type CounterSample, nodeDefinition, type RingMember, type RingRequest } from './node-codec.js'
import { unaryHandler } from './unary-handler.js'

/** What a node tells about itself. */
export interface NodeView {
  /** HOST:PORT under which the node is registered. */
  readonly self: string
  counters(): Iterable<CounterSample>
  members(): Iterable<RingMember>
  /** Addresses of the owner of the key and of the nodes that would take over from it, in ring order. */
  owners(key: Uint8Array): Iterable<string>
}

/** Serves geekcache.v1.Node, which the commands `stats`, `ring` and `top` read. */
export function registerNodeService(server: Pick<GrpcServer, 'addService'>, node: NodeView): void {
  server.addService(nodeDefinition, {
    Stats: unaryHandler(async () => ({ response: { self: node.self, counters: [...node.counters()] } })),
    Ring: unaryHandler(async ({ key }: RingRequest) => ({
      response: { members: [...node.members()], owners: key.length === 0 ? [] : [...node.owners(key)] },
    })),
  })
}
