import type { LiveAnswer, LiveValue } from '../../../live/live-reply.js'
import type { LiveCall } from '../../../live/live-request.js'
import { CacheError, groupNotFound } from '../../../shared/errors.js'
import type { Answer, CallOptions } from '../../call.js'
import type { ExplainedGroup } from '../../node-view.js'
import { groupNamed } from '../../served-group.js'
import { PREFIX_BYTES_MAX, WATCHED_NAME_MAX } from './live-limits.js'
import type { LiveParts, LivePlanes } from './live-parts.js'
import type { StatsFeed, StatsListener } from './stats-feed.js'

/** Most keys that `hotKeys` answers. */
const HOT_KEYS_MAX = 4096

type Of<Kind extends LiveCall['kind']> = Extract<LiveCall, { kind: Kind }>

/** Carries out the requests of clients: what each kind means to the cache, and which kinds are served here. */
export class LiveCalls {
  readonly #parts: LiveParts
  readonly #planes: LivePlanes
  readonly #feed: StatsFeed

  constructor(parts: LiveParts, planes: LivePlanes, feed: StatsFeed) {
    this.#parts = parts
    this.#planes = planes
    this.#feed = feed
  }

  /** Rejects with CacheError; anything else is a fault of the node. */
  async answer(call: LiveCall, options: CallOptions): Promise<LiveAnswer> {
    this.#assertServed(call.kind)
    const { groups, node } = this.#parts
    switch (call.kind) {
      case 'get': {
        const answer = await groupNamed(groups, call.group, 'NOT_FOUND').fetch(call.key, options)
        return { kind: 'value', value: this.#valueOf(answer) }
      }
      case 'getMany': {
        const answers = await groupNamed(groups, call.group, 'NOT_FOUND').fetchMany(call.keys, options)
        const results = answers.map((answer) =>
          answer instanceof CacheError ? answer : this.#valueOf(answer),
        )
        return { kind: 'values', results }
      }
      case 'delete':
        await groupNamed(groups, call.group, 'NOT_FOUND').remove(call.key, options)
        return { kind: 'done' }
      case 'explain':
        return { kind: 'explained', explanation: await this.#group(call.group).explain(call.key) }
      case 'hotKeys': {
        const { group, count } = call
        const keys = await this.#group(group).hotKeys(...(count === 0 ? [] : [Math.min(count, HOT_KEYS_MAX)]))
        return { kind: 'hotKeys', keys }
      }
      case 'stats':
        return { kind: 'stats', self: node.self, counters: [...(await node.counters())] }
      case 'ring': {
        const owners = call.key.length === 0 ? [] : [...(await node.owners(call.key))]
        const [members, peers] = await Promise.all([node.members(), node.peers()])
        return { kind: 'ring', ring: { members: [...members], owners, peers: [...peers] } }
      }
      default:
        throw new CacheError('INTERNAL', `${call.kind} has no answer`)
    }
  }

  /**
   * Tells of the keys of a group that changed. Returns what ends it.
   *
   * @throws CacheError UNIMPLEMENTED where values are not served
   */
  watchKeys(
    { kind, group, prefix }: Of<'watchKeys'>,
    onChange: (keys: readonly Uint8Array[] | 'all') => void,
  ): () => void {
    this.#assertServed(kind)
    if (group.length > WATCHED_NAME_MAX || this.#parts.groups.find(group) === undefined) {
      throw groupNotFound(group, 'NOT_FOUND')
    }
    if (prefix.length > PREFIX_BYTES_MAX) {
      throw new CacheError('INVALID_ARGUMENT', `A prefix has at most ${PREFIX_BYTES_MAX} bytes`)
    }
    // Of its own: a view would keep the whole message.
    const own = new Uint8Array(prefix)
    return this.#parts.invalidations.watch(group, (keys) => {
      if (keys === 'all' || own.length === 0) return onChange(keys)
      const chosen = keys.filter((key) => startsWith(key, own))
      if (chosen.length > 0) onChange(chosen)
    })
  }

  /**
   * Sends live statistics to the listener. Returns what ends it.
   *
   * @throws CacheError UNIMPLEMENTED where the control plane is not served
   */
  watchStats({ kind, everyMs }: Of<'watchStats'>, listener: StatsListener): () => void {
    this.#assertServed(kind)
    return this.#feed.subscribe(everyMs, listener)
  }

  #assertServed(kind: LiveCall['kind']): void {
    const { data, control, deletes } = this.#planes
    const isData = kind === 'get' || kind === 'getMany' || kind === 'watchKeys'
    if (kind === 'delete' ? deletes : isData ? data : control) return
    const where = isData ? 'the HTTP address' : 'the admin address'
    throw new CacheError('UNIMPLEMENTED', `${kind} is served on ${where} of this node`)
  }

  #group(name: string): ExplainedGroup {
    const group = this.#parts.node.find(name)
    if (group === undefined) throw groupNotFound(name, 'NOT_FOUND')
    return group
  }

  /** As it stands in a reply; who answered is not said when it was this node. */
  #valueOf({ value, outcome, ttlLeftMs, answeredBy }: Answer): LiveValue {
    return { value, outcome, ttlLeftMs, answeredBy: answeredBy === this.#parts.node.self ? '' : answeredBy }
  }
}

function startsWith(key: Uint8Array, prefix: Uint8Array): boolean {
  if (key.length < prefix.length) return false
  for (let i = 0; i < prefix.length; i++) if (key[i] !== prefix[i]) return false
  return true
}
