import type { Invalidated } from '../../src/main/invalidations.js'

/** A group, as somebody uses it who keeps copies of its values. */
export interface CopiedGroup {
  get(key: string): Promise<Uint8Array>
  onInvalidate(listener: (keys: Invalidated) => void): () => void
  covers(key: string): boolean
}

/** Keeps copies of values by the rules of `Invalidations`, and of nothing else: not even by their times to live. */
export class CopyKeeper {
  readonly copies = new Map<string, string>()
  /** Everything that was told, in order. */
  readonly told: (string | readonly string[])[] = []
  readonly stop: () => void
  readonly #group: CopiedGroup
  readonly #fetches = new Set<{ readonly key: string; isSpoiled: boolean }>()

  constructor(group: CopiedGroup) {
    this.#group = group
    this.stop = group.onInvalidate((keys) => this.#drop(keys))
  }

  /** Fetches the value unless there is a copy. */
  async get(key: string): Promise<string> {
    const copy = this.copies.get(key)
    if (copy !== undefined) return copy
    const fetch = { key, isSpoiled: !this.#group.covers(key) }
    this.#fetches.add(fetch)
    try {
      const value = Buffer.from(await this.#group.get(key)).toString()
      if (!fetch.isSpoiled && this.#group.covers(key)) this.copies.set(key, value)
      return value
    } finally {
      this.#fetches.delete(fetch)
    }
  }

  #drop(keys: Invalidated): void {
    const texts = keys === 'all' ? keys : keys.map((key) => Buffer.from(key).toString())
    this.told.push(texts)
    if (texts === 'all') this.copies.clear()
    else for (const text of texts) this.copies.delete(text)
    for (const fetch of this.#fetches) {
      if (texts === 'all' || texts.includes(fetch.key)) fetch.isSpoiled = true
    }
  }
}
