import { type Command, integerOf, refuse, wordOf } from './command.js'
import type { Reply } from './compose.js'
import type { Session } from './session.js'
import { overlap, type Tracking, type TrackingMode } from './tracking.js'

/** The subcommands of CLIENT for client-side caching. */
export const TRACKING_SUBCOMMANDS: readonly Command[] = [
  {
    name: 'tracking',
    arity: -3,
    group: 'connection',
    summary: 'Tells the client when a value of which it keeps a copy changes or goes',
    usage: 'ON | OFF [REDIRECT client-id] [PREFIX prefix …] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]',
    run: track,
  },
  {
    name: 'caching',
    arity: 3,
    flags: ['fast'],
    group: 'connection',
    summary: 'Whether the client keeps a copy of what the next command reads',
    usage: 'YES | NO',
    run: setCaching,
  },
  {
    name: 'trackinginfo',
    arity: 2,
    flags: ['fast'],
    group: 'connection',
    summary: 'What the client asked for with TRACKING',
    run: tellTracking,
  },
  {
    name: 'getredir',
    arity: 2,
    flags: ['fast'],
    group: 'connection',
    summary: 'Who gets the invalidations: 0 for this client, −1 without tracking',
    run: (_args, { tracking }, reply) => reply.integer(tracking === undefined ? -1 : tracking.redirect),
  },
]

function track(args: readonly Buffer[], session: Session, reply: Reply): void {
  const { tracker } = session.context
  const word = wordOf(args[2])
  if (word !== 'ON' && word !== 'OFF') refuse('ERR syntax error')
  if (word === 'OFF') {
    readOptions(args, session)
    tracker.stop(session)
    session.tracking = undefined
    reply.ok()
    return
  }
  const tracking = readOptions(args, session)
  const before = session.tracking
  if (before !== undefined && (before.mode === 'broadcast') !== (tracking.mode === 'broadcast')) {
    refuse(
      "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then re-enabling it with a different mode.",
    )
  }
  const prefixes = before?.mode === 'broadcast' ? merged(before, tracking, session) : tracking.prefixes
  session.tracking = { ...tracking, prefixes }
  tracker.start(session, session.context.groupNames())
  reply.ok()
}

/** @throws CommandError for options that contradict each other, in Redis's words */
function readOptions(args: readonly Buffer[], session: Session): Tracking {
  const words = new Set<string>()
  const prefixes: string[] = []
  let redirect = 0
  for (let at = 3; at < args.length; at++) {
    const word = wordOf(args[at])
    words.add(word)
    if (word === 'REDIRECT' && at + 1 < args.length) {
      redirect = integerOf(args[++at])
      if (redirect !== 0 && session.context.client(redirect) === undefined) {
        refuse('ERR The client ID you want redirect to does not exist')
      }
    } else if (word === 'PREFIX' && at + 1 < args.length) prefixes.push(args[++at]!.toString('latin1'))
    else if (!['BCAST', 'OPTIN', 'OPTOUT', 'NOLOOP'].includes(word)) refuse('ERR syntax error')
  }
  const has = (word: string) => words.has(word)
  if (prefixes.length > 0 && !has('BCAST')) refuse('ERR PREFIX option requires BCAST mode to be enabled')
  if (has('BCAST') && (has('OPTIN') || has('OPTOUT')))
    refuse('ERR OPTIN and OPTOUT are not compatible with BCAST')
  if (has('OPTIN') && has('OPTOUT')) refuse("ERR You can't specify both OPTIN mode and OPTOUT mode")
  const mode: TrackingMode = has('BCAST')
    ? 'broadcast'
    : has('OPTIN')
      ? 'optin'
      : has('OPTOUT')
        ? 'optout'
        : 'all'
  const all = mode === 'broadcast' && prefixes.length === 0 ? [''] : prefixes
  assertPrefixes(all, session)
  return { mode, prefixes: all, noLoop: has('NOLOOP'), redirect, isBroken: false, caching: undefined }
}

/** The prefixes of a client that asks for more of them. */
function merged(before: Tracking, { prefixes }: Tracking, session: Session): string[] {
  const added = prefixes.filter((prefix) => !before.prefixes.includes(prefix))
  for (const prefix of added) {
    const other = before.prefixes.find((existing) => overlap(prefix, existing))
    if (other !== undefined) refuseOverlap(prefix, 'an existing', other)
  }
  const all = [...before.prefixes, ...added]
  assertCount(all, session)
  return all
}

function assertPrefixes(prefixes: readonly string[], session: Session): void {
  assertCount(prefixes, session)
  for (const [index, prefix] of prefixes.entries()) {
    const other = prefixes.slice(index + 1).find((provided) => overlap(prefix, provided))
    if (other !== undefined) refuseOverlap(prefix, 'another provided', other)
  }
}

function assertCount({ length }: readonly string[], { context: { limits } }: Session): void {
  if (length > limits.prefixesMax) refuse(`ERR ${length} prefixes, the limit is ${limits.prefixesMax}`)
}

function refuseOverlap(prefix: string, which: string, other: string): never {
  refuse(
    `ERR Prefix '${prefix}' overlaps with ${which} prefix '${other}'. Prefixes for a single client must not overlap.`,
  )
}

function setCaching([, , arg]: readonly Buffer[], { tracking }: Session, reply: Reply): void {
  if (tracking === undefined || (tracking.mode !== 'optin' && tracking.mode !== 'optout')) {
    refuse(
      'ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode enabled',
    )
  }
  const word = wordOf(arg)
  if (word !== 'YES' && word !== 'NO') refuse('ERR syntax error')
  if (word === 'YES' && tracking.mode !== 'optin') {
    refuse('ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.')
  }
  if (word === 'NO' && tracking.mode !== 'optout') {
    refuse('ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.')
  }
  tracking.caching = word === 'YES' ? 'yes' : 'no'
  reply.ok()
}

function tellTracking(_args: readonly Buffer[], { tracking }: Session, reply: Reply): void {
  const flags = tracking === undefined ? ['off'] : flagsOf(tracking)
  reply.map(3)
  reply.text('flags')
  reply.set(flags.length)
  for (const flag of flags) reply.text(flag)
  reply.text('redirect')
  reply.integer(tracking === undefined ? -1 : tracking.redirect)
  reply.text('prefixes')
  const prefixes = tracking?.prefixes ?? []
  reply.array(prefixes.length)
  for (const prefix of prefixes) reply.bulk(Buffer.from(prefix, 'latin1'))
}

function flagsOf({ mode, noLoop, isBroken, caching }: Tracking): string[] {
  return [
    'on',
    ...(mode === 'broadcast' ? ['bcast'] : mode === 'all' ? [] : [mode]),
    ...(caching === undefined ? [] : [`caching-${caching}`]),
    ...(noLoop ? ['noloop'] : []),
    ...(isBroken ? ['broken_redirect'] : []),
  ]
}
