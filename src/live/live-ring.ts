import type { PeerSample, RingMember } from '../main/node-view.js'
import { eachField, type WireReader } from './wire-reader.js'
import type { WireWriter } from './wire-writer.js'

/** The ring as a node sees it, and how its calls to the others go; geekcache.v1.LiveRing. */
export interface LiveRing {
  readonly members: readonly RingMember[]
  /** Owner of the key that was asked for, then the nodes that would take over from it. */
  readonly owners: readonly string[]
  readonly peers: readonly PeerSample[]
}

export function writeRing({ members, owners, peers }: LiveRing, writer: WireWriter): void {
  for (const { address, share, self } of members) {
    writer.message(1, () => writer.text(1, address).double(2, share).bool(3, self))
  }
  for (const owner of owners) writer.text(2, owner)
  for (const { address, state, calls, errors, latencyMs } of peers) {
    writer.message(3, () => {
      writer
        .text(1, address)
        .bool(2, state === 'connected')
        .uint(3, calls)
        .uint(4, errors)
      if (latencyMs !== undefined) writer.doubleAlways(5, latencyMs)
    })
  }
}

export function readRing(reader: WireReader): LiveRing {
  const members: RingMember[] = []
  const owners: string[] = []
  const peers: PeerSample[] = []
  eachField(reader, (field) => {
    if (field === 1) members.push(readMember(reader.message()))
    else if (field === 2) owners.push(reader.text())
    else if (field === 3) peers.push(readPeer(reader.message()))
    else return false
    return true
  })
  return { members, owners, peers }
}

function readMember(reader: WireReader): RingMember {
  const member: RingMember = { address: '', share: 0, self: false }
  eachField(reader, (field) => {
    if (field === 1) member.address = reader.text()
    else if (field === 2) member.share = reader.double()
    else if (field === 3) member.self = reader.bool()
    else return false
    return true
  })
  return member
}

function readPeer(reader: WireReader): PeerSample {
  const peer: PeerSample = { address: '', state: 'disconnected', calls: 0, errors: 0 }
  eachField(reader, (field) => {
    if (field === 1) peer.address = reader.text()
    else if (field === 2) peer.state = reader.bool() ? 'connected' : 'disconnected'
    else if (field === 3) peer.calls = reader.uint()
    else if (field === 4) peer.errors = reader.uint()
    else if (field === 5) peer.latencyMs = reader.double()
    else return false
    return true
  })
  return peer
}
