import { MessageChannel, type MessagePort } from 'node:worker_threads'
import type { Welcome } from '../../shared/attach-messages.js'
import type { HashSeed } from '../../shared/hash.js'
import type { GroupView, RingView } from '../../shared/messages.js'
import type { NodeCounters } from '../../shared/node-counters.js'
import type { Epochs } from '../../shared/store/epoch.js'
import type { PolledNode } from '../invalidation-poll.js'
import type { WatchedNode } from './attached-watches.js'
import { Attachment, type SharedNode } from './attachment.js'
import { ThreadNumbers } from './thread-numbers.js'

export interface AttachmentsParts {
  readonly epochs: Epochs
  readonly seed: HashSeed
  readonly counters: NodeCounters
  readonly node: SharedNode
  /** Tells of keys that are no longer good. */
  readonly told: WatchedNode & PolledNode
  /** What there is now; changes are told by the methods below. */
  readonly groups: () => readonly GroupView[]
  readonly ring: () => RingView
}

/** All threads that are attached to a node. */
export class Attachments {
  readonly #parts: AttachmentsParts
  readonly #numbers: ThreadNumbers
  readonly #attached = new Set<Attachment>()

  constructor(parts: AttachmentsParts) {
    this.#parts = parts
    this.#numbers = new ThreadNumbers(parts.epochs)
  }

  /**
   * Makes a handle for one thread. Its number is free again when the port closes: when the thread ends or detaches.
   *
   * @throws CacheError RESOURCE_EXHAUSTED
   */
  handle(): MessagePort {
    const { epochs, seed, counters, groups, ring, node, told } = this.#parts
    const thread = this.#numbers.take()
    const { port1, port2 } = new MessageChannel()
    const welcome: Welcome = {
      thread,
      seed,
      epochs: epochs.memory,
      counters: counters.memory,
      groups: groups(),
      ring: ring(),
    }
    const attachment = new Attachment(port1, node, told, () => {
      this.#attached.delete(attachment)
      counters.endThread(thread)
      this.#numbers.giveBack(thread)
    })
    port1.postMessage(welcome)
    this.#attached.add(attachment)
    return port2
  }

  addGroup(view: GroupView): void {
    for (const attachment of this.#attached) attachment.tell({ kind: 'group', view })
  }

  removeGroup(id: number): void {
    for (const attachment of this.#attached) attachment.tell({ kind: 'groupGone', id })
  }

  /** Resolves when no attached thread reads the memory that the group had before. */
  async moveGroup(view: GroupView): Promise<void> {
    await Promise.all(Array.from(this.#attached, (attachment) => attachment.moveGroup(view)))
  }

  setRing(ring: RingView): void {
    for (const attachment of this.#attached) attachment.tell({ kind: 'ring', ring })
  }

  /** Calls of attached threads reject with UNAVAILABLE from here on. */
  close(): void {
    for (const attachment of this.#attached) attachment.close()
  }
}
