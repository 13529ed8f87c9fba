/** How a registry stands, for statistics. */
export interface RegistryStatus {
  readonly kind: 'static' | 'etcd'
  /**
   * idle: not started. connecting: no view yet. connected: the view is live. disconnected: the last view serves on.
   * closed: this node has left.
   */
  readonly state: 'idle' | 'connecting' | 'connected' | 'disconnected' | 'closed'
  readonly members: number
  /** Milliseconds since all members were last read as one list; undefined when they never were. */
  readonly lastListAgeMs?: number
  /** The lease that this node is registered under, as etcd's decimal number. */
  readonly leaseId?: string
  /** How often this node has written its registration: 1 unless the registration got lost. */
  readonly registrations: number
  /** How often the connection to the registry was lost, or could not be made after it had been lost. */
  readonly connectionFailures: number
}

/** Who the members of the ring are. Never on the path of a request: it pushes views, nobody waits for one. */
export interface Registry {
  /**
   * Joins, and calls back with every new view, each a set of its own, the first before the promise resolves. This node
   * is always in it. Resolves within a bounded time, also where the registry cannot be reached: the view is then this
   * node alone until it can. May be called once.
   *
   * @throws CacheError FAILED_PRECONDITION when it was started or closed before
   */
  start(onChange: (members: ReadonlySet<string>) => void): Promise<void>
  /** Leaves, so that others see it at once, and stops calling back. Bounded in time, never rejects, may be repeated. */
  close(): Promise<void>
  status(): RegistryStatus
}
