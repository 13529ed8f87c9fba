import type { MessagePort } from 'node:worker_threads'
import type { AttachedCall, AttachedReply, AttachedRequest } from '../../shared/attach-messages.js'
import { Cancel, type CancelSignal } from '../../shared/cancel.js'
import { CacheError, groupNotFound } from '../../shared/errors.js'
import type { Failure, GroupView } from '../../shared/messages.js'
import { TransientMap } from '../../shared/transient-map.js'
import { TurnBatch } from '../../shared/turn-batch.js'
import type { CallOptions } from '../call.js'
import type { PolledNode } from '../invalidation-poll.js'
import { AttachedWatches, type WatchedNode } from './attached-watches.js'

/** How long a thread is waited for that has to leave the memory of a group. */
const MOVE_WAIT_MS = 5000

/** A group, as attached threads use it. */
export interface SharedGroup {
  fetch(key: Uint8Array, options: CallOptions & { readonly forwarded: boolean }): Promise<unknown>
  fetchMany(
    keys: readonly Uint8Array[],
    options: CallOptions & { readonly forwarded: boolean },
  ): Promise<readonly unknown[]>
  remove(key: Uint8Array, options: CallOptions & { readonly forwarded: boolean }): Promise<void>
  explain(key: Uint8Array): Promise<unknown>
  hotKeys(countMax?: number): Promise<unknown>
}

/** What attached threads ask of their node. Answers must be such that they can cross threads. */
export interface SharedNode {
  findGroup(name: string): SharedGroup | undefined
  stats(): unknown
  members(): unknown
  peers(): unknown
  owners(key: Uint8Array): unknown
}

/** One attached thread, seen from the main thread: carries out its calls and tells it what changes. */
export class Attachment {
  readonly #port: MessagePort
  readonly #node: SharedNode
  readonly #polled: PolledNode
  readonly #watches: AttachedWatches
  readonly #replies: TurnBatch<AttachedReply>
  readonly #calls = new TransientMap<number, Cancel>()
  /** What to do when the thread has left the memory that a group had, and when it was waited for too long. */
  readonly #moves = new Map<number, { resolve(): void; readonly timer: NodeJS.Timeout }>()
  #nextMove = 1
  #hasEnded = false

  /**
   * @param told what tells of keys
   * @param onEnd the thread has ended, or detached
   */
  constructor(port: MessagePort, node: SharedNode, told: WatchedNode & PolledNode, onEnd: () => void) {
    this.#port = port
    this.#node = node
    this.#polled = told
    this.#watches = new AttachedWatches(told, (news) => this.tell(news))
    this.#replies = new TurnBatch((replies) => port.postMessage(replies))
    port.on('message', (requests: readonly AttachedRequest[]) => {
      for (const request of requests) this.#take(request)
    })
    port.on('close', () => {
      this.#hasEnded = true
      this.#watches.close()
      for (const cancel of this.#calls.values()) cancel.abort()
      for (const id of this.#moves.keys()) this.#endMove(id)
      onEnd()
    })
    port.unref()
  }

  tell(news: AttachedReply): void {
    this.#replies.push(news)
  }

  /**
   * Resolves when the thread does not read the memory any more that the group had before, or has ended. Who does not turn
   * its event loop is not waited for longer than MOVE_WAIT_MS: a handle may lie about, sent to no thread.
   */
  moveGroup(view: GroupView): Promise<void> {
    if (this.#hasEnded) return Promise.resolve()
    const id = this.#nextMove++
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#endMove(id), MOVE_WAIT_MS).unref()
      this.#moves.set(id, { resolve, timer })
      this.tell({ kind: 'groupMoved', id, view })
    })
  }

  close(): void {
    this.#port.close()
  }

  #take(request: AttachedRequest): void {
    if (request.kind === 'cancel') this.#calls.get(request.id)?.abort()
    else if (request.kind === 'moved') this.#endMove(request.id)
    else if (request.kind === 'watch') this.#watches.watch(request.group, request.isWatched)
    else if (request.kind === 'heard') this.#watches.heard(request.count)
    else void this.#answer(request.id, request.call)
  }

  #endMove(id: number): void {
    const waiting = this.#moves.get(id)
    this.#moves.delete(id)
    clearTimeout(waiting?.timer)
    waiting?.resolve()
  }

  async #answer(id: number, call: AttachedCall): Promise<void> {
    const cancel = new Cancel()
    this.#calls.set(id, cancel)
    try {
      const result = await this.#carryOut(call, cancel)
      if (call.kind === 'remove') this.#watches.catchUp(call.group)
      this.#replies.push({ kind: 'done', id, result })
    } catch (thrown) {
      this.#replies.push({ kind: 'failed', id, failure: failureOf(CacheError.from(thrown)) })
    } finally {
      this.#calls.delete(id)
    }
  }

  #carryOut(call: AttachedCall, signal: CancelSignal): unknown {
    const node = this.#node
    if (call.kind === 'counters') return node.stats()
    if (call.kind === 'members') return node.members()
    if (call.kind === 'peers') return node.peers()
    if (call.kind === 'owners') return node.owners(call.key)
    if (call.kind === 'poll') return this.#polled.poll(call, { deadlineMs: call.deadlineMs, signal })
    const group = node.findGroup(call.group)
    if (call.kind === 'explain' || call.kind === 'hotKeys') {
      if (!group) throw groupNotFound(call.group, 'NOT_FOUND')
      return call.kind === 'explain' ? group.explain(call.key) : group.hotKeys(call.countMax)
    }
    const { deadlineMs, forwarded, trace } = call
    if (!group) throw groupNotFound(call.group, forwarded ? 'FAILED_PRECONDITION' : 'NOT_FOUND')
    const options = { deadlineMs, signal, forwarded, trace }
    return call.kind === 'fetchMany'
      ? fetchMany(group, call.keys, options)
      : group[call.kind](call.key, options)
  }
}

async function fetchMany(
  group: SharedGroup,
  ...[keys, options]: Parameters<SharedGroup['fetchMany']>
): Promise<unknown[]> {
  const answers = await group.fetchMany(keys, options)
  return answers.map((answer) => (answer instanceof CacheError ? failureOf(answer) : answer))
}

/** An error as it crosses threads. */
function failureOf({ code, message }: CacheError): Failure {
  return { code, message }
}
