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

/**
 * Two of them, one of which begins with the other; a name would be told twice.
 *
 * @returns undefined when there are none
 */
export function overlapOf(prefixes: readonly string[]): readonly [string, string] | undefined {
  for (const [index, one] of prefixes.entries()) {
    const other = prefixes.find((prefix, at) => at !== index && prefix.startsWith(one))
    if (other !== undefined) return [one, other]
  }
  return undefined
}
