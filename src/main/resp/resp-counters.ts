/** What this front counts. */
const TABLE = [
  ['connections', 'gauge', 'Connections of Redis clients now'],
  ['connections_accepted', 'counter', 'Connections of Redis clients that were accepted'],
  ['connections_refused', 'counter', 'Connections that were closed at once: there were too many'],
  ['connections_dropped', 'counter', 'Connections that were closed for what the client did, or did not do'],
  ['commands_hit', 'counter', 'Reads of Redis clients answered from memory'],
  ['commands_waited', 'counter', 'Commands of Redis clients that waited for a load, a peer or a delete'],
  ['commands_other', 'counter', 'Other commands of Redis clients that were carried out'],
  ['commands_failed', 'counter', 'Commands of Redis clients that were answered by an error'],
  ['received_bytes', 'counter', 'Bytes from Redis clients'],
  ['sent_bytes', 'counter', 'Bytes to Redis clients'],
  ['held_bytes', 'gauge', 'Requests and replies of Redis clients in memory'],
  ['tracked_keys', 'gauge', 'Copies of values that Redis clients may have and will be told of'],
  ['invalidations', 'counter', 'Copies that Redis clients were told to drop'],
] as const

export type RespCounterName = (typeof TABLE)[number][0]

/** Word of each counter. */
export const RespCounter = Object.fromEntries(TABLE.map(([name], word) => [name, word])) as Record<
  RespCounterName,
  number
>

/** One counter and what it stands at. */
export interface RespCounterSample {
  readonly name: RespCounterName
  readonly kind: 'counter' | 'gauge'
  readonly help: string
  readonly value: number
}

/** Counters of one server, in the thread that it runs in. */
export class RespCounters {
  readonly #words = new Float64Array(TABLE.length)

  add(counter: number, count = 1): void {
    this.#words[counter]! += count
  }

  set(counter: number, value: number): void {
    this.#words[counter] = value
  }

  get(counter: number): number {
    return this.#words[counter]!
  }

  samples(): RespCounterSample[] {
    return TABLE.map(([name, kind, help], word) => ({ name, kind, help, value: this.#words[word]! }))
  }
}
