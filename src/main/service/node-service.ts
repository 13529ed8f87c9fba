import { groupNotFound } from '../../shared/errors.js'
import type { GrpcServer } from '../grpc-server.js'
import type { ExplainedGroup, NodeView } from '../node-view.js'
import type { CallRecord } from './call-record.js'
import { type ExplainRequest, type HotKeysRequest, nodeDefinition, type RingRequest } from './node-codec.js'
import { unaryHandler } from './unary-handler.js'

/** Serves geekcache.v1.Node, which the commands `stats`, `ring`, `explain` and `hot` read. */
export function registerNodeService(
  server: Pick<GrpcServer, 'addService'>,
  node: NodeView,
  record?: CallRecord,
): void {
  server.addService(nodeDefinition, {
    Stats: unaryHandler(
      async () => ({
        response: { self: node.self, counters: [...(await node.counters())] },
      }),
      record,
    ),
    Ring: unaryHandler(
      async ({ key }: RingRequest) => ({
        response: {
          members: [...(await node.members())],
          owners: key.length === 0 ? [] : [...(await node.owners(key))],
        },
      }),
      record,
    ),
    Explain: unaryHandler(
      async ({ group, key }: ExplainRequest) => ({
        response: await groupOf(node, group).explain(key),
      }),
      record,
    ),
    HotKeys: unaryHandler(
      async ({ group, count }: HotKeysRequest) => ({
        response: { keys: await groupOf(node, group).hotKeys(...(count === 0 ? [] : [count])) },
      }),
      record,
    ),
  })
}

function groupOf(node: NodeView, name: string): ExplainedGroup {
  const group = node.find(name)
  if (group === undefined) throw groupNotFound(name, 'NOT_FOUND')
  return group
}
