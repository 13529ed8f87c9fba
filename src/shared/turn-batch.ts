/** Collects items and hands over all of one turn of the event loop together: a message to a thread costs more than its content. */
export class TurnBatch<Item> {
  readonly #send: (items: readonly Item[]) => void
  #items: Item[] = []

  constructor(send: (items: readonly Item[]) => void) {
    this.#send = send
  }

  push(item: Item): void {
    if (this.#items.length === 0) setImmediate(() => this.#flush())
    this.#items.push(item)
  }

  #flush(): void {
    const items = this.#items
    this.#items = []
    this.#send(items)
  }
}
