import type { LiveValue } from '../live/live-reply.js'
import type { HotKeySample, KeyExplanation } from '../main/node-view.js'
import { CacheError } from '../shared/errors.js'
import { ask, type RequestOptions } from './ask.js'
import type { LiveLink } from './live-link.js'

const encoder = new TextEncoder()

/** Text stands for its bytes in UTF-8. */
export type Key = string | Uint8Array

export interface WatchOptions {
  /** Only keys that begin with this. */
  readonly prefix?: Key
  /** Told when the node refuses: the watch has ended, and nothing may be kept. */
  readonly onError?: (error: CacheError) => void
  /** Told when the watch stands, for the first time or again: what is got from now on may be kept. */
  readonly onWatching?: () => void
}

/** A group of a node. Every call rejects with CacheError that carries the node's own code and message. */
export class ClientGroup {
  readonly name: string
  readonly #link: LiveLink

  /** Use `group()` of the client. */
  constructor(name: string, link: LiveLink) {
    this.name = name
    this.#link = link
  }

  /** The value of a key. */
  async get(key: Key, options: RequestOptions = {}): Promise<Uint8Array> {
    return (await this.fetch(key, options)).value
  }

  /** As get(); says how the node came by the value. */
  async fetch(key: Key, options: RequestOptions = {}): Promise<LiveValue> {
    const call = { kind: 'get', group: this.name, key: keyBytesOf(key) } as const
    return (await ask(this.#link, call, 'value', options)).value
  }

  /** In the order of the keys: a value, null where there is no such key, a CacheError where that key failed. */
  async getMany(
    keys: readonly Key[],
    options: RequestOptions = {},
  ): Promise<(Uint8Array | null | CacheError)[]> {
    const call = { kind: 'getMany', group: this.name, keys: keys.map(keyBytesOf) } as const
    const { results } = await ask(this.#link, call, 'values', options)
    return results.map((result) => {
      if (!(result instanceof CacheError)) return result.value
      return result.code === 'NOT_FOUND' ? null : result
    })
  }

  /** Resolves once the owner of the key holds it no more, whether it held it before or not. */
  async delete(key: Key, options: RequestOptions = {}): Promise<void> {
    await ask(this.#link, { kind: 'delete', group: this.name, key: keyBytesOf(key) }, 'done', options)
  }

  /** What the node knows of a key. Never loads it. */
  async explain(key: Key, options: RequestOptions = {}): Promise<KeyExplanation> {
    const call = { kind: 'explain', group: this.name, key: keyBytesOf(key) } as const
    return (await ask(this.#link, call, 'explained', options)).explanation
  }

  /** What the node is asked for most. */
  async hotKeys(count = 32, options: RequestOptions = {}): Promise<readonly HotKeySample[]> {
    return (await ask(this.#link, { kind: 'hotKeys', group: this.name, count }, 'hotKeys', options)).keys
  }

  /**
   * Tells of keys that changed or left memory, so that a copy can be kept until then. `'all'` means that it may be any
   * key; that is told, too, when the connection breaks and when it stands again, for what was missed.
   *
   * @returns what ends it
   */
  watch(
    onChange: (keys: readonly Uint8Array[] | 'all') => void,
    { prefix = '', onError = () => {}, onWatching = () => {} }: WatchOptions = {},
  ): () => void {
    let wasLost = false
    return this.#link.subscribe({
      call: { kind: 'watchKeys', group: this.name, prefix: keyBytesOf(prefix) },
      onWatching: () => {
        if (wasLost) onChange('all')
        onWatching()
      },
      onLost: () => {
        wasLost = true
        onChange('all')
      },
      onPush: (answer) => {
        if (answer.kind === 'keysChanged') onChange(answer.keys)
      },
      onError,
    })
  }
}

export function keyBytesOf(key: Key): Uint8Array {
  return typeof key === 'string' ? encoder.encode(key) : key
}
