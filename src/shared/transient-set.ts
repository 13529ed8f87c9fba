import { TransientMap } from './transient-map.js'

/** A Set of members that come and go all the time: see {@link TransientMap}. */
export class TransientSet<Member> {
  readonly #members = new TransientMap<Member, true>()

  get size(): number {
    return this.#members.size
  }

  has(member: Member): boolean {
    return this.#members.has(member)
  }

  add(member: Member): void {
    this.#members.set(member, true)
  }

  /** False when it is not there. */
  delete(member: Member): boolean {
    return this.#members.delete(member)
  }

  /** Those that are there now, the oldest first. */
  values(): Member[] {
    return this.#members.keys()
  }

  /** Takes the oldest out, at most `countMax` of them. */
  take(countMax: number): Member[] {
    return this.#members.take(countMax)
  }
}
