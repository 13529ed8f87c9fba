import { prng } from '../test/support/prng.js'
import { type Trace, traceOf } from './trace.js'
import { zipf } from './zipf.js'

/** Draws the next key of a request; they may be any integers, and are numbered afterwards. */
type Draw = (request: number) => number

/** What a kind of work is drawn from. */
interface Frame {
  /** Entries of the cache that the work is to be hard for. */
  readonly entries: number
  readonly requests: number
  readonly random: () => number
}

/** Keys of one part of a workload are kept apart from those of the others by this. */
const APART = 2 ** 32

/**
 * Work of many kinds, each made for a cache of so many entries: what a policy that adapts must live with. Every kind is
 * good for some policies and bad for others; together they are good for none.
 */
const KINDS: Readonly<Record<string, (frame: Frame) => Draw>> = {
  'zipf 0.6': (frame) => popular(frame, 10, 0.6),
  'zipf 0.8': (frame) => popular(frame, 10, 0.8),
  'zipf 1': (frame) => popular(frame, 10, 1),
  'zipf 1.2': (frame) => popular(frame, 10, 1.2),
  uniform: ({ entries, random }) => uniform(2 * entries, random),
  'loop that fits': ({ entries }) => loop(0.95 * entries),
  'loop 5 % too long': ({ entries }) => loop(1.05 * entries),
  'loop 30 % too long': ({ entries }) => loop(1.3 * entries),
  'loop three times too long': ({ entries }) => loop(3 * entries),
  'to and fro': ({ entries }) => toAndFro(Math.round(1.5 * entries)),
  'each key twice, gap half': ({ entries }) => twice(0.5 * entries),
  'each key twice, gap 90 %': ({ entries }) => twice(0.9 * entries),
  'each key twice, gap 98 %': ({ entries }) => twice(0.98 * entries),
  'each key twice, gap 150 %': ({ entries }) => twice(1.5 * entries),
  'each key twice, gap 190 %': ({ entries }) => twice(1.9 * entries),
  'each part twice, half': ({ entries }) => partsTwice(0.5 * entries),
  'each part twice, 90 %': ({ entries }) => partsTwice(0.9 * entries),
  'each part twice, 98 %': ({ entries }) => partsTwice(0.98 * entries),
  'each key twice, gap random': ({ entries, random }) => twiceAtRandom(1.2 * entries, random),
  'bursts of a few requests': ({ entries, random }) => bursts(0.05 * entries, random),
  'half one-hit wonders': (frame) => either(frame.random, 0.5, popular(frame, 5, 0.9), scan()),
  'four fifths one-hit wonders': (frame) => either(frame.random, 0.8, popular(frame, 5, 0.9), scan()),
  'recency, short': ({ entries, random }) => recency(0.3 * entries, random),
  'recency, long': ({ entries, random }) => recency(1.5 * entries, random),
  'two pools': ({ entries, random }) =>
    alternate(1, uniform(0.7 * entries, random), uniform(20 * entries, random)),
  'zipf and a loop': (frame) => either(frame.random, 0.5, popular(frame, 5, 1), loop(1.2 * frame.entries)),
  'zipf and scans': (frame) => unequal(8 * frame.entries, 2 * frame.entries, popular(frame, 5, 1), scan()),
  'zipf and long scans': (frame) => alternate(10 * frame.entries, popular(frame, 5, 1), scan()),
  'other keys, soon': (frame) => renewed(5 * frame.entries, () => popular(frame, 4, 1)),
  'other keys, late': (frame) => renewed(25 * frame.entries, () => popular(frame, 4, 1)),
  'two sets in turn': (frame) => alternate(8 * frame.entries, popular(frame, 3, 0.9), popular(frame, 3, 0.9)),
  'drifting popularity': (frame) => drifting(frame, 4),
  'fast drifting popularity': (frame) => drifting(frame, 0.2),
  diurnal: (frame) => diurnal(frame),
  'loop, then zipf': (frame) =>
    alternate(frame.requests / 2, loop(1.5 * frame.entries), popular(frame, 5, 1)),
  'zipf, then loop': (frame) =>
    alternate(frame.requests / 2, popular(frame, 5, 1), loop(1.5 * frame.entries)),
  'loop and twice in long turns': ({ entries }) =>
    alternate(20 * entries, loop(1.5 * entries), twice(0.7 * entries)),
  'loop and twice in short turns': ({ entries }) =>
    alternate(6 * entries, loop(1.5 * entries), twice(0.7 * entries)),
  'loop and recency in turns': ({ entries, random }) =>
    alternate(15 * entries, loop(1.4 * entries), recency(0.5 * entries, random)),
  'nested loops': ({ entries }) => alternate(4 * entries, loop(0.8 * entries), scan()),
  'all in turn': (frame) => allInTurn(frame),
}

/** One workload of every kind, each for a cache of `entries`. */
export function* variedWorkloads(entries: number, requests: number, seed: number): Generator<Trace> {
  for (const [name, kind] of Object.entries(KINDS)) {
    yield numbered(name, requests, kind({ entries, requests, random: prng(seed) }))
  }
}

/** Keys as a trace has them: integers from 0 in order of first appearance. */
function numbered(name: string, requests: number, draw: Draw): Trace {
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
function popular({ entries, random }: Frame, factor: number, exponent: number): Draw {
  return zipf(Math.round(factor * entries), random, exponent)
}

function uniform(keyCount: number, random: () => number): Draw {
  return () => Math.floor(keyCount * random())
}

/** Keys that are asked for once. */
function scan(): Draw {
  let next = 0
  return () => next++
}

function loop(length: number): Draw {
  const keyCount = Math.round(length)
  let next = 0
  return () => next++ % keyCount
}

function toAndFro(length: number): Draw {
  let next = 0
  return () => {
    const at = next++ % (2 * length)
    return at < length ? at : 2 * length - 1 - at
  }
}

/** Every key comes twice, `gap` other keys in between. */
function twice(gap: number): Draw {
  const lag = Math.round(gap)
  let next = 0
  return () => {
    const at = next++
    return at % 2 === 0 ? at >> 1 : (at >> 1) - (lag >> 1)
  }
}

/** `length` new keys, the same once more, and on to the next ones. */
function partsTwice(length: number): Draw {
  const part = Math.round(length)
  let next = 0
  return () => {
    const at = next++
    return part * Math.floor(at / (2 * part)) + (at % part)
  }
}

/** Every key comes twice, up to `gapMax` other requests in between. */
function twiceAtRandom(gapMax: number, random: () => number): Draw {
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
function bursts(span: number, random: () => number): Draw {
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
function recency(span: number, random: () => number): Draw {
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
function either(random: () => number, share: number, one: Draw, other: Draw): Draw {
  return (request) => (random() < share ? APART + other(request) : one(request))
}

/** Some requests of each draw in turn. */
function alternate(period: number, ...draws: readonly Draw[]): Draw {
  return (request) => {
    const turn = Math.floor(request / period) % draws.length
    return APART * turn + draws[turn]!(request)
  }
}

function unequal(first: number, second: number, one: Draw, other: Draw): Draw {
  return (request) => (request % (first + second) < first ? one(request) : APART + other(request))
}

/** The same law, with keys of its own in each period. */
function renewed(period: number, create: () => Draw): Draw {
  const draw = create()
  return (request) => APART * Math.floor(request / period) + draw(request)
}

/** Zipf's law over ranks that move on to new keys: all of the most popular ones are others after `turns` × entries. */
function drifting(frame: Frame, turns: number): Draw {
  const draw = popular(frame, 4, 0.9)
  return (request) => draw(request) * 17 + 17 * Math.floor(request / turns)
}

/** Two sets of keys whose shares rise and fall, the one while the other sleeps. */
function diurnal(frame: Frame): Draw {
  const [day, night] = [popular(frame, 4, 0.9), popular(frame, 4, 0.9)]
  return (request) => {
    const share = 0.5 + 0.5 * Math.sin((2 * Math.PI * request) / (12 * frame.entries))
    return frame.random() < share ? APART + night(request) : day(request)
  }
}

function allInTurn(frame: Frame): Draw {
  const { entries, requests, random } = frame
  return alternate(
    requests / 6,
    popular(frame, 5, 1),
    loop(1.3 * entries),
    recency(0.5 * entries, random),
    twice(0.8 * entries),
    uniform(1.5 * entries, random),
    popular(frame, 8, 0.7),
  )
}
