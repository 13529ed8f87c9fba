/** What an entry takes beside its name, about: places in two maps, an array; and what each copy adds to that. */
const ENTRY_BYTES = 300
const COPY_BYTES = 150

/** A client that keeps copies. */
export interface Reader {
  readonly id: number
}

interface Tracked<R> {
  /** Who has a copy, and the name that it knows the value by. */
  readonly copies: { readonly reader: R; readonly name: string }[]
  /** When the value expires; Infinity for never. */
  expiresAtMs: number
}

/** A copy that a client must drop. */
export interface Copy<R> {
  readonly reader: R
  readonly name: string
}

/**
 * Who keeps a copy of which value, in bounded memory. Pure: no clock, no clients. A value is told by `GROUP:KEY`, one
 * character a byte. The oldest entries are given up first; whoever takes them must tell their readers.
 */
export class TrackingTable<R extends Reader> {
  readonly #bytesMax: number
  /** In the order in which they came. */
  readonly #entries = new Map<string, Tracked<R>>()
  /** Values that expire, by the tick in which they do. */
  readonly #due = new Map<number, Set<string>>()
  readonly #tickMs: number
  readonly #valuesOf = new Map<R, Set<string>>()
  #bytes = 0
  #copyCount = 0

  constructor(bytesMax: number, tickMs: number) {
    this.#bytesMax = bytesMax
    this.#tickMs = tickMs
  }

  /** Copies in all. */
  get count(): number {
    return this.#copyCount
  }

  /** Memory in use, about. */
  get bytes(): number {
    return this.#bytes
  }

  /** True when something may come from takeDue() one day. */
  get hasTimed(): boolean {
    return this.#due.size > 0
  }

  /** Remembers a copy. @returns the copies that had to be given up for it */
  add(value: string, reader: R, name: string, expiresAtMs: number): Copy<R>[] {
    let entry = this.#entries.get(value)
    if (entry === undefined) {
      entry = { copies: [], expiresAtMs: Number.POSITIVE_INFINITY }
      this.#entries.set(value, entry)
      this.#bytes += ENTRY_BYTES + 2 * value.length
    }
    if (!entry.copies.some((copy) => copy.reader === reader && copy.name === name)) {
      entry.copies.push({ reader, name })
      this.#copyCount++
      this.#bytes += COPY_BYTES
      const values = this.#valuesOf.get(reader)
      if (values === undefined) this.#valuesOf.set(reader, new Set([value]))
      else values.add(value)
    }
    this.#unschedule(value, entry)
    entry.expiresAtMs = expiresAtMs
    this.#schedule(value, entry)
    return this.#shrink()
  }

  has(value: string, reader: R): boolean {
    return this.#entries.get(value)?.copies.some((copy) => copy.reader === reader) ?? false
  }

  /** Forgets a value, and answers who has a copy of it. */
  take(value: string): readonly Copy<R>[] {
    const entry = this.#entries.get(value)
    if (entry === undefined) return []
    this.#entries.delete(value)
    this.#unschedule(value, entry)
    for (const { reader } of entry.copies) this.#forgetValue(reader, value)
    this.#bytes -= ENTRY_BYTES + 2 * value.length + COPY_BYTES * entry.copies.length
    this.#copyCount -= entry.copies.length
    return entry.copies
  }

  /** Forgets all values whose name begins so, and answers who has a copy of one. */
  takeAll(prefix: string): Set<R> {
    const readers = new Set<R>()
    for (const value of this.#entries.keys()) {
      if (!value.startsWith(prefix)) continue
      for (const { reader } of this.take(value)) readers.add(reader)
    }
    return readers
  }

  /** Forgets the values that are past their time. */
  takeDue(nowMs: number): Copy<R>[] {
    const copies: Copy<R>[] = []
    const now = this.#tickOf(nowMs)
    for (const [tick, values] of this.#due) {
      if (tick > now) continue
      for (const value of values) copies.push(...this.take(value))
    }
    return copies
  }

  /** Forgets that the reader has a copy of this value. */
  removeCopy(value: string, reader: R): void {
    const entry = this.#entries.get(value)
    if (entry === undefined) return
    const rest = entry.copies.filter((copy) => copy.reader !== reader)
    const goneCount = entry.copies.length - rest.length
    entry.copies.splice(0, entry.copies.length, ...rest)
    this.#copyCount -= goneCount
    this.#bytes -= COPY_BYTES * goneCount
    this.#forgetValue(reader, value)
    if (rest.length === 0) this.take(value)
  }

  /** Forgets all copies of a reader. */
  removeReader(reader: R): void {
    for (const value of this.#valuesOf.get(reader) ?? []) this.removeCopy(value, reader)
  }

  #forgetValue(reader: R, value: string): void {
    const values = this.#valuesOf.get(reader)
    values?.delete(value)
    if (values?.size === 0) this.#valuesOf.delete(reader)
  }

  /** Told early rather than late: a tick ends before what it holds expires. */
  #tickOf(expiresAtMs: number): number {
    return Math.floor(expiresAtMs / this.#tickMs)
  }

  #schedule(value: string, { expiresAtMs }: Tracked<R>): void {
    if (expiresAtMs === Number.POSITIVE_INFINITY) return
    const tick = this.#tickOf(expiresAtMs)
    const values = this.#due.get(tick)
    if (values === undefined) this.#due.set(tick, new Set([value]))
    else values.add(value)
  }

  #unschedule(value: string, { expiresAtMs }: Tracked<R>): void {
    const tick = this.#tickOf(expiresAtMs)
    const values = this.#due.get(tick)
    values?.delete(value)
    if (values?.size === 0) this.#due.delete(tick)
  }

  #shrink(): Copy<R>[] {
    const copies: Copy<R>[] = []
    for (const value of this.#entries.keys()) {
      if (this.#bytes <= this.#bytesMax) break
      copies.push(...this.take(value))
    }
    return copies
  }
}
