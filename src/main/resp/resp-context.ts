import type { Clock } from '../../shared/clock.js'
import type { FrontMetrics } from '../../shared/front-metrics.js'
import type { NodeView } from '../node-view.js'
import type { Command } from './command.js'
import type { KeySpace } from './key-space.js'
import type { RespLimits } from './limits.js'
import type { RespCounters } from './resp-counters.js'
import type { Session } from './session.js'
import type { Tracker } from './tracker.js'

/** What the sessions of a server share. */
export interface RespContext {
  readonly keys: KeySpace
  readonly node: NodeView
  readonly tracker: Tracker
  readonly counters: RespCounters
  /** What this thread counts of the front, beside all others of the node. */
  readonly metrics: FrontMetrics
  readonly limits: RespLimits
  readonly clock: Clock
  /** What clients must know; undefined when anybody may read. */
  readonly password: string | undefined
  /** How long a request may take, in ms. */
  readonly deadlineMs: number
  /** Milliseconds of the wall clock when the server started. */
  readonly startedAtMs: number
  /** Of this package. */
  readonly version: string
  /** HOST:PORT that is listened on. */
  readonly address: string
  /** By name. */
  readonly commands: ReadonlyMap<string, Command>
  groupNames(): Iterable<string>
  clients(): Iterable<Session>
  /** A connection was closed for what its client did. */
  onDropped(session: Session, why: string): void
  client(id: number): Session | undefined
}
