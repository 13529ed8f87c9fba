import type { Invalidated, InvalidationTeller, Watcher } from '../invalidations.js'
import type { Log } from '../node-options.js'
import { Watchers } from '../watchers.js'
import { LocalWatch, type WatchedGroup } from './local-watch.js'

/** Hears of the keys of other nodes. */
export interface RemoteWatches {
  watch(group: string): void
  unwatch(group: string): void
  /** True when the node of that address tells of the keys of the group that it owns. */
  covers(address: string, group: string): boolean
  /** Addresses of those for which covers() is true. */
  covering(group: string): readonly string[]
}

/** A group, as it is told of keys before anybody else: who asks from here on must not join a call from before. */
export interface ForgetfulGroup {
  forgetLoads(keys: Invalidated): void
  forgetPeerCalls(keys: Invalidated): void
}

export interface InvalidationHubParts {
  readonly self: () => string
  /** Address of the node that owns a key. */
  readonly ownerOf: (key: Uint8Array) => string | undefined
  readonly remote: RemoteWatches
  readonly group: (name: string) => ForgetfulGroup | undefined
  readonly log: Log
}

/** One group that somebody watches. */
interface Watched {
  readonly local: LocalWatch
  /** Watchers of both kinds. */
  count: number
}

/**
 * Gathers what the shards of this node and its peers tell of keys, and hands it to those who watch. Shards, and peers,
 * tell of groups only that somebody watches here.
 */
export class InvalidationHub implements InvalidationTeller {
  readonly #parts: InvalidationHubParts
  readonly #groups = new Map<string, WatchedGroup>()
  readonly #names = new Map<number, string>()
  readonly #watched = new Map<string, Watched>()
  /** Those who watch what the whole ring tells, and those who watch what this node tells. */
  readonly #watchers: Watchers
  readonly #localWatchers: Watchers
  #isClosed = false

  constructor(parts: InvalidationHubParts) {
    this.#parts = parts
    const onThrow = (thrown: unknown): void =>
      parts.log.error({ err: thrown }, 'A listener of invalidations threw')
    this.#watchers = new Watchers(onThrow)
    this.#localWatchers = new Watchers(onThrow)
  }

  watch(group: string, listener: (keys: Invalidated) => void): () => void {
    return this.subscribe(group, { onInvalidated: listener })
  }

  /** As watch(), and hears when what is covered changes. */
  subscribe(group: string, watcher: Watcher): () => void {
    if (!this.#watchers.has(group)) this.#parts.remote.watch(group)
    return this.#subscribe(this.#watchers, group, watcher, () => {
      if (!this.#watchers.has(group)) this.#parts.remote.unwatch(group)
    })
  }

  /** Hears of the keys in this node's memory alone: for peers, which hear of the others from others. */
  subscribeLocal(group: string, watcher: Watcher): () => void {
    return this.#subscribe(this.#localWatchers, group, watcher, () => {})
  }

  covers(group: string, key: Uint8Array): boolean {
    // What this node keeps of another's keys, when it stands in for it, is this node's to tell.
    if (!this.coversLocal(group)) return false
    const owner = this.#parts.ownerOf(key)
    return owner === this.#parts.self() || (owner !== undefined && this.#parts.remote.covers(owner, group))
  }

  /** True while all changes in this node's memory are told. */
  coversLocal(group: string): boolean {
    return this.#watched.get(group)?.local.isTelling ?? false
  }

  hasGroup(name: string): boolean {
    return this.#groups.has(name)
  }

  /** Addresses of the nodes whose keys are covered. */
  covering(group: string): string[] {
    if (!this.coversLocal(group)) return []
    return [this.#parts.self(), ...this.#parts.remote.covering(group)]
  }

  tell(group: string, keys: Invalidated): void {
    this.#watchers.tell(group, keys)
  }

  /** Takes what a peer told, or that it cannot be heard any more. */
  tellOfPeer(group: string, keys: Invalidated): void {
    this.#parts.group(group)?.forgetPeerCalls(keys)
    this.#watchers.tell(group, keys)
  }

  /** Takes what a shard of this node told. */
  tellOfShard(id: number, keys: Invalidated): void {
    const group = this.#names.get(id)
    if (group !== undefined) this.#tellLocal(group, keys)
  }

  /** A peer is heard, or not any more. */
  tellCoverage(group: string): void {
    this.#watchers.tellCoverage(group)
  }

  addGroup(group: WatchedGroup): void {
    this.#groups.set(group.name, group)
    this.#names.set(group.id, group.name)
    this.#watched.get(group.name)?.local.setGroup(group)
  }

  removeGroup(id: number): void {
    const group = this.#names.get(id)
    this.#names.delete(id)
    if (group === undefined || this.#groups.get(group)?.id !== id) return
    this.#groups.delete(group)
    this.#watched.get(group)?.local.setGroup(undefined)
    this.#lose(group)
  }

  /** The thread of a shard died, and with it what it had to tell. */
  onDeath(shard: number): void {
    for (const [group, { local }] of this.#watched) if (local.onDeath(shard)) this.#lose(group)
  }

  /** Keys have other owners: what the former ones told of may have changed at the new ones. */
  onRing(): void {
    for (const group of this.#watchers.groups) {
      this.tellOfPeer(group, 'all')
      this.#watchers.tellCoverage(group)
    }
  }

  /** Tells everybody of all keys, and then nothing any more. */
  close(): void {
    this.#isClosed = true
    for (const { local } of this.#watched.values()) local.setGroup(undefined)
    for (const group of this.#watched.keys()) this.#lose(group)
    this.#groups.clear()
  }

  #subscribe(watchers: Watchers, group: string, watcher: Watcher, onEnd: () => void): () => void {
    const watched = this.#watched.get(group) ?? this.#start(group)
    watched.count++
    const stop = watchers.add(group, watcher)
    let hasEnded = false
    return () => {
      if (hasEnded) return
      hasEnded = true
      stop()
      onEnd()
      if (--watched.count > 0) return
      this.#watched.delete(group)
      watched.local.setGroup(undefined)
    }
  }

  #start(group: string): Watched {
    const local = new LocalWatch(() => {
      this.#localWatchers.tellCoverage(group)
      this.#watchers.tellCoverage(group)
    })
    const watched = { local, count: 0 }
    this.#watched.set(group, watched)
    if (!this.#isClosed) local.setGroup(this.#groups.get(group))
    return watched
  }

  #lose(group: string): void {
    this.#tellLocal(group, 'all')
    this.#localWatchers.tellCoverage(group)
    this.#watchers.tellCoverage(group)
  }

  #tellLocal(group: string, keys: Invalidated): void {
    if (!this.#watched.has(group)) return
    this.#parts.group(group)?.forgetLoads(keys)
    this.#localWatchers.tell(group, keys)
    this.#watchers.tell(group, keys)
  }
}
