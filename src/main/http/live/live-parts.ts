import type { Clock } from '../../../shared/clock.js'
import type { FrontMetrics } from '../../../shared/front-metrics.js'
import type { ReaderPin } from '../../../shared/store/reader-pin.js'
import type { HotGroup } from '../../hot-group.js'
import type { Invalidations } from '../../invalidations.js'
import type { NodeView } from '../../node-view.js'
import type { ServedGroups } from '../../served-group.js'

/** One WebSocket, whatever library has it. */
export interface LiveSocket {
  /** Bytes that were sent and not yet taken by the system. */
  readonly bufferedAmount: number
  /** Sends a binary message. The bytes are not written to afterwards. */
  send(bytes: Uint8Array): void
  /** Ends the connection with a close frame. */
  close(code: number, reason: string): void
}

/** Which requests are answered; those that are not fail with UNIMPLEMENTED. */
export interface LivePlanes {
  /** get, getMany, watchKeys. */
  readonly data: boolean
  /** explain, hotKeys, stats, ring, watchStats. */
  readonly control: boolean
  readonly deletes: boolean
}

/** What the WebSocket protocol is served from: the cache as one thread sees it. */
export interface LiveParts {
  readonly groups: ServedGroups
  /** The groups whose hits this thread reads in place. */
  readonly hot: Iterable<HotGroup>
  /** Of this thread. */
  readonly pin: Pick<ReaderPin, 'enter' | 'leave'>
  readonly node: NodeView
  readonly invalidations: Pick<Invalidations, 'watch'>
  readonly clock: Clock
  /** Of this thread; the operator's address counts nothing. The TCP connections are counted by the HTTP server too. */
  readonly metrics?: FrontMetrics
  /** Calls `tick` every `everyMs` until what it returns is called. */
  readonly every: (everyMs: number, tick: () => void) => () => void
}
