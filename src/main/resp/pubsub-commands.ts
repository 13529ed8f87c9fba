import { type Command, refuse } from './command.js'
import type { Reply } from './compose.js'
import type { Session } from './session.js'

/** Channels: any can be subscribed to, and one carries messages, the invalidations for clients of RESP2. */
export const PUBSUB_COMMANDS: readonly Command[] = [
  {
    name: 'subscribe',
    arity: -2,
    flags: ['pubsub', 'subscriber'],
    group: 'pubsub',
    summary: 'Listens to channels; __redis__:invalidate is the only one that ever has messages',
    usage: 'channel [channel …]',
    run: subscribe,
  },
  {
    name: 'unsubscribe',
    arity: -1,
    flags: ['pubsub', 'subscriber'],
    group: 'pubsub',
    summary: 'Listens to these channels no more, or to none',
    usage: '[channel …]',
    run: unsubscribe,
  },
]

function subscribe([, ...channels]: readonly Buffer[], session: Session, reply: Reply): void {
  const { channelsMax } = session.context.limits
  const all = new Set([...session.channels, ...channels.map((channel) => channel.toString('latin1'))])
  if (all.size > channelsMax) refuse(`ERR ${all.size} channels, the limit is ${channelsMax}`)
  for (const channel of channels) {
    session.channels.add(channel.toString('latin1'))
    tell(reply, 'subscribe', channel, session)
  }
}

function unsubscribe([, ...named]: readonly Buffer[], session: Session, reply: Reply): void {
  const channels =
    named.length > 0 ? named : [...session.channels].map((channel) => Buffer.from(channel, 'latin1'))
  if (channels.length === 0) tell(reply, 'unsubscribe', undefined, session)
  for (const channel of channels) {
    session.channels.delete(channel.toString('latin1'))
    tell(reply, 'unsubscribe', channel, session)
  }
}

function tell(reply: Reply, what: string, channel: Buffer | undefined, { channels }: Session): void {
  reply.push(3)
  reply.text(what)
  if (channel === undefined) reply.null()
  else reply.bulk(channel)
  reply.integer(channels.size)
}
