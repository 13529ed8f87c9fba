import type { CallOptions } from './call.js'
import { InvalidationFeed } from './invalidation/invalidation-feed.js'
import { InvalidationHub, type InvalidationHubParts } from './invalidation/invalidation-hub.js'
import type { WatchedShard } from './invalidation/local-watch.js'
import type { PolledPeer } from './invalidation/peer-watch.js'
import { PeerWatches } from './invalidation/peer-watches.js'
import type { PollAnswer, PolledNode, PollRequest } from './invalidation-poll.js'
import type { Watcher } from './invalidations.js'
import type { WatchedNode } from './threads/attached-watches.js'

export interface NodeInvalidationsParts extends Omit<InvalidationHubParts, 'remote'> {
  /** All shards of the node; a group lives on the first of them. */
  readonly shards: () => readonly WatchedShard[]
}

/** All that a node does to have copies of its values dropped: hears its shards and its peers, tells threads and peers. */
export class NodeInvalidations implements WatchedNode, PolledNode {
  readonly hub: InvalidationHub
  readonly #feed: InvalidationFeed
  readonly #peerWatches: PeerWatches
  readonly #shards: () => readonly WatchedShard[]

  constructor({ shards, ...parts }: NodeInvalidationsParts) {
    this.#shards = shards
    this.#peerWatches = new PeerWatches({
      onTold: (group, keys) => this.hub.tellOfPeer(group, keys),
      onCoverage: (group) => this.hub.tellCoverage(group),
    })
    this.hub = new InvalidationHub({ ...parts, remote: this.#peerWatches })
    this.#feed = new InvalidationFeed(this.hub)
  }

  addGroup(id: number, name: string, shardCount: number): void {
    this.hub.addGroup({ id, name, shards: this.#shards().slice(0, shardCount) })
  }

  /** There is another ring, with these other nodes in it. */
  setPeers(peers: Iterable<PolledPeer>): void {
    this.#peerWatches.setPeers(peers)
    this.hub.onRing()
  }

  subscribe(group: string, watcher: Watcher): () => void {
    return this.hub.subscribe(group, watcher)
  }

  covering(group: string): string[] {
    return this.hub.covering(group)
  }

  poll(request: PollRequest, options: CallOptions): Promise<PollAnswer> {
    return this.#feed.poll(request, options)
  }

  /** Peers are told nothing any more; who watches here is told of all keys, once. */
  close(): void {
    this.#feed.close()
    this.#peerWatches.close()
    this.hub.close()
  }
}
