import type { TimeShare } from './http2/time-share.js'

/** Visits the members of a set in rounds, a slice of time in each turn of the event loop. */
export class Rounds<Member> {
  readonly #members: ReadonlySet<Member>
  readonly #time: TimeShare
  readonly #visit: (member: Member) => void
  /** Of the round that is under way: who has not been visited. */
  #rest: IterableIterator<Member> | undefined

  constructor(members: ReadonlySet<Member>, time: TimeShare, visit: (member: Member) => void) {
    this.#members = members
    this.#time = time
    this.#visit = visit
  }

  /** Begins a round, unless one is under way. Members may come and go meanwhile. */
  begin(): void {
    if (this.#rest !== undefined) return
    this.#rest = this.#members.values()
    this.#goOn()
  }

  readonly #goOn = (): void => {
    this.#time.begin()
    do {
      const { done, value } = this.#rest!.next()
      if (done === true) {
        this.#rest = undefined
        return
      }
      this.#visit(value)
    } while (!this.#time.over())
    this.#time.later(this.#goOn)
  }
}
