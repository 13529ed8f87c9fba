import type { ShardRequest } from './messages.js'
import { type Pack, PackReader, PackWriter, packRuns } from './pack.js'

type LoadRequest = Extract<ShardRequest, { kind: 'load' }>

const NUMBERS_PER_LOAD = 6

/** The requests of one turn as they go to a worker: loads packed, in their order among the others. */
export function packLoads(requests: readonly ShardRequest[]): (ShardRequest | Pack)[] {
  return packRuns(requests, isPackable, pack)
}

/** Hands over what was packed, in its order. */
export function unpackLoads(
  requests: readonly (ShardRequest | Pack)[],
  take: (request: ShardRequest) => void,
): void {
  for (const request of requests) {
    if (request instanceof ArrayBuffer) unpack(request, take)
    else take(request)
  }
}

/** A trace is rare and has fields of its own: it goes as an object. */
function isPackable(request: ShardRequest): request is LoadRequest {
  return request.kind === 'load' && request.trace === undefined
}

function pack(loads: readonly LoadRequest[]): Pack {
  const keyBytes = loads.reduce((sum, { key }) => sum + key.length, 0)
  const writer = new PackWriter(NUMBERS_PER_LOAD * loads.length, keyBytes)
  for (const load of loads) {
    writer.number(load.id)
    writer.number(load.group)
    writer.bytes(load.key)
    writer.number(load.hash)
    writer.number(load.deadlineMs)
    writer.number(load.ttlMsMax)
  }
  return writer.pack
}

function unpack(loads: Pack, take: (load: LoadRequest) => void): void {
  const reader = new PackReader(loads)
  while (!reader.isAtEnd) {
    take({
      kind: 'load',
      id: reader.number(),
      group: reader.number(),
      key: reader.bytes(),
      hash: reader.number(),
      deadlineMs: reader.number(),
      ttlMsMax: reader.number(),
    })
  }
}
