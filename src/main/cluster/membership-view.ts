/**
 * The members as the ring should see them, made of what the registry says. This node is always a member.
 *
 * Members may join at any time, but leave only while the view is settled. It is not settled from the loss of a
 * connection until a while after the next one: an etcd that lost its data, or stood still for longer than a lease,
 * knows nobody until everyone has registered again, and a ring that shrank to one node in between would send every
 * key to its source.
 */
export class MembershipView {
  readonly #self: string
  readonly #registered = new Set<string>()
  #members: ReadonlySet<string>
  #settledAtMs = Number.POSITIVE_INFINITY

  constructor(self: string) {
    this.#self = self
    this.#members = new Set([self])
  }

  /** Never changed in place: a change makes a new set. */
  get members(): ReadonlySet<string> {
    return this.#members
  }

  /** Holds everyone who is a member now until that time, and until further notice without one. */
  holdUntil(atMs = Number.POSITIVE_INFINITY): void {
    this.#settledAtMs = atMs
  }

  /** Takes over a complete list. */
  replace(addresses: Iterable<string>): void {
    this.#registered.clear()
    for (const address of addresses) this.#registered.add(address)
  }

  add(address: string): void {
    this.#registered.add(address)
  }

  remove(address: string): void {
    this.#registered.delete(address)
  }

  /** Brings the members up to date; true when that changed them. */
  refresh(nowMs: number): boolean {
    const held = nowMs < this.#settledAtMs ? this.#members : []
    const next = new Set([this.#self, ...this.#registered, ...held])
    if (next.size === this.#members.size && [...next].every((address) => this.#members.has(address)))
      return false
    this.#members = next
    return true
  }
}
