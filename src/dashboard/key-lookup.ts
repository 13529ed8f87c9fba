import { type CacheClient, CacheError, type KeyExplanation } from '../client/index.js'
import { formatBytes, formatCount, formatMs } from '../live/format.js'
import { element } from './elements.js'

const encoder = new TextEncoder()

/** The box to look a key up, and to delete it after a question. */
export class KeyLookup {
  readonly #client: CacheClient
  readonly #group = element<HTMLSelectElement>('lookup-group')
  readonly #key = element<HTMLInputElement>('lookup-key')
  readonly #result = element('lookup-result')
  readonly #delete = element<HTMLButtonElement>('delete')
  readonly #confirm = element<HTMLDialogElement>('confirm')
  readonly #onKey: (key: Uint8Array) => void
  #names = ''

  /** @param onKey told of every key that is looked up */
  constructor(client: CacheClient, onKey: (key: Uint8Array) => void) {
    this.#client = client
    this.#onKey = onKey
    element('lookup').addEventListener('submit', (event) => {
      event.preventDefault()
      void this.lookUp()
    })
    this.#key.addEventListener('input', () => {
      this.#delete.disabled = true
    })
    this.#delete.addEventListener('click', () => this.#ask())
    this.#confirm.addEventListener('close', () => {
      if (this.#confirm.returnValue === 'delete') void this.#remove()
      this.#confirm.returnValue = ''
    })
  }

  setGroups(names: readonly string[]): void {
    if (names.join('\n') === this.#names) return
    this.#names = names.join('\n')
    const chosen = this.#group.value
    this.#group.replaceChildren(...names.map((name) => new Option(name, name, false, name === chosen)))
  }

  /** Chooses a group, and a key in it when there is one. */
  choose(group: string, key?: string): void {
    this.#group.value = group
    if (key === undefined) return
    this.#key.value = key
    void this.lookUp()
  }

  async lookUp(): Promise<void> {
    const [group, key] = [this.#group.value, encoder.encode(this.#key.value)]
    try {
      const found = await this.#client.group(group).explain(key, { deadlineMs: 5000 })
      this.#delete.disabled = false
      this.#onKey(key)
      this.#show(verdictOf(found), factsOf(found))
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #ask(): void {
    element('confirm-text').textContent =
      `“${this.#key.value}” of group “${this.#group.value}” is removed from its owner. The next call loads it again.`
    this.#confirm.showModal()
  }

  async #remove(): Promise<void> {
    try {
      await this.#client.group(this.#group.value).delete(this.#key.value, { deadlineMs: 5000 })
      await this.lookUp()
      const verdict = this.#result.querySelector('.verdict')
      if (verdict !== null) verdict.textContent = `Deleted. ${verdict.textContent}`
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #show(verdict: string, facts: readonly (readonly [string, string])[]): void {
    const head = paragraph('verdict', verdict)
    const list = document.createElement('dl')
    list.className = 'facts'
    for (const [term, text] of facts) {
      const [dt, dd] = [document.createElement('dt'), document.createElement('dd')]
      dt.textContent = term
      dd.textContent = text
      list.append(dt, dd)
    }
    this.#result.replaceChildren(head, list)
  }

  #fail(thrown: unknown): void {
    const { code, message } = CacheError.from(thrown)
    this.#result.replaceChildren(paragraph('failed', `${code}: ${message}`))
  }
}

function verdictOf({ present, notFound, isOwned, hotCopyMs }: KeyExplanation): string {
  if (hotCopyMs !== undefined) return 'A hot copy is in the memory of this node.'
  if (!present) return isOwned ? 'Not in memory: the next call loads it.' : 'Not in the memory of this node.'
  return notFound ? 'Remembered: the source has no such key.' : 'In memory.'
}

function factsOf(found: KeyExplanation): [string, string][] {
  const { owner, isOwned, shard, present, valueBytes, costBytes, ageMs, ttlLeftMs, hits, hotCopyMs } = found
  const facts: [string, string][] = [
    ['Owner', isOwned ? `${owner}, this node` : owner],
    ['Shard', String(shard)],
  ]
  if (hotCopyMs !== undefined) facts.push(['Hot copy', `good for ${formatMs(hotCopyMs)}`])
  if (!present) return facts
  facts.push(
    ['Value', formatBytes(valueBytes)],
    ['In memory', `${formatBytes(costBytes)} with key and index`],
  )
  if (ageMs !== undefined) facts.push(['Age', formatMs(ageMs)])
  facts.push(['Expires', ttlLeftMs === undefined ? 'when evicted' : `in ${formatMs(ttlLeftMs)}`])
  if (hits !== undefined) facts.push(['Recent hits', formatCount(Math.round(hits))])
  return facts
}

function paragraph(kind: string, text: string): HTMLParagraphElement {
  const made = document.createElement('p')
  made.className = kind
  made.textContent = text
  return made
}
