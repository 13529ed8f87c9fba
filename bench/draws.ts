import { type Trace, traceOf } from './trace.js'
import { zipf } from './zipf.js'

/** Draws the next key of a request; they may be any integers, and are numbered afterwards. */
export type Draw = (request: number) => number

/** What a kind of work is drawn from. */
export interface Frame {
  /** Entries of the cache that the work is to be hard for. */
  readonly entries: number
  readonly requests: number
  readonly random: () => number
}

/** Keys of one part of a workload are kept apart from those of the others by this. */
export const APART = 2 ** 32

/** Keys as a trace has them: integers from 0 in order of first appearance. */
export function numbered(name: string, requests: number, draw: Draw): Trace {
  const numbers = new Map<number, number>()
  const keys = new Int32Array(requests)
  for (let request = 0; request < requests; request++) {
    const key = draw(request)
    let number = numbers.get(key)
    if (number === undefined) {
      number = numbers.size
      numbers.set(key, number)
    }
    keys[request] = number
  }
  return traceOf(name, keys)
}

/** Zipf's law over `factor` times as many keys as there are entries. */
export function popular({ entries, random }: Frame, factor: number, exponent: number): Draw {
  return zipf(Math.round(factor * entries), random, exponent)
}

export function uniform(keyCount: number, random: () => number): Draw {
  return () => Math.floor(keyCount * random())
}

/** Keys that are asked for once. */
export function scan(): Draw {
  let next = 0
  return () => next++
}

export function loop(length: number): Draw {
  const keyCount = Math.round(length)
  let next = 0
  return () => next++ % keyCount
}

export function toAndFro(length: number): Draw {
  let next = 0
  return () => {
    const at = next++ % (2 * length)
    return at < length ? at : 2 * length - 1 - at
  }
}

/** Every key comes twice, `gap` other keys in between. */
export function twice(gap: number): Draw {
  const lag = Math.round(gap)
  let next = 0
  return () => {
    const at = next++
    return at % 2 === 0 ? at >> 1 : (at >> 1) - (lag >> 1)
  }
}

/** `length` new keys, the same once more, and on to the next ones. */
export function partsTwice(length: number): Draw {
  const part = Math.round(length)
  let next = 0
  return () => {
    const at = next++
    return part * Math.floor(at / (2 * part)) + (at % part)
  }
}

/** Every key comes twice, up to `gapMax` other requests in between. */
export function twiceAtRandom(gapMax: number, random: () => number): Draw {
  const due = new Map<number, number>()
  let next = 0
  let key = 0
  return () => {
    const at = next++
    const second = due.get(at)
    due.delete(at)
    if (second !== undefined) return second
    let again = at + 1 + Math.floor(gapMax * random())
    while (due.has(again)) again++
    due.set(again, key)
    return key++
  }
}

/** Keys that are asked for two to six times within `span` requests, and then no more. */
export function bursts(span: number, random: () => number): Draw {
  const live: { key: number; left: number }[] = []
  let key = 0
  return () => {
    if (live.length < span / 4) live.push({ key: key++, left: 2 + Math.floor(5 * random()) })
    const at = Math.floor(live.length * random())
    const burst = live[at]!
    burst.left--
    if (burst.left === 0) live.splice(at, 1)
    return burst.key
  }
}

/** A key used lately, one of the last `span` requests by an exponential law, or else a new one. */
export function recency(span: number, random: () => number): Draw {
  const past: number[] = []
  let key = 0
  return () => {
    const back = Math.floor(-Math.log(1 - random()) * span)
    const drawn = random() < 0.3 || back >= past.length ? key++ : past[past.length - 1 - back]!
    past.push(drawn)
    return drawn
  }
}

/** One draw or, with the given probability, the other. */
export function either(random: () => number, share: number, one: Draw, other: Draw): Draw {
  return (request) => (random() < share ? APART + other(request) : one(request))
}

/** Some requests of each draw in turn. */
export function alternate(period: number, ...draws: readonly Draw[]): Draw {
  return (request) => {
    const turn = Math.floor(request / period) % draws.length
    return APART * turn + draws[turn]!(request)
  }
}

export function unequal(first: number, second: number, one: Draw, other: Draw): Draw {
  return (request) => (request % (first + second) < first ? one(request) : APART + other(request))
}

/** The same law, with keys of its own in each period. */
export function renewed(period: number, create: () => Draw): Draw {
  const draw = create()
  return (request) => APART * Math.floor(request / period) + draw(request)
}

/** Zipf's law over ranks that move on to new keys: all of the most popular ones are others after `turns` × entries. */
export function drifting(frame: Frame, turns: number): Draw {
  const draw = popular(frame, 4, 0.9)
  return (request) => draw(request) * 17 + 17 * Math.floor(request / turns)
}
