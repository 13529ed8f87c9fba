/** One sample of one counter; geekcache.v1.Counter on the wire. */
export interface CounterSample {
  name: string
  /** Empty for counters of the whole node. */
  group: string
  shard: number
  value: number
  /** What tells samples of one name apart beside group and shard; absent for none. */
  labels?: Readonly<Record<string, string>>
}

/** A member of the ring, as this node sees it. */
export interface RingMember {
  address: string
  /** Part of the key space that the member owns, 0…1. */
  share: number
  /** True for the node that answers. */
  self: boolean
}

/** Another member of the ring, and how this node's calls to it went. */
export interface PeerSample {
  address: string
  state: 'connected' | 'disconnected'
  /** Since it became a member. */
  calls: number
  /** Calls that brought no answer. */
  errors: number
  /** How long calls took lately; absent before the first. */
  latencyMs?: number
}

/** Who owns a key, and what the node that answers has of it. */
export interface KeyExplanation {
  owner: string
  isOwned: boolean
  shard: number
  present: boolean
  notFound: boolean
  ageMs?: number
  ttlLeftMs?: number
  valueBytes: number
  costBytes: number
  hits?: number
  /** How long a hot copy is still good: of a value that another node owns. */
  hotCopyMs?: number
}

/** A key that is asked for often; `hits` may be too high by `hitsOverMax`. */
export interface HotKeySample {
  key: Uint8Array
  hits: number
  hitsOverMax: number
}

/** What a node tells about itself; other threads than its main one have to ask. */
export interface NodeView {
  /** HOST:PORT under which the node is registered. */
  readonly self: string
  counters(): Iterable<CounterSample> | Promise<Iterable<CounterSample>>
  members(): Iterable<RingMember> | Promise<Iterable<RingMember>>
  /** The other members, by address. */
  peers(): Iterable<PeerSample> | Promise<Iterable<PeerSample>>
  /** Addresses of the owner of the key and of the nodes that would take over from it, in ring order. */
  owners(key: Uint8Array): Iterable<string> | Promise<Iterable<string>>
  find(group: string): ExplainedGroup | undefined
}

/** What can be asked about a group. */
export interface ExplainedGroup {
  explain(key: Uint8Array): Promise<KeyExplanation>
  /** @param countMax default 32 */
  hotKeys(countMax?: number): Promise<HotKeySample[]>
}
