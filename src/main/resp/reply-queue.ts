import { type BufferPool, OutputBuffer } from '../sockets/output-buffer.js'
import { type Protocol, Reply } from './compose.js'

/** A reply that had to be waited for. */
export interface Settled {
  /** What it keeps in memory until it is written, about. */
  readonly bytes: number
  write(reply: Reply): void
  /** Called instead when nobody waits for it any more. */
  abandon?(): void
}

interface Place {
  /** Where the reply goes among the bytes that wait behind those before it. */
  readonly at: number
  readonly protocol: Protocol
  settled: Settled | undefined
}

/**
 * The replies of one connection, in the order of their requests, whenever each is known.
 *
 *     out:   replies that can be sent
 *     held:  [replies behind place 0][replies behind place 1]…     places: each knows where its part begins
 *
 * While nothing is waited for, all goes to `out`. A request that takes time gets a place; what follows is held until all
 * places before it are settled.
 */
export class ReplyQueue {
  readonly out: OutputBuffer
  readonly #held: OutputBuffer
  readonly #late: Reply
  readonly #places: Place[] = []
  /** What was held up to here has gone to `out`. */
  #released = 0
  #settledBytes = 0

  constructor(pool: BufferPool) {
    this.out = new OutputBuffer(pool)
    this.#held = new OutputBuffer(pool)
    this.#late = new Reply(this.out)
  }

  /** Where the next reply goes. */
  get tail(): OutputBuffer {
    return this.#places.length === 0 ? this.out : this.#held
  }

  /** Requests that wait for their replies. */
  get waitingCount(): number {
    return this.#places.length
  }

  /** Bytes of replies that are not with the socket. */
  get bytes(): number {
    return this.out.length + this.#held.length + this.#settledBytes
  }

  /** Keeps a place for a reply that comes later; the function that is returned takes it, once. */
  wait(protocol: Protocol): (settled: Settled) => void {
    const place: Place = { at: this.#held.length, protocol, settled: undefined }
    this.#places.push(place)
    return (settled) => {
      place.settled = settled
      this.#settledBytes += settled.bytes
      if (this.#places[0] === place) this.#advance()
    }
  }

  /** Forgets everything: the connection is gone. */
  clear(): void {
    for (const { settled } of this.#places) settled?.abandon?.()
    this.#places.length = 0
    this.#settledBytes = 0
    this.#released = 0
    this.out.discard()
    this.#held.discard()
  }

  #advance(): void {
    for (;;) {
      const first = this.#places[0]
      if (first?.settled === undefined) return
      const { settled, protocol } = first
      this.#settledBytes -= settled.bytes
      this.#late.protocol = protocol
      settled.write(this.#late)
      // Still there while it writes: what a reply has pushed behind it must not overtake it.
      this.#places.shift()
      const end = this.#places[0]?.at ?? this.#held.length
      if (end > this.#released) this.out.append(this.#held.bytes.subarray(this.#released, end))
      this.#released = end
      if (this.#places.length > 0) continue
      this.#released = 0
      this.#held.discard()
      return
    }
  }
}
