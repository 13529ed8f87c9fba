import type { RingView } from '../../shared/messages.js'
import { Ring } from '../../shared/ring.js'
import type { CallOptions } from '../call.js'
import type { PollAnswer, PollRequest } from '../invalidation-poll.js'
import type { Peer, PeerPicker } from '../peer.js'

/** A peer that holds a connection. */
export interface ConnectedPeer extends Peer {
  /** Waits for what the peer has to tell of its keys. */
  poll(request: PollRequest, options: CallOptions): Promise<PollAnswer>
  /** Ends it. Calls in flight reject with UNAVAILABLE. */
  close(): void
}

export interface PeersOptions {
  /** Address of this node. */
  readonly self: string
  readonly replicas: number
  readonly connect: (address: string) => ConnectedPeer
  /** Told of every new ring. */
  readonly onRing: (ring: RingView) => void
}

/**
 * The ring and a connection to every other member of it, both changed together. One connection per peer lives as long
 * as the peer is a member.
 */
export class Peers implements PeerPicker {
  readonly #options: PeersOptions
  readonly #connections = new Map<string, ConnectedPeer>()
  #ring: Ring

  constructor(options: PeersOptions) {
    this.#options = options
    this.#ring = new Ring([options.self], { replicas: options.replicas })
  }

  get ring(): Ring {
    return this.#ring
  }

  /** All of them. */
  get connections(): Iterable<ConnectedPeer> {
    return this.#connections.values()
  }

  /** What other threads need to know of the ring. */
  get view(): RingView {
    return { self: this.#options.self, members: this.#ring.members, replicas: this.#options.replicas }
  }

  /** Takes the new view of the members; this node is in it or not. */
  setMembers(members: ReadonlySet<string>): void {
    const { self, replicas, connect, onRing } = this.#options
    const before = this.#ring.members.join()
    const ring = new Ring(members, { replicas })
    if (ring.members.join() === before) return
    for (const address of ring.members) {
      if (address !== self && !this.#connections.has(address))
        this.#connections.set(address, connect(address))
    }
    this.#ring = ring
    for (const [address, connection] of this.#connections) {
      if (members.has(address)) continue
      this.#connections.delete(address)
      connection.close()
    }
    onRing(this.view)
  }

  owns(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#connections.size === 0 || this.#ring.owner(bytes, start, end) === this.#options.self
  }

  pick(key: Uint8Array, countMax: number): readonly (Peer | undefined)[] {
    return this.#ring.owners(key, countMax).map((address) => this.#connections.get(address))
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close()
    this.#connections.clear()
  }
}
