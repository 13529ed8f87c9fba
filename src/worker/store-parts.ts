import type { Clock } from '../shared/clock.js'
import type { HashSeed } from '../shared/hash.js'
import type { AccessLog } from '../shared/store/access-log.js'
import type { Epochs } from '../shared/store/epoch.js'
import type { PolicyFactory } from './policy/policy.js'

/** Told of entries that leave by themselves, and of those that readers found. */
export interface StoreEvents {
  onEvict(): void
  onExpire(): void
  /** Late and incomplete, as readers' hints are. The key is `bytes[start…end)`, for the time of the call. */
  onHit(hash: number, bytes: Uint8Array, start: number, end: number): void
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
  /** How long renewable entries are kept after their time to live, in ms. Default 0; at most STALE_MS_MAX. */
  readonly staleMs?: number
  /** Last part of its time to live in which a renewable entry that is read falls due, 0…1. Default 0: never. */
  readonly refreshAhead?: number
}
