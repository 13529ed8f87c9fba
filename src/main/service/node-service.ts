import { groupNotFound } from '../../shared/errors.js'
import type { GrpcServer } from '../grpc-server.js'
import {
  type CounterSample,
  type ExplainRequest,
  type HotKeySample,
  type HotKeysRequest,
  type KeyExplanation,
  nodeDefinition,
  type RingMember,
  type RingRequest,
} from './node-codec.js'
import { unaryHandler } from './unary-handler.js'

/** What a node tells about itself; other threads than its main one have to ask. */
export interface NodeView {
  /** HOST:PORT under which the node is registered. */
  readonly self: string
  counters(): Iterable<CounterSample> | Promise<Iterable<CounterSample>>
  members(): Iterable<RingMember> | Promise<Iterable<RingMember>>
  /** Addresses of the owner of the key and of the nodes that would take over from it, in ring order. */
  owners(key: Uint8Array): Iterable<string> | Promise<Iterable<string>>
  find(group: string): ExplainedGroup | undefined
}

/** What can be asked about a group. */
export interface ExplainedGroup {
  explain(key: Uint8Array): Promise<KeyExplanation>
  /** @param countMax default 32 */
  hotKeys(countMax?: number): Promise<HotKeySample[]>
}

/** Serves geekcache.v1.Node, which the commands `stats`, `ring`, `explain` and `hot` read. */
export function registerNodeService(server: Pick<GrpcServer, 'addService'>, node: NodeView): void {
  server.addService(nodeDefinition, {
    Stats: unaryHandler(async () => ({
      response: { self: node.self, counters: [...(await node.counters())] },
    })),
    Ring: unaryHandler(async ({ key }: RingRequest) => ({
      response: {
        members: [...(await node.members())],
        owners: key.length === 0 ? [] : [...(await node.owners(key))],
      },
    })),
    Explain: unaryHandler(async ({ group, key }: ExplainRequest) => ({
      response: await groupOf(node, group).explain(key),
    })),
    HotKeys: unaryHandler(async ({ group, count }: HotKeysRequest) => ({
      response: { keys: await groupOf(node, group).hotKeys(...(count === 0 ? [] : [count])) },
    })),
  })
}

function groupOf(node: NodeView, name: string): ExplainedGroup {
  const group = node.find(name)
  if (group === undefined) throw groupNotFound(name, 'NOT_FOUND')
  return group
}
