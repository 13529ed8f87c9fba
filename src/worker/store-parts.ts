import type { Clock } from '../shared/clock.js'
import type { HashSeed } from '../shared/hash.js'
import type { AccessLog } from '../shared/store/access-log.js'
import type { EntryViews } from '../shared/store/entry.js'
import type { Epochs } from '../shared/store/epoch.js'
import type { PolicyFactory } from './policy/policy.js'

/** Told of entries that leave by themselves, and of those that readers found. */
export interface StoreEvents {
  onEvict(): void
  onExpire(): void
  /** Late and incomplete, as readers' hints are. The key is `bytes[start…end)`, for the time of the call. */
  onHit(hash: number, bytes: Uint8Array, start: number, end: number): void
}

/** Told of entries whose value nobody will find any more, while they still lie in their place. */
export interface Departures {
  /** For whatever reason, but when the store is cleared: that is the owner's doing. */
  onLeave(views: EntryViews, place: number): void
  /** The key's value of before, which may be the same, and the one that takes its place. */
  onReplace(views: EntryViews, before: number, after: number): void
}

/** What a store works with; shared by the stores of a worker, but for `policy`. */
export interface StoreParts {
  readonly epochs: Epochs
  readonly accessLog: AccessLog
  readonly threadCount: () => number
  readonly seed: HashSeed
  readonly clock: Clock
  readonly policy: PolicyFactory
  readonly events: StoreEvents
  readonly departures?: Departures
  /** How long renewable entries are kept after their time to live, in ms. Default 0; at most STALE_MS_MAX. */
  readonly staleMs?: number
  /** Last part of its time to live in which a renewable entry that is read falls due, 0…1. Default 0: never. */
  readonly refreshAhead?: number
}
