import { MessagePort } from 'node:worker_threads'
import type { Welcome } from '../shared/attach-messages.js'
import { CacheError } from '../shared/errors.js'
import { AttachedCache } from './attached-cache.js'

/** What `node.handle()` gives: it is sent to one thread, in a message and in the transferList of that message. */
export type CacheHandle = MessagePort

/**
 * Attaches this thread to the cache of the node that made the handle: hits are read in place, from the memory that all
 * threads share. The thread may end when it likes, and is noticed; `close()` detaches it before.
 *
 * @throws CacheError INVALID_ARGUMENT for what is no handle, UNAVAILABLE when the node is gone
 */
export async function attach(handle: CacheHandle): Promise<AttachedCache> {
  if (!(handle instanceof MessagePort)) {
    throw new CacheError('INVALID_ARGUMENT', 'A thread is attached by what node.handle() returned')
  }
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new CacheError('UNAVAILABLE', 'The node of this handle is gone'))
    handle.once('close', gone)
    handle.once('message', (welcome: Welcome) => {
      handle.off('close', gone)
      resolve(new AttachedCache(handle, welcome))
    })
  })
}
