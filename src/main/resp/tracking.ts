/** Which reads of a client are remembered: all, those after CLIENT CACHING YES, all but those after NO, or none at all. */
export type TrackingMode = 'all' | 'optin' | 'optout' | 'broadcast'

/** What a client asked for with CLIENT TRACKING ON. */
export interface Tracking {
  readonly mode: TrackingMode
  /** Beginnings of the names that a broadcasting client hears of, one character a byte. */
  readonly prefixes: readonly string[]
  /** The client does not want to hear of its own deletes. */
  readonly noLoop: boolean
  /** Number of the client that gets the invalidations; 0 for the client itself. */
  readonly redirect: number
  /** That client is gone, and this one was told. */
  isBroken: boolean
  /** What CLIENT CACHING said of the command that follows. */
  caching: 'yes' | 'no' | undefined
}

/** True when the client keeps copies of what the command at hand reads. */
export function keepsCopies({ mode, caching }: Tracking): boolean {
  if (mode === 'optin') return caching === 'yes'
  return mode === 'broadcast' || caching !== 'no'
}

/** One of the two begins with the other: a name would be told twice. */
export function overlap(prefix: string, other: string): boolean {
  return prefix.startsWith(other) || other.startsWith(prefix)
}
