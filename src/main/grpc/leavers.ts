import { TransientSet } from '../../shared/transient-set.js'
import type { Leaver, LeaverOwner } from './http2/leaver.js'
import type { TimeShare } from './http2/time-share.js'
import { Rounds } from './rounds.js'

/** What leavers need of their server. */
export interface LeaversHost {
  nowMs(): number
  newTimeShare(): TimeShare
  /** One has gone. */
  onGone(): void
}

/** The connections of a server that were told to go, and have not gone yet. */
export class Leavers implements LeaverOwner {
  readonly #host: LeaversHost
  readonly #leavers = new TransientSet<Leaver>()
  readonly #rounds: Rounds<Leaver>

  constructor(host: LeaversHost) {
    this.#host = host
    this.#rounds = new Rounds(this.#leavers, host.newTimeShare(), (leaver) => leaver.tick(host.nowMs()))
  }

  get size(): number {
    return this.#leavers.size
  }

  add(leaver: Leaver): void {
    leaver.owner = this
    this.#leavers.add(leaver)
  }

  /** To be called about every second: cuts off whose time is over, a slice of time in each turn. */
  tick(): void {
    this.#rounds.begin()
  }

  /** Cuts all. */
  close(): void {
    for (const leaver of this.#leavers.values()) leaver.destroy()
  }

  onGone(leaver: Leaver): void {
    if (this.#leavers.delete(leaver)) this.#host.onGone()
  }
}
