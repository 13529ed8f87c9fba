import type { MessagePort } from 'node:worker_threads'
import type { CallOptions } from '../main/call.js'
import type { PollAnswer, PolledNode, PollRequest } from '../main/invalidation-poll.js'
import type { Invalidated, Invalidations } from '../main/invalidations.js'
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
import { MainWatches } from './main-watches.js'

/** The cache of a node, used in another thread of its process. Comes from {@link attach}. */
export class AttachedCache implements Invalidations, PolledNode {
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
  readonly #watches: MainWatches
  #ring: RingView
  #ownerOf: OwnerOf

  /** Use {@link attach}. */
  constructor(port: MessagePort, { thread, seed, epochs, counters, groups, ring }: Welcome) {
    this.pin = new ReaderPin(new Epochs(epochs), thread, systemClock)
    this.metrics = new NodeCounters(counters).row(thread, 'attached')
    this.#reader = { thread, seed, pin: this.pin }
    this.#ring = ring
    this.#ownerOf = ownership(ring)
    const cache = this
    this.#where = {
      metrics: this.metrics.front('embed'),
      get self() {
        return cache.#ring.self
      },
      owns: (bytes, start, end) => this.#ownerOf(bytes, start, end) === this.#ring.self,
      invalidations: this,
    }
    this.link = new MainLink(port, {
      onNews: (news) => this.#learn(news),
      // The number of this thread may soon be another's: nothing is read any more.
      onClose: () => {
        this.#forgetAll()
        this.#watches.close()
      },
    })
    this.#watches = new MainWatches({
      tellWatched: (group, isWatched) => this.link.watch(group, isWatched),
      ownerOf: (key) => this.#ownerOf(key, 0, key.length),
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

  /**
   * Tells of keys of a group whose values are no longer good, whichever node owns them; of 'all' when that may be every
   * key. Does not keep the thread alive. An exception of the listener is an uncaught one of this thread.
   */
  watch(group: string, listener: (keys: Invalidated) => void): () => void {
    this.link.assertOpen()
    return this.#watches.watch(group, listener)
  }

  /** False for a key whose owner does not tell of changes: nobody may keep a copy of its value. */
  covers(group: string, key: Uint8Array): boolean {
    return this.#watches.covers(group, key)
  }

  /** For peers whose connection came to this thread. */
  poll({ session, sequence, groups }: PollRequest, options: CallOptions): Promise<PollAnswer> {
    const { deadlineMs = Number.POSITIVE_INFINITY } = options
    return this.link.call({ kind: 'poll', session, sequence, groups, deadlineMs }, options)
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
    } else if (news.kind === 'invalidated') {
      this.link.confirmHeard()
      this.#watches.take(news.group, news.keys)
    } else if (news.kind === 'covering') this.#watches.setCovering(news.group, news.addresses)
    else {
      this.#ring = news.ring
      this.#ownerOf = ownership(news.ring)
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

/** Address of the node that owns the key `bytes[start…end)`. */
type OwnerOf = (bytes: Uint8Array, start: number, end: number) => string | undefined

function ownership({ self, members, replicas }: RingView): OwnerOf {
  if (members.every((member) => member === self)) return () => self
  const ring = new Ring(members, { replicas })
  return (bytes, start, end) => ring.owner(bytes, start, end)
}
