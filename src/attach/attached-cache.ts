import type { MessagePort } from 'node:worker_threads'
import type { Welcome } from '../shared/attach-messages.js'
import { systemClock } from '../shared/clock.js'
import { CacheError } from '../shared/errors.js'
import { GroupReader, type ReaderThread } from '../shared/group-reader.js'
import type { GroupView, RingView } from '../shared/messages.js'
import { type NodeCounterRow, NodeCounters } from '../shared/node-counters.js'
import { Ring } from '../shared/ring.js'
import { Epochs } from '../shared/store/epoch.js'
import { ReaderPin } from '../shared/store/reader-pin.js'
import { AttachedGroup, type Whereabouts } from './attached-group.js'
import { MainLink, type News } from './main-link.js'

/** The cache of a node, used in another thread of its process. Comes from {@link attach}. */
export class AttachedCache {
  /** The way to the main thread, for what memory cannot answer. */
  readonly link: MainLink
  /** The pin of this thread, for fronts that read several hits under one. */
  readonly pin: ReaderPin
  /** What this thread counts of the node as a whole. */
  readonly metrics: NodeCounterRow
  readonly #reader: ReaderThread
  readonly #groups = new Map<string, AttachedGroup>()
  /** Names of the groups that there are, by number. */
  readonly #names = new Map<number, string>()
  readonly #where: Whereabouts
  #ring: RingView
  #owns: (bytes: Uint8Array, start: number, end: number) => boolean

  /** Use {@link attach}. */
  constructor(port: MessagePort, { thread, seed, epochs, counters, groups, ring }: Welcome) {
    this.pin = new ReaderPin(new Epochs(epochs), thread, systemClock)
    this.metrics = new NodeCounters(counters).row(thread, 'attached')
    this.#reader = { thread, seed, pin: this.pin }
    this.#ring = ring
    this.#owns = ownership(ring)
    const cache = this
    this.#where = {
      metrics: this.metrics.front('embed'),
      get self() {
        return cache.#ring.self
      },
      owns: (bytes, start, end) => this.#owns(bytes, start, end),
    }
    this.link = new MainLink(port, {
      onNews: (news) => this.#learn(news),
      // The number of this thread may soon be another's: nothing is read any more.
      onClose: () => this.#forgetAll(),
    })
    for (const view of groups) this.#add(view)
  }

  /** Address of the node. */
  get self(): string {
    return this.#ring.self
  }

  /** The group of that name: whether there is one is the main thread's to say, when it is used. */
  group(name: string): AttachedGroup {
    const known = this.#groups.get(name)
    if (known) return known
    const group = this.find(name)
    this.#groups.set(name, group)
    return group
  }

  /** As group(), for names that strangers choose: those of no group are not remembered. */
  find(name: string): AttachedGroup {
    return this.#groups.get(name) ?? new AttachedGroup(name, this.link, this.#where)
  }

  [Symbol.iterator](): Iterator<AttachedGroup> {
    return this.#groups.values()
  }

  /** Detaches this thread. Calls under way, and later ones, reject with FAILED_PRECONDITION. */
  close(): void {
    this.link.close(new CacheError('FAILED_PRECONDITION', 'This thread has closed its cache'))
  }

  #learn(news: News): void {
    if (news.kind === 'group') this.#add(news.view)
    else if (news.kind === 'groupGone') this.#remove(news.id)
    else if (news.kind === 'groupMoved') {
      this.#add(news.view)
      this.link.confirmMove(news.id)
    } else {
      this.#ring = news.ring
      this.#owns = ownership(news.ring)
    }
  }

  #add(view: GroupView): void {
    this.#names.set(view.id, view.name)
    const { keyBytesMax } = view
    this.group(view.name).setKnown({ reader: new GroupReader(view, this.#reader), keyBytesMax })
  }

  #remove(id: number): void {
    const name = this.#names.get(id)
    this.#names.delete(id)
    if (name !== undefined) this.#groups.get(name)?.setKnown(undefined)
  }

  #forgetAll(): void {
    for (const group of this.#groups.values()) group.setKnown(undefined)
  }
}

/** Whether the node that has this view of the ring owns a key. */
function ownership({ self, members, replicas }: RingView): Whereabouts['owns'] {
  if (members.every((member) => member === self)) return () => true
  const ring = new Ring(members, { replicas })
  return (bytes, start, end) => ring.owner(bytes, start, end) === self
}
