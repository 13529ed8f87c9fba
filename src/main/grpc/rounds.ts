import type { TimeShare } from './http2/time-share.js'

/** Members that may come and go at any time. */
export interface Membership<Member> {
  /** Those that are there now. */
  values(): Member[]
  has(member: Member): boolean
}

/** Visits the members of a set in rounds, a slice of time in each turn of the event loop. */
export class Rounds<Member> {
  readonly #members: Membership<Member>
  readonly #time: TimeShare
  readonly #visit: (member: Member) => void
  /** Of the round that is under way: who has not been visited. */
  #rest: Iterator<Member> | undefined

  constructor(members: Membership<Member>, time: TimeShare, visit: (member: Member) => void) {
    this.#members = members
    this.#time = time
    this.#visit = visit
  }

  /** Begins a round, unless one is under way. Members may come and go meanwhile; who comes has to wait for the next one. */
  begin(): void {
    if (this.#rest !== undefined) return
    this.#rest = this.#members.values().values()
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
      if (this.#members.has(value)) this.#visit(value)
    } while (!this.#time.over())
    this.#time.later(this.#goOn)
  }
}
