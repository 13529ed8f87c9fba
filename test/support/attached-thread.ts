import { once } from 'node:events'
import { type MessagePort, Worker } from 'node:worker_threads'
import { CacheError, type CodeName } from '../../src/shared/errors.js'

export interface AttachedCommand {
  readonly what:
    | 'get'
    | 'get and cancel'
    | 'peek'
    | 'delete'
    | 'close'
    | 'watch'
    | 'unwatch'
    | 'covers'
    | 'told'
  readonly group: string
  readonly key?: string
  readonly deadlineMs?: number
  /** Calls for the same key at once. */
  readonly repeat?: number
}

export type AttachedResult =
  | { readonly value: unknown }
  | { readonly code: CodeName; readonly message: string }

/** A thread of its own that is attached to a node, and carries out one command at a time. */
export class AttachedThread {
  readonly worker: Worker

  private constructor(handle: MessagePort) {
    this.worker = new Worker(new URL('../fixtures/attached-thread.js', import.meta.url), {
      workerData: { handle },
      transferList: [handle],
    })
  }

  static async start(handle: MessagePort): Promise<AttachedThread> {
    const thread = new AttachedThread(handle)
    await once(thread.worker, 'message')
    return thread
  }

  /** Rejects with the CacheError that the command threw there. */
  async run(
    what: AttachedCommand['what'],
    group: string,
    key?: string,
    options: Pick<AttachedCommand, 'deadlineMs' | 'repeat'> = {},
  ): Promise<unknown> {
    this.worker.postMessage({ what, group, ...(key !== undefined && { key }), ...options })
    const [result] = (await once(this.worker, 'message')) as [AttachedResult]
    if ('code' in result) throw new CacheError(result.code, result.message)
    return result.value
  }
}
