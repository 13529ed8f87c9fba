import { HeldBodies } from './held-bodies.js'
import type { ShapeChange } from './request-shape.js'

/** Places for requests that a connection begins with, and has at most: powers of two. */
const PLACES_MIN = 16
const PLACES_MAX = 1024

/** A request that waits for its body, or for its turn. Its place is used again and again. */
export interface HeldRequest<Shape> {
  /** 0 when the place is free. */
  streamId: number
  shape: Shape | undefined
  changes: readonly ShapeChange[] | undefined
  timeoutMs: number
  /** What WINDOW_UPDATE frames have added to the window of the stream. */
  windowBytes: number
  /** Of one that waits for its turn or for room: where its body lies, prefix included (0 when it has not come), and since when. */
  body: number
  bodyBytes: number
  sinceMs: number
  /** What one that has its body waits for: its turn to start, room in the connection, or a window of its stream. */
  waitsFor: 'turn' | 'room' | 'window' | undefined
}

/** Requests of connections that are gone, kept for others: 6 MB. */
const SPARE_MAX = 65_536

/**
 * Objects for the held requests of all connections of a server. A crowd of connections that comes again finds those of the
 * last one: new ones, all in use when the collector comes, are what holds it up.
 */
export class HeldPool<Shape> {
  readonly bodies = new HeldBodies()
  readonly #spare: HeldRequest<Shape>[] = []

  take(): HeldRequest<Shape> {
    const spare = this.#spare.pop()
    if (spare !== undefined) return spare
    return {
      streamId: 0,
      shape: undefined,
      changes: undefined,
      timeoutMs: 0,
      windowBytes: 0,
      body: 0,
      bodyBytes: 0,
      sinceMs: 0,
      waitsFor: undefined,
    }
  }

  /** @param held free */
  give(held: HeldRequest<Shape>): void {
    if (this.#spare.length < SPARE_MAX) this.#spare.push(held)
  }
}

/**
 * Requests of one connection that are not calls yet, by the low bits of their streams' numbers. Held here, a request
 * takes a hundred bytes in place of the kilobytes of a call: thousands of them that wait are nothing that the garbage
 * collector would have to copy.
 */
export class HeldRequests<Shape> {
  count = 0
  readonly #pool: HeldPool<Shape>
  #places: (HeldRequest<Shape> | undefined)[] = new Array(PLACES_MIN).fill(undefined)

  constructor(pool: HeldPool<Shape>) {
    this.#pool = pool
  }

  /** The request of a stream, if it is held. */
  find(streamId: number): HeldRequest<Shape> | undefined {
    const held = this.#places[this.#placeOf(streamId)]
    return held?.streamId === streamId ? held : undefined
  }

  /** The stream whose place a new one would have to take; 0 when there is room. */
  inTheWayOf(streamId: number): number {
    for (;;) {
      const other = this.#places[this.#placeOf(streamId)]?.streamId ?? 0
      if (other === 0 || this.#places.length >= PLACES_MAX) return other
      this.#grow()
    }
  }

  /** Nothing may be in its way. The caller sets what it knows of the request. */
  add(streamId: number): HeldRequest<Shape> {
    const place = this.#placeOf(streamId)
    this.#places[place] ??= this.#pool.take()
    const held = this.#places[place]
    held.streamId = streamId
    held.windowBytes = 0
    this.count++
    return held
  }

  /** Keeps the body of a request, buffer[start, end). False when there is no room for it. */
  keepBody(held: HeldRequest<Shape>, buffer: Buffer, start: number, end: number): boolean {
    held.body = this.#pool.bodies.keep(buffer, start, end)
    held.bodyBytes = end - start
    return held.body !== 0
  }

  /** Copies the body of a request that has one to the beginning of `target`; how many bytes that are. */
  readBody({ body, bodyBytes }: HeldRequest<Shape>, target: Buffer): number {
    this.#pool.bodies.read(body, bodyBytes, target)
    return bodyBytes
  }

  free(held: HeldRequest<Shape>): void {
    this.#pool.bodies.release(held.body)
    held.streamId = 0
    held.shape = undefined
    held.changes = undefined
    held.body = 0
    held.waitsFor = undefined
    this.count--
  }

  /** The numbers of all streams that are held, in no order. */
  streamIds(): number[] {
    const streamIds: number[] = []
    for (const held of this.#places) if (held && held.streamId !== 0) streamIds.push(held.streamId)
    return streamIds
  }

  /** The connection is over. */
  clear(): void {
    for (const held of this.#places) {
      if (held === undefined) continue
      if (held.streamId !== 0) this.free(held)
      this.#pool.give(held)
    }
    this.#places.fill(undefined)
  }

  #placeOf(streamId: number): number {
    return (streamId >>> 1) & (this.#places.length - 1)
  }

  #grow(): void {
    const all = this.#places
    this.#places = new Array(all.length * 2).fill(undefined)
    for (const held of all) {
      if (held === undefined) continue
      if (held.streamId !== 0) this.#places[this.#placeOf(held.streamId)] = held
      else this.#pool.give(held)
    }
  }
}
