import type { GroupOptions, Log } from './node-options.js'

/** One line in the log for a group whose policy can go wrong. */
export function warnOfPolicy(group: string, { policy }: Partial<GroupOptions>, log: Log): void {
  if (policy !== 'sieve') return
  log.warn(
    { group },
    'SIEVE can collapse for good when the work changes: another policy or clear() brings it back',
  )
}
