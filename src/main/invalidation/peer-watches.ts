import type { RemoteWatches } from './invalidation-hub.js'
import { PeerWatch, type PeerWatchParts, type PolledPeer } from './peer-watch.js'

/** Hears from all peers, of the groups that are watched. */
export class PeerWatches implements RemoteWatches {
  readonly #parts: Omit<PeerWatchParts, 'groups'>
  readonly #groups = new Set<string>()
  readonly #byAddress = new Map<string, PeerWatch>()

  constructor(parts: Omit<PeerWatchParts, 'groups'>) {
    this.#parts = parts
  }

  /** Those that there are now, this node excepted. */
  setPeers(peers: Iterable<PolledPeer>): void {
    const current = new Map(Array.from(peers, (peer) => [peer.address, peer]))
    for (const [address, watch] of this.#byAddress) {
      if (current.get(address) === watch.peer) continue
      this.#byAddress.delete(address)
      watch.close()
    }
    for (const [address, peer] of current) {
      if (this.#byAddress.has(address)) continue
      const watch = new PeerWatch(peer, { ...this.#parts, groups: () => [...this.#groups] })
      this.#byAddress.set(address, watch)
      if (this.#groups.size > 0) watch.refresh()
    }
  }

  watch(group: string): void {
    this.#groups.add(group)
    this.#refresh()
  }

  unwatch(group: string): void {
    this.#groups.delete(group)
    this.#refresh()
  }

  covers(address: string, group: string): boolean {
    return this.#byAddress.get(address)?.covers(group) ?? false
  }

  covering(group: string): string[] {
    return [...this.#byAddress].flatMap(([address, watch]) => (watch.covers(group) ? [address] : []))
  }

  close(): void {
    for (const watch of this.#byAddress.values()) watch.close()
    this.#byAddress.clear()
  }

  #refresh(): void {
    for (const watch of this.#byAddress.values()) watch.refresh()
  }
}
