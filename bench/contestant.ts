import { type Engine, GROUP, startBenchNode, type Values } from './bench-node.js'
import { getAnswerBytes, getRequest } from './load/get-request.js'
import type { Target } from './load/h2load.js'
import { buildGoPeers } from './peers/go-peers.js'
import type { Pinning } from './pinning.js'
import { ServerProcess } from './server-process.js'

/** A server that takes part. */
export interface Contestant {
  readonly name: string
  readonly server: ServerProcess
  /** HTTP/1.1 has no streams: such a server runs with one call in flight on each connection only. */
  readonly transport: 'gRPC' | 'HTTP/1.1'
  target(key: string, valueBytes: number): Target
}

/** Starts all that can run here; `notes` gets a line for those that cannot. */
export async function startContestants(
  values: Values,
  pinning: Pinning,
  notes: string[],
  progress: (line: string) => void,
): Promise<Contestant[]> {
  const contestants: Contestant[] = []
  for (const engine of ['native', 'grpc-js'] as Engine[]) {
    contestants.push(overGrpc(`geek-cache, ${engine}`, await startBenchNode(engine, values, pinning)))
  }
  const peers = buildGoPeers(progress)
  if ('missing' in peers) {
    notes.push(peers.missing)
    return contestants
  }
  const start = (program: string) =>
    ServerProcess.start(pinning.server([program, '-values', values.valuesFile]))
  contestants.push(overGrpc('grpc-go', await start(peers.grpcServer)))
  const groupcache = await start(peers.groupcache)
  contestants.push({
    name: 'groupcache (Go), HTTP/1.1',
    server: groupcache,
    transport: 'HTTP/1.1',
    target: (key) => ({ url: `http://${groupcache.address}/_groupcache/${GROUP}/${key}` }),
  })
  return contestants
}

function overGrpc(name: string, server: ServerProcess): Contestant {
  return {
    name,
    server,
    transport: 'gRPC',
    target: (key, valueBytes) => ({
      url: `http://${server.address}/pb.GroupCache/Get`,
      body: getRequest(GROUP, key),
      answerBytes: getAnswerBytes(valueBytes),
    }),
  }
}
