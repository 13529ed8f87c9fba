import type { FrontMetrics } from '../../shared/front-metrics.js'
import type { NodeCounterRow } from '../../shared/node-counters.js'
import { OUTCOMES, RequestOutcome, wordOf } from '../../shared/node-metrics.js'

const FRONT = 'resp'

/** What this front counts, in the row of the thread that it runs in. */
export class RespMetrics {
  /** Requests, connections and bytes. */
  readonly front: FrontMetrics
  /** Of the socket read at hand: they share its time, and are counted at its end. */
  readHits = 0
  readonly #row: NodeCounterRow
  readonly #held: number
  readonly #trackingClients: number
  readonly #trackedKeys: number
  readonly #invalidations: number

  constructor(row: NodeCounterRow) {
    this.front = row.front(FRONT)
    this.#row = row
    this.#held = row.at + wordOf('resp_held')
    this.#trackingClients = row.at + wordOf('resp_tracking_clients')
    this.#trackedKeys = row.at + wordOf('resp_tracked_keys')
    this.#invalidations = row.at + wordOf('resp_invalidations')
  }

  /** The hits of one socket read, which began at `startedMs`. */
  recordHits(startedMs: number): void {
    if (this.readHits === 0) return
    this.front.record(RequestOutcome.hit, (performance.now() - startedMs) * 1000, this.readHits)
    this.readHits = 0
  }

  /** A command that asked for no value was carried out. */
  done(): void {
    this.front.count(RequestOutcome.done)
  }

  setHeld(bytes: number): void {
    this.#row.words[this.#held] = bytes
  }

  setTracked(clients: number, keys: number): void {
    this.#row.words[this.#trackingClients] = clients
    this.#row.words[this.#trackedKeys] = keys
  }

  invalidated(count: number): void {
    this.#row.words[this.#invalidations]! += count
  }

  get heldBytes(): number {
    return this.#row.words[this.#held]!
  }

  /** What a counter stands at that every front has. */
  get(name: 'connections' | 'connections_open' | 'connections_refused' | 'received' | 'sent'): number {
    return this.#row.get(name, [FRONT])
  }

  /** Requests that ended, of all outcomes, and of those that were errors. */
  requests(): { readonly all: number; readonly failed: number } {
    let all = 0
    let failed = 0
    for (const [number, outcome] of OUTCOMES.entries()) {
      const count = this.#row.get('requests', [FRONT, outcome])
      all += count
      if (number > RequestOutcome.done) failed += count
    }
    return { all, failed }
  }
}
