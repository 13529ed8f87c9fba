import { Cancel } from '../shared/cancel.js'
import { CacheError } from '../shared/errors.js'
import type { Answer, CallOptions } from './call.js'
import type { Peer } from './peer.js'

/** Limits of one call to a peer, far below those of its messages: a long one would hold up all others. */
const KEYS_MAX = 1000
const KEY_BYTES_MAX = 256 * 1024

interface Ask {
  readonly key: Uint8Array
  readonly options: CallOptions
  resolve(answer: Answer): void
  reject(error: unknown): void
}

/** How a key is asked of a peer: alone, or together with others. */
export type AskPeer = (peer: Peer, key: Uint8Array, options: CallOptions) => Promise<Answer>

/** One key at a time. */
export const askAlone =
  (group: string): AskPeer =>
  (peer, key, options) =>
    peer.fetch(group, key, options)

/**
 * Gathers the keys that are asked of each peer within one turn of the event loop and sends them together. Every key
 * has an answer, or an error, of its own.
 */
export class PeerBatch {
  readonly #group: string
  #asks = new Map<Peer, Ask[]>()

  constructor(group: string) {
    this.#group = group
  }

  readonly ask: AskPeer = (peer, key, options) => {
    if (this.#asks.size === 0) setImmediate(() => this.#send())
    return new Promise<Answer>((resolve, reject) => {
      const asks = this.#asks.get(peer) ?? []
      this.#asks.set(peer, asks)
      asks.push({ key, options, resolve, reject })
    })
  }

  #send(): void {
    const asks = this.#asks
    this.#asks = new Map()
    for (const [peer, all] of asks) for (const some of chunksOf(all)) void this.#call(peer, some)
  }

  async #call(peer: Peer, asks: readonly Ask[]): Promise<void> {
    const cancel = new Cancel()
    let left = asks.length
    const leave = (): void => {
      if (--left === 0) cancel.abort()
    }
    for (const { options } of asks) {
      if (options.signal?.aborted) leave()
      else options.signal?.addEventListener('abort', leave)
    }
    const deadlineMs = Math.max(...asks.map(({ options }) => options.deadlineMs ?? Number.POSITIVE_INFINITY))
    try {
      const keys = asks.map(({ key }) => key)
      const answers = await peer.fetchMany(this.#group, keys, {
        deadlineMs,
        signal: cancel,
        trace: asks.find(({ options }) => options.trace)?.options.trace,
      })
      asks.forEach(({ resolve, reject }, index) => {
        const answer = answers[index]!
        if (answer instanceof CacheError) reject(answer)
        else resolve(answer)
      })
    } catch (thrown) {
      for (const { reject } of asks) reject(thrown)
    } finally {
      for (const { options } of asks) options.signal?.removeEventListener('abort', leave)
    }
  }
}

function chunksOf(asks: readonly Ask[]): Ask[][] {
  const chunks: Ask[][] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const ask of asks) {
    bytes += ask.key.length
    if (bytes > KEY_BYTES_MAX || chunks.at(-1)!.length === KEYS_MAX) {
      chunks.push([])
      bytes = ask.key.length
    }
    chunks.at(-1)!.push(ask)
  }
  return chunks
}
