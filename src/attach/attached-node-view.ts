import type {
  CounterSample,
  ExplainedGroup,
  HotKeySample,
  KeyExplanation,
  NodeView,
  PeerSample,
  RingMember,
} from '../main/node-view.js'
import type { AttachedCache } from './attached-cache.js'

/** What the node of an attached thread tells about itself: the main thread is asked for all of it. */
export class AttachedNodeView implements NodeView {
  readonly #cache: AttachedCache

  constructor(cache: AttachedCache) {
    this.#cache = cache
  }

  get self(): string {
    return this.#cache.self
  }

  counters(): Promise<CounterSample[]> {
    return this.#cache.link.call({ kind: 'counters' })
  }

  members(): Promise<RingMember[]> {
    return this.#cache.link.call({ kind: 'members' })
  }

  peers(): Promise<PeerSample[]> {
    return this.#cache.link.call({ kind: 'peers' })
  }

  owners(key: Uint8Array): Promise<string[]> {
    return this.#cache.link.call({ kind: 'owners', key })
  }

  find(group: string): ExplainedGroup {
    const { link } = this.#cache
    return {
      explain: (key) => link.call<KeyExplanation>({ kind: 'explain', group, key }),
      hotKeys: (countMax) => link.call<HotKeySample[]>({ kind: 'hotKeys', group, countMax }),
    }
  }
}
